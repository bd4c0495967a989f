"""How long things are kept, and what is due at an instant."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from jobarranger.clock import stamp12
from jobarranger.purging.limits import limits_at, lowest_minute
from jobarranger.purging.spans import Mistake, Spans, read_spans

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text, zone=UTC):
    """Return a wall-clock time as UTC ms; `fold` 1 is written as a trailing +."""
    at = datetime.fromisoformat(text.rstrip("+")).replace(tzinfo=zone, fold=int(text[-1] == "+"))
    return int(at.timestamp() * 1000)


def test_numbers_count():
    """Digits are minutes; 0 is legal."""
    spans, mistakes = read_spans(
        {"JOBNET_KEEP_SPAN": "0", "JOBLOG_KEEP_SPAN": " 10 ", "AUDIT_KEEP_SPAN": "7"}
    )
    assert spans == Spans(runs=0, log=10, messages=1440, audit=7)
    assert mistakes == []


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "60m", "12345678901", "\u0661"])
def test_what_is_no_number_never_means_at_once(text):
    """The default counts, and the mistake is reported."""
    spans, mistakes = read_spans({"JOBNET_KEEP_SPAN": text})
    assert spans == Spans()
    assert mistakes == [Mistake("JOBNET_KEEP_SPAN", text, 60)]


def test_limits_are_the_spans_before_now():
    """Stamps are local digits, the rest is UTC."""
    now = ms("2026-11-22T09:30:40")
    limits = limits_at(now, UTC, Spans(runs=60, log=120, messages=30, audit=1))
    assert (limits.runs, limits.log) == (20261122083040, 20261122073040000)
    assert (limits.messages, limits.slot) == (20261122090040, 202611220930)
    assert limits.audit == now - 60_000


def test_a_pause_is_kept_as_long_as_it_may_excuse_a_run():
    """Boot may be away for longer than a day, and a run's grace may be longer, too."""
    now = ms("2026-11-22T09:30:40")
    day = 24 * 3_600_000
    assert limits_at(now, UTC, Spans()).pauses == now - day
    assert limits_at(now, UTC, Spans(), grace_ms=3 * day).pauses == now - 4 * day


def test_a_span_of_ages_keeps_everything():
    """A limit before 1970 is no error."""
    assert limits_at(ms("2026-01-01"), UTC, Spans(runs=10**9)).runs == 19700101000000


@pytest.mark.parametrize(
    ("now", "lowest"),
    [
        ("2026-10-24T12:00", 202610241200),
        ("2026-10-25T01:10", 202610250110),
        ("2026-10-25T02:31", 202610250200),  # comes again after 02:59
        ("2026-10-25T02:31+", 202610250231),
        ("2026-10-25T03:05", 202610250305),
    ],
)
def test_minutes_that_come_twice_are_not_over_after_the_first_time(now, lowest):
    """Before the clock is set back, the minutes in between are still to come."""
    assert lowest_minute(ms(now, BERLIN), BERLIN) == lowest


@pytest.mark.parametrize(
    ("now", "limit"),
    [
        ("2026-10-25T01:59", 20261025005900),
        ("2026-10-25T02:30", 20261025013000),
        ("2026-10-25T02:00+", 20261025020000),  # nothing has been shown again yet
        ("2026-10-25T02:30+", 20261025019999),  # what shows 02:10 may be of twenty minutes ago
        ("2026-10-25T03:00", 20261025020000),
        ("2026-10-25T03:30", 20261025023000),
    ],
)
def test_what_ended_in_the_second_of_two_equal_hours_is_kept_as_long_as_anything(now, limit):
    """An end at 02:10 is taken for the second one as long as that is not too long ago."""
    limits = limits_at(ms(now, BERLIN), BERLIN, Spans(runs=60, log=60, messages=60))
    assert limits.runs == limits.messages == limit
    assert limits.log // 1000 == limit


def test_with_nothing_to_keep_nothing_waits_for_the_second_of_two_equal_hours():
    """A span of 0 means now."""
    limits = limits_at(ms("2026-10-25T02:31", BERLIN), BERLIN, Spans(runs=0))
    assert limits.runs == 20261025023100


def test_the_lowest_minute_is_that_of_now_in_ordinary_times():
    """Nothing is kept longer than its minute then."""
    now = ms("2026-07-01T11:59:59")
    assert lowest_minute(now, BERLIN) == stamp12(now, BERLIN)
