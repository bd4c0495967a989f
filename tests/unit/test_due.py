"""Boot decisions read like the rules of multiple start-up and of the missed start."""

from hypothesis import given
from hypothesis import strategies as st

from jobarranger.loading.due import Action, Due, decide, is_missed
from jobarranger.states import LoadStatus, MultipleStart, RunType

NINE = 202611220900


def due(number=1, name="J", *, mode=MultipleStart.PARALLEL, **changes):
    """Return a due run; immediate unless told otherwise."""
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
    assert decide([due(1), due(2)], ["J"], NINE) == {1: Action.START, 2: Action.START}


def test_skip_starts_when_nothing_runs_and_skips_otherwise():
    """Of two due runs in mode skip the first starts and the second is skipped."""
    runs = [due(1, mode=MultipleStart.SKIP), due(2, mode=MultipleStart.SKIP)]
    assert decide(runs, [], NINE) == {1: Action.START, 2: Action.SKIP}
    assert decide(runs, ["J"], NINE) == {1: Action.SKIP, 2: Action.SKIP}


def test_delay_waits_and_is_noted_once():
    """Mode delay notes the waiting once and keeps it afterwards."""
    first = due(1, mode=MultipleStart.DELAY)
    again = due(2, mode=MultipleStart.DELAY, load_status=LoadStatus.DELAY)
    assert decide([first, again], ["J"], NINE) == {1: Action.WAIT, 2: Action.KEEP}


def test_only_one_delayed_run_starts_at_a_time():
    """The first of several waiting runs makes the jobnet running for the next."""
    runs = [
        due(n, mode=MultipleStart.DELAY, load_status=LoadStatus.DELAY, scheduled_time=time)
        for n, time in ((3, NINE), (1, NINE + 1), (2, 0))
    ]
    assert decide(runs, [], NINE) == {2: Action.START, 3: Action.KEEP, 1: Action.KEEP}


def test_an_immediate_run_overtakes_scheduled_ones():
    """Scheduled time 0 comes first in the order."""
    waiting = timed(1, mode=MultipleStart.DELAY, load_status=LoadStatus.DELAY)
    now = due(9, mode=MultipleStart.DELAY)
    assert decide([waiting, now], [], NINE) == {9: Action.START, 1: Action.KEEP}


def test_other_jobnets_do_not_matter():
    """The rule compares jobnet ids."""
    assert decide([due(1, mode=MultipleStart.SKIP)], ["K"], NINE) == {1: Action.START}


def test_the_scheduled_minute_is_the_tolerance():
    """Within its minute a run starts, a minute later it is missed."""
    assert not is_missed(timed(), NINE)
    assert is_missed(timed(), NINE + 1)


def test_late_check_comes_before_multiple_start_up():
    """A late run in mode skip is missed, not skipped, and then counts as running."""
    late = timed(1, mode=MultipleStart.SKIP)
    fresh = timed(2, mode=MultipleStart.SKIP, scheduled_time=NINE + 1)
    assert decide([late, fresh], [], NINE + 1) == {1: Action.MISS, 2: Action.SKIP}


def test_what_is_never_late():
    """Waiting, released and immediate runs are never missed."""
    assert not is_missed(timed(load_status=LoadStatus.DELAY), NINE + 5)
    assert not is_missed(timed(start_pending_flag=2), NINE + 5)
    assert not is_missed(due(scheduled_time=NINE), NINE + 5)


@given(st.lists(st.sampled_from(list(MultipleStart)), max_size=8), st.booleans())
def test_at_most_one_start_without_parallel(modes, running):
    """Among runs of one jobnet that are not parallel at most one starts per pass."""
    runs = [due(number, mode=mode) for number, mode in enumerate(modes, 1)]
    actions = decide(runs, ["J"] if running else [], NINE)
    ruled = [run.id for run in runs if run.multiple_start_up != MultipleStart.PARALLEL]
    started = [run for run in ruled if actions[run] is Action.START]
    assert len(started) <= (0 if running else 1)
