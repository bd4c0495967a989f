"""What counts as late and as silent, with invented times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobarranger.calendars.starts import Start
from jobarranger.model.pauses import Pause, Pauses, in_order
from jobarranger.states import ObjectFlag, PauseScope
from jobarranger.watching import presence
from jobarranger.watching.late import (
    DAY_MS,
    LateProblem,
    LateRules,
    Missing,
    Suspicions,
    Unbegun,
    Waits,
    by_week,
    load_window,
    oldest_unbegun,
    unloaded,
    unstarted,
)
from jobarranger.watching.overruns import instant_of_second, is_over
from jobarranger.watching.presence import Presence, Sign

MINUTE = 60_000
NINE = round(datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp() * 1000)
BERLIN = ZoneInfo("Europe/Berlin")
RULES = LateRules(load_span=60)


def start(slot: int = 202606010900, jobnet: str = "NET") -> Start:
    """Return a start of schedule S by calendar C."""
    return Start(slot, "S", "C", ObjectFlag.CALENDAR, "0900", date(2026, 6, 1), jobnet)


def missing(slot: int = 202606010900) -> Missing:
    """Return a start that is not loaded."""
    (one,) = unloaded([start(slot)], UTC)
    return one


def unbegun(**changed: int) -> Unbegun:
    """Return the row of a run that is to start at nine and has not."""
    given = {"status": 0, "load_status": 0, "start_pending_flag": 0, "run": 7, **changed}
    given.setdefault("scheduled_time", 202606010900)
    return Unbegun(jobnet_id="NET", schedule_id="S", calendar_id="C", user_name="ann", **given)


def late(run: Unbegun, now: int, *pauses: Pause) -> list[Missing]:
    """Return what is missing about a run at `now`."""
    return list(unstarted([run], in_order(pauses, now), UTC))


# -- not loaded -------------------------------------------------------------------------------


def test_starts_of_the_load_span_should_be_loaded():
    """From the present minute to that of its end, both included."""
    assert load_window(NINE + 59_999, None, RULES, UTC) == (202606010900, 202606011000)


@pytest.mark.parametrize(
    ("handled_to", "first"),
    [
        (NINE + 60 * MINUTE, 202606010900),  # the loader has seen the whole window: it is alive
        (NINE - 10 * MINUTE, 202606010850),  # it went away
        (NINE - 3 * DAY_MS, 202605310900),  # it went away long ago
    ],
)
def test_an_outage_of_the_loader_is_looked_at_from_its_begin(handled_to, first):
    """So starts that passed meanwhile are seen, of a day at most."""
    assert load_window(NINE, handled_to, RULES, UTC)[0] == first


@pytest.mark.parametrize(
    ("first", "last", "weeks"),
    [
        (202606010900, 202606011000, [(202606010900, 202606011000)]),
        (202606010900, 202606072359, [(202606010900, 202606072359)]),
        (202606010900, 202606080000, [(202606010900, 202606072359), (202606080000, 202606080000)]),
    ],
)
def test_a_window_is_looked_at_week_by_week(first, last, weeks):
    """Nothing is left out between two of them."""
    assert list(by_week(first, last)) == weeks


def test_the_window_is_one_of_instants():
    """Before the clock is put forward an hour ahead is three in the morning, not two."""
    half_past_one = round(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp() * 1000)
    assert load_window(half_past_one, None, RULES, BERLIN) == (202603290130, 202603290330)


def test_a_problem_is_reported_when_it_is_ripe_and_was_watched():
    """A minute after it should have been loaded, and not before it was seen twice."""
    rules = replace(RULES, confirm_ms=60_000)
    now = NINE - 60 * MINUTE
    seen = Suspicions().looked([missing()], now)
    assert seen.confirmed(now, rules) == []
    seen = seen.looked([missing()], now + MINUTE - 1)
    assert seen.confirmed(now + MINUTE - 1, rules) == []
    assert seen.confirmed(now + MINUTE, rules) == [missing()]


def test_what_was_loaded_meanwhile_is_forgotten():
    """It must be missing all the time; a check that does not find it begins anew."""
    rules = replace(RULES, confirm_ms=60_000)
    seen = Suspicions().looked([missing()], NINE).looked([], NINE + 1).looked([missing()], NINE + 2)
    assert seen.confirmed(NINE + 60_001, rules) == []
    assert seen.confirmed(NINE + 60_002, rules) == [missing()]


@pytest.mark.parametrize(("shift", "minutes"), [(0, -59), (30, -29), (90, 31)])
def test_the_load_shift_is_patience(shift, minutes):
    """`JaLoadShiftTime` minutes more than the load span; more than that waits beyond the start."""
    rules = LateRules(load_span=60, load_shift=shift)
    at = NINE + minutes * MINUTE
    seen = Suspicions().looked([missing()], NINE - 60 * MINUTE)
    assert seen.confirmed(at - 1, rules) == []
    assert seen.confirmed(at, rules) == [missing()]


def test_a_start_whose_time_has_passed_stays_suspected_for_a_day():
    """The window does not show it any more, and it still is not loaded."""
    seen = Suspicions().looked([missing()], NINE - MINUTE)
    assert seen.past(NINE - 1) == []
    assert seen.past(NINE) == seen.past(NINE + DAY_MS - 1) == [missing()]
    assert seen.past(NINE + DAY_MS) == []


def test_every_start_is_a_cause_of_its_own():
    """By schedule, calendar, jobnet and slot: each is reported once."""
    causes = {one.cause for one in unloaded([start(), start(jobnet="B"), start(202606020900)], UTC)}
    assert len(causes) == 3


# -- not begun --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "waits"),
    [
        ({}, Waits.NOTHING),
        ({"status": 1}, Waits.PICKED),
        ({"load_status": 2}, Waits.EARLIER),
        ({"status": 2, "load_status": 2}, Waits.MISSED),
    ],
)
def test_a_run_that_has_not_begun_is_late_with_its_reason(columns, waits):
    """From its minute on; the rules say when it is reported."""
    assert late(unbegun(**columns), NINE - 1) == []
    (one,) = late(unbegun(**columns), NINE)
    assert (one.problem, one.waits, one.run) == (LateProblem.STARTED, waits, 7)
    assert LateRules(load_span=60).ripe_at(one.problem, one.instant) == NINE + MINUTE
    assert (
        LateRules(load_span=60, run_shift=5).ripe_at(one.problem, one.instant) == NINE + 6 * MINUTE
    )


@pytest.mark.parametrize("flag", [1, 2])
def test_a_held_run_is_not_late(flag):
    """Nor one that was released: people have taken it into their hands."""
    assert late(unbegun(start_pending_flag=flag), NINE + 60 * MINUTE) == []


def test_a_run_of_yesterday_is_history():
    """It was reported then, or it is from before there was a monitor."""
    assert late(unbegun(), NINE + DAY_MS) != []
    assert late(unbegun(), NINE + DAY_MS + 1) == []


def test_a_run_is_watched_as_long_as_its_pause_was():
    """One that a pause of three days has kept is late a while after its end, like any other."""
    pause = Pause(id=1, scope=PauseScope.ALL, since=NINE - MINUTE, ended_at=NINE + 3 * DAY_MS)
    now = NINE + 3 * DAY_MS + 10 * MINUTE
    assert oldest_unbegun(in_order([pause], now)) <= NINE
    assert late(unbegun(), now, pause) != []
    assert oldest_unbegun(in_order([], now)) == now - DAY_MS
    assert oldest_unbegun(in_order([pause], now + DAY_MS)) == now


@pytest.mark.parametrize(("scope", "name"), [(PauseScope.ALL, ""), (PauseScope.JOBNET, "NET")])
def test_a_paused_run_is_not_late(scope, name):
    """Neither during the pause nor right after it; later it is."""
    begin, end = NINE - MINUTE, NINE + 60 * MINUTE
    pause = Pause(id=1, scope=scope, name=name, since=begin)
    assert late(unbegun(), NINE + 30 * MINUTE, pause) == []
    over = replace(pause, ended_at=end)
    assert late(unbegun(), end + MINUTE, over) == []
    (one,) = late(unbegun(), end + 10 * MINUTE, over)
    assert one.instant == end + 5 * MINUTE
    assert one.slot == 202606010900


def test_a_pause_of_others_excuses_nothing():
    """Another jobnet's, or a host's."""
    for scope, name in ((PauseScope.JOBNET, "OTHER"), (PauseScope.HOST, "NET")):
        pause = Pause(id=1, scope=scope, name=name, since=NINE - MINUTE)
        assert late(unbegun(), NINE + MINUTE, pause)


def test_what_is_no_time_never_comes():
    """A row that somebody wrote by hand must not hide the others."""
    assert late(unbegun(scheduled_time=202606010975), NINE + 60 * MINUTE) == []


def test_a_minute_that_is_left_out_counts_from_the_end_of_the_gap():
    """02:30 is due at 03:00 summer time, when its run starts."""
    run = unbegun(scheduled_time=202603290230)
    gap = round(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp() * 1000)
    assert list(unstarted([run], Pauses(now=gap - 1), BERLIN)) == []
    (one,) = unstarted([run], Pauses(now=gap), BERLIN)
    assert one.instant == gap


# -- how long it must be missing -----------------------------------------------------------------


def test_a_run_is_not_reported_later_because_schedules_are_read_seldom():
    """The loader's interval says how long it may take to load, not to begin."""
    rules = LateRules(load_span=60, confirm_ms=20 * MINUTE)
    (begun,) = late(unbegun(), NINE)
    seen = Suspicions().looked([begun, missing()], NINE)
    assert [one.problem for one in seen.confirmed(NINE + MINUTE, rules)] == [LateProblem.STARTED]
    assert len(seen.confirmed(NINE + 20 * MINUTE, rules)) == 2


