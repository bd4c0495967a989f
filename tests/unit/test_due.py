"""Boot decisions read like the rules of multiple start-up and of the missed start."""

from hypothesis import given
from hypothesis import strategies as st

from jobarranger.loading.due import Action, Due, decide, is_missed
from jobarranger.states import LoadStatus, MissedStart, MultipleStart, RunType

NINE = 202611220900
#: The last slot that is over for good: nothing of the present, or nine o'clock itself.
IN_TIME, TOO_LATE = NINE - 1, NINE


def due(number=1, name="J", *, mode=MultipleStart.PARALLEL, **changes):
    """Return a due run; immediate unless set otherwise."""
    values = {
        "id": number,
        "jobnet_id": name,
        "run_type": RunType.IMMEDIATE,
        "load_status": LoadStatus.NORMAL,
        "scheduled_time": 0,
        "multiple_start_up": mode,
        "start_pending_flag": 0,
    }
    return Due(**{**values, **changes})


def timed(number=1, **changes):
    """Return a run that was scheduled for nine o'clock."""
    return due(number, run_type=RunType.TIME, **{"scheduled_time": NINE, **changes})


def test_parallel_starts_beside_others():
    """Mode parallel starts whatever is running."""
    assert decide([due(1), due(2)], ["J"], IN_TIME) == {1: Action.START, 2: Action.START}


def test_skip_starts_when_nothing_runs_and_skips_otherwise():
    """Of two due runs in mode skip the first starts and the second is skipped."""
    runs = [due(1, mode=MultipleStart.SKIP), due(2, mode=MultipleStart.SKIP)]
    assert decide(runs, [], IN_TIME) == {1: Action.START, 2: Action.SKIP}
    assert decide(runs, ["J"], IN_TIME) == {1: Action.SKIP, 2: Action.SKIP}


def test_delay_waits_and_is_noted_once():
    """Mode delay notes the waiting once and keeps it afterwards."""
    first = due(1, mode=MultipleStart.DELAY)
    again = due(2, mode=MultipleStart.DELAY, load_status=LoadStatus.DELAY)
    assert decide([first, again], ["J"], IN_TIME) == {1: Action.WAIT, 2: Action.KEEP}


def test_only_one_delayed_run_starts_at_a_time():
    """The first of several waiting runs makes the jobnet running for the next."""
    runs = [
        due(n, mode=MultipleStart.DELAY, load_status=LoadStatus.DELAY, scheduled_time=time)
        for n, time in ((3, IN_TIME), (1, NINE + 1), (2, 0))
    ]
    assert decide(runs, [], IN_TIME) == {2: Action.START, 3: Action.KEEP, 1: Action.KEEP}


def test_an_immediate_run_overtakes_scheduled_ones():
    """Scheduled time 0 comes first in the order."""
    waiting = timed(1, mode=MultipleStart.DELAY, load_status=LoadStatus.DELAY)
    now = due(9, mode=MultipleStart.DELAY)
    assert decide([waiting, now], [], IN_TIME) == {9: Action.START, 1: Action.KEEP}


def test_other_jobnets_do_not_matter():
    """The rule compares jobnet ids."""
    assert decide([due(1, mode=MultipleStart.SKIP)], ["K"], IN_TIME) == {1: Action.START}


def test_a_slot_is_missed_when_it_is_over():
    """As long as its slot, with its grace, is not over, a run starts; then it is missed."""
    assert not is_missed(timed(), IN_TIME)
    assert is_missed(timed(), TOO_LATE)


def test_late_check_comes_before_multiple_start_up():
    """A late run in mode skip is missed, not skipped; it does not count as running."""
    late = timed(1, mode=MultipleStart.SKIP)
    fresh = timed(2, mode=MultipleStart.SKIP, scheduled_time=NINE + 1)
    assert decide([late, fresh], [], TOO_LATE) == {1: Action.MISS, 2: Action.START}
    assert decide([late, fresh], ["J"], TOO_LATE) == {1: Action.MISS, 2: Action.SKIP}


def test_a_late_run_may_start_all_the_same():
    """With `late` the rule of multiple start-up decides, as for a run that comes in time."""
    runs = [timed(n, mode=MultipleStart.DELAY) for n in (1, 2)]
    actions = decide(runs, [], TOO_LATE, MissedStart.LATE)
    assert actions == {1: Action.START_LATE, 2: Action.WAIT}
    assert decide([timed()], [], IN_TIME, MissedStart.LATE) == {1: Action.START}


def test_a_late_run_may_be_dropped():
    """With `skip` it ends unstarted whatever its mode is, and is in nobody's way."""
    runs = [timed(1), timed(2, mode=MultipleStart.DELAY, scheduled_time=NINE + 1)]
    assert decide(runs, [], TOO_LATE, MissedStart.SKIP) == {1: Action.DROP, 2: Action.START}


def test_what_is_never_late():
    """Waiting, released and immediate runs are never missed."""
    assert not is_missed(timed(load_status=LoadStatus.DELAY), TOO_LATE + 5)
    assert not is_missed(timed(start_pending_flag=2), TOO_LATE + 5)
    assert not is_missed(due(scheduled_time=NINE), TOO_LATE + 5)


@given(st.lists(st.sampled_from(list(MultipleStart)), max_size=8), st.booleans())
def test_at_most_one_start_without_parallel(modes, running):
    """Among runs of one jobnet that are not parallel at most one starts per pass."""
    runs = [due(number, mode=mode) for number, mode in enumerate(modes, 1)]
    actions = decide(runs, ["J"] if running else [], IN_TIME)
    ruled = [run.id for run in runs if run.multiple_start_up != MultipleStart.PARALLEL]
    started = [run for run in ruled if actions[run] is Action.START]
    assert len(started) <= (0 if running else 1)
