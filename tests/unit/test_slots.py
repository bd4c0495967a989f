"""Slots and instants: daylight saving, half hours, and days that never were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.clock import stamp12
from jobarranger.slots import due_slot, instant_of

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, APIA, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"))

#: Hours around which the offset of one of the zones changes.
CHANGES = (
    (2011, 12, 30, 10), (2026, 3, 8, 7), (2026, 3, 29, 1), (2026, 4, 4, 15), (2026, 10, 3, 15),
    (2026, 10, 25, 1), (2026, 11, 1, 6), (2021, 4, 3, 14), (2020, 9, 26, 14),
)  # fmt: skip


def utc(*parts: int) -> int:
    """Return an instant in UTC milliseconds."""
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("zone", "slot", "instant"),
    [
        (BERLIN, 202607010900, utc(2026, 7, 1, 7)),
        (BERLIN, 202603290159, utc(2026, 3, 29, 0, 59)),
        (BERLIN, 202603290200, utc(2026, 3, 29, 1)),
        (BERLIN, 202603290230, utc(2026, 3, 29, 1)),
        (BERLIN, 202603290259, utc(2026, 3, 29, 1)),
        (BERLIN, 202603290300, utc(2026, 3, 29, 1)),
        (NEW_YORK, 202603080215, utc(2026, 3, 8, 7)),
        (LORD_HOWE, 202610040215, utc(2026, 10, 3, 15, 30)),
        (LORD_HOWE, 202610040230, utc(2026, 10, 3, 15, 30)),
        (APIA, 201112300000, utc(2011, 12, 30, 10)),
        (APIA, 201112301200, utc(2011, 12, 30, 10)),
        (APIA, 201112302359, utc(2011, 12, 30, 10)),
        (APIA, 201112310000, utc(2011, 12, 30, 10)),
    ],
)
def test_a_slot_that_is_left_out_stands_for_the_end_of_the_gap(zone, slot, instant):
    """The first instant after the gap; beside it slots are what they seem."""
    assert instant_of(slot, zone) == instant


@pytest.mark.parametrize(
    ("zone", "slot", "instant"),
    [
        (BERLIN, 202610250200, utc(2026, 10, 25, 0)),
        (BERLIN, 202610250259, utc(2026, 10, 25, 0, 59)),
        (BERLIN, 202610250300, utc(2026, 10, 25, 2)),
        (NEW_YORK, 202611010130, utc(2026, 11, 1, 5, 30)),
        (LORD_HOWE, 202604050145, utc(2026, 4, 4, 14, 45)),
        (LORD_HOWE, 202604050200, utc(2026, 4, 4, 15, 30)),
    ],
)
def test_a_slot_that_comes_twice_stands_for_the_first_time(zone, slot, instant):
    """In the hour that is repeated it is over when it comes again."""
    assert instant_of(slot, zone) == instant


def test_while_minutes_are_repeated_all_of_them_are_due():
    """The present minute, except in the second pass of a repeated hour: then its last one."""
    assert due_slot(utc(2026, 10, 25, 0, 30), BERLIN) == 202610250230
    assert due_slot(utc(2026, 10, 25, 0, 59, 59), BERLIN) == 202610250259
    assert due_slot(utc(2026, 10, 25, 1), BERLIN) == 202610250259
    assert due_slot(utc(2026, 10, 25, 1, 59, 59), BERLIN) == 202610250259
    assert due_slot(utc(2026, 10, 25, 2), BERLIN) == 202610250300
    assert due_slot(utc(2026, 4, 4, 15, 10), LORD_HOWE) == 202604050159
    assert due_slot(utc(2026, 3, 29, 1), BERLIN) == 202603290300


@pytest.mark.parametrize("slot", [0, 20261122, 202613010000, 202602300000, 202611222400])
def test_digits_that_are_no_time(slot):
    """They have no instant."""
    with pytest.raises(ValueError, match=r"month|day|hour|year"):
        instant_of(slot, BERLIN)


AROUND = st.builds(
    lambda change, off: utc(*change) + off,
    st.sampled_from(CHANGES),
    st.integers(-30 * 3_600_000, 30 * 3_600_000),
)


@given(st.sampled_from(ZONES), AROUND)
def test_a_minute_that_is_there_is_its_own_instant(zone, at):
    """The slot of an instant stands for that minute, or for an earlier time it was shown."""
    instant = instant_of(stamp12(at, zone), zone)
    assert stamp12(instant, zone) == stamp12(at, zone)
    assert instant <= at


@given(st.sampled_from(ZONES), AROUND, st.integers(-48 * 60, 48 * 60))
def test_what_is_due_is_known_by_the_digits(zone, at, minutes):
    """A slot is not after `due_slot` exactly when its instant is not after the present."""
    wall = datetime.fromtimestamp(at / 1000, zone).replace(tzinfo=None) + timedelta(minutes=minutes)
    slot = int(wall.strftime("%Y%m%d%H%M"))
    assert (slot <= due_slot(at, zone)) == (instant_of(slot, zone) <= at)