def test_a_clock_that_is_set_back_silences_nothing():
    """What was missing by the wrong time is reported a while after it was set right."""
    rules = LateRules(load_span=60, confirm_ms=MINUTE)
    (begun,) = late(unbegun(), NINE + 60 * MINUTE)
    seen = Suspicions().looked([begun], NINE + 60 * MINUTE).looked([begun], NINE + MINUTE)
    assert seen.confirmed(NINE + 2 * MINUTE, rules) == [begun]


# -- the server -------------------------------------------------------------------------------

SIGN = Sign(server_id="1", host_name="h", started_at=NINE, seen_at=NINE)
LIMIT = 120_000


def test_no_sign_at_all():
    """That is reported after the limit, counted from the first check."""
    seen = presence.look(None, [], NINE)
    assert seen.presence(NINE + LIMIT - 1, LIMIT) is Presence.UNSURE
    seen = presence.look(seen, [], NINE + LIMIT)
    assert seen.presence(NINE + LIMIT, LIMIT) is Presence.NEVER


def test_old_signs_are_believed_at_the_first_look():
    """A server that died an hour ago is silent at once."""
    seen = presence.look(None, [SIGN], NINE + 60 * MINUTE)
    assert seen.presence(NINE + 60 * MINUTE, LIMIT) is Presence.SILENT
    stopped = replace(SIGN, stopped_at=NINE)
    seen = presence.look(None, [stopped], NINE + 60 * MINUTE)
    assert seen.presence(NINE + 60 * MINUTE, LIMIT) is Presence.STOPPED


