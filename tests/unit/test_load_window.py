"""Windows of the scheduled load: spans, stretches, and the slots that belong to them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.calendars.digits import slot_of
from jobarranger.loading.window import (
    GUARD_MS,
    LONGEST_SPAN,
    Window,
    guards_over,
    load_span,
    minute_of,
    slots_of,
)
from jobarranger.slots import MINUTE_MS, instant_of

HOUR = 60 * MINUTE_MS
BERLIN = ZoneInfo("Europe/Berlin")
#: Zones with changes of an hour, of half an hour, of a whole day, and without any.
ZONES = [BERLIN, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia"), UTC]


@pytest.mark.parametrize(
    ("stored", "minutes"),
    [
        ("60", 60), ("1", 1), ("0090", 90), (" 5 ", 5), (None, 60), ("", 60), ("0", 60),
        ("-5", 60), ("soon", 60), ("1.5", 60), ("12345678901", 60), ("9999999999", LONGEST_SPAN),
    ],
)  # fmt: skip
def test_load_span(stored, minutes):
    """What is no number of minutes is 60; more than a year is a year."""
    assert load_span(stored) == minutes


def test_stretches_are_the_window():
    """They follow each other without a gap, and none is longer than an hour."""
    window = Window(7, 7 + 3 * HOUR)
    found = list(window.stretches())
    assert (found[0].first_at, found[-1].last_at) == (window.first_at, window.last_at)
    assert all(b.first_at == a.last_at + 1 for a, b in pairwise(found))
    assert max(one.last_at - one.first_at for one in found) < HOUR
    assert list(Window(5, 4).stretches()) == []
    assert not Window(5, 4)


@pytest.mark.parametrize(
    ("first", "last", "slots"),
    [
        ("2026-03-31 09:00", "2026-03-31 10:00", (202603310859, 202603311000)),
        ("2026-03-29 03:00", "2026-03-29 03:00", (202603290159, 202603290300)),
        ("2026-03-29 01:59", "2026-03-29 01:59", (202603290158, 202603290159)),
    ],
)
def test_slots_of_a_window(first, last, slots):
    """Both ends belong to it; minutes that are left out belong to the first one after them."""
    ends = [
        round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)
        for text in (first, last)
    ]
    assert slots_of(Window(*ends), BERLIN) == slots


@given(
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(
        ["2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2011-12-30", "2026-06-01"]
    ).map(datetime.fromisoformat),
    cuts=st.lists(st.integers(0, 3 * 24 * 60), min_size=1, max_size=6, unique=True),
)
def test_every_slot_belongs_to_one_of_windows_in_a_row(zone, day, cuts):
    """None is left out between two windows and none is in both, whatever the clock does."""
    begin = round((day.replace(tzinfo=UTC) - timedelta(days=1)).timestamp() * 1000)
    ends = [begin + cut * MINUTE_MS for cut in sorted({*cuts, 0, 3 * 24 * 60})]
    windows = [Window(a + 1, b) for a, b in pairwise(ends)]
    spans = [slots_of(window, zone) for window in windows]
    for at in range(3 * 24 * 4):
        slot = slot_of(day - timedelta(days=1) + timedelta(minutes=15 * at))
        instant = instant_of(slot, zone)
        inside = [window.first_at <= instant <= window.last_at for window in windows]
        assert inside == [after < slot <= last for after, last in spans]


def test_the_present_minute_and_old_guards():
    """A minute begins at its first instant; guards go a week after their slot."""
    assert minute_of(10 * HOUR + 59_999) == 10 * HOUR
    assert guards_over(GUARD_MS + 5) == 5