def test_a_sign_that_changes_is_life_whatever_its_clock_says():
    """The server's clock may go an hour behind or ahead of ours."""
    for skew in (-60 * MINUTE, 60 * MINUTE):
        now, seen = NINE, None
        for _ in range(20):
            now += 10_000
            seen = presence.look(seen, [replace(SIGN, seen_at=now + skew)], now)
        assert seen.presence(now, LIMIT) is Presence.HERE
        assert seen.presence(now + LIMIT, LIMIT) is Presence.SILENT


def test_a_restart_is_no_silence():
    """It was stopped in order, and is given the same time to come back."""
    seen = presence.look(None, [SIGN], NINE)
    seen = presence.look(seen, [replace(SIGN, stopped_at=NINE + 5)], NINE + 10)
    assert seen.presence(NINE + 20, LIMIT) is Presence.UNSURE
    newer = replace(SIGN, server_id="2", seen_at=NINE + 30)
    seen = presence.look(seen, [replace(SIGN, stopped_at=NINE + 5), newer], NINE + 30)
    assert seen.presence(NINE + 30, LIMIT) is Presence.HERE


def test_a_sign_of_the_future_hides_no_server():
    """A server whose clock was an hour ahead was stopped; the one after it is at work."""
    ahead = replace(SIGN, seen_at=NINE + 60 * MINUTE, stopped_at=NINE + 60 * MINUTE)
    now, seen = NINE, None
    for _ in range(30):
        now += 10_000
        newer = replace(SIGN, server_id="2", started_at=NINE, seen_at=now)
        seen = presence.look(seen, [ahead, newer], now)
        assert seen.presence(now, LIMIT) is Presence.HERE or now == NINE + 10_000
    assert presence.look(seen, [ahead, newer], now + LIMIT).presence(now + LIMIT, LIMIT) is (
        Presence.SILENT
    )


def test_a_clock_that_is_set_back_makes_no_silence_longer():
    """What was seen by the wrong time counts from the first check by the right one."""
    seen = presence.look(None, [SIGN], NINE)
    seen = presence.look(seen, [replace(SIGN, seen_at=NINE + 1)], NINE + 60 * MINUTE)
    seen = presence.look(seen, [replace(SIGN, seen_at=NINE + 1)], NINE)
    assert seen.presence(NINE + LIMIT, LIMIT) is Presence.SILENT


def test_a_silence_is_one_cause_for_all_who_watch():
    """Whenever they began to."""
    one = presence.look(None, [SIGN], NINE + LIMIT)
    other = presence.look(None, [SIGN], NINE + 10 * LIMIT)
    assert one.cause == other.cause
    assert one.cause != presence.look(None, [replace(SIGN, seen_at=NINE + 1)], NINE + LIMIT).cause


def test_the_day_of_a_problem_is_a_day():
    """A guard against units that slip."""
    assert timedelta(milliseconds=DAY_MS) == timedelta(days=1)


# -- over the time limit ----------------------------------------------------------------------


def test_a_limit_is_used_up_after_its_minutes():
    """To the millisecond; a run without a beginning uses none."""
    assert not is_over(NINE, NINE + 30 * MINUTE - 1, 30)
    assert is_over(NINE, NINE + 30 * MINUTE, 30)
    assert not is_over(None, NINE, 1)


@pytest.mark.parametrize(
    ("second", "at"),
    [
        (20260601110000, datetime(2026, 6, 1, 9, tzinfo=UTC)),
        (20261025023030, datetime(2026, 10, 25, 0, 30, 30, tzinfo=UTC)),
        (20261025030000, datetime(2026, 10, 25, 2, tzinfo=UTC)),
        (20260601110059, datetime(2026, 6, 1, 9, 0, 59, tzinfo=UTC)),
    ],
)
def test_digits_of_a_start_stand_for_the_earliest_instant(second, at):
    """One that comes twice for the first time, so no run over its limit is overlooked."""
    assert instant_of_second(second, BERLIN) == round(at.timestamp() * 1000)


@pytest.mark.parametrize("second", [0, 20261301000000, 5])
def test_digits_that_are_no_time_stand_for_none(second):
    """Somebody has written them; nothing is reported of that run."""
    assert instant_of_second(second, BERLIN) is None
