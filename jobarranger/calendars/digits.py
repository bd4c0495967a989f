"""Dates and minutes as the digits that the tables hold.

A *slot* is a local minute as 12 digits, `YYYYMMDDHHMM`. Slots compare in order of the wall clock;
they know no zone, so a slot inside the gap of a clock change is as good as any other here.
"""

from __future__ import annotations

from datetime import date, datetime


def date_digits(day: date) -> int:
    """Return `YYYYMMDD`."""
    return day.year * 10_000 + day.month * 100 + day.day


def date_from(digits: int) -> date:
    """Return the date of `YYYYMMDD`.

    Raises:
        ValueError: there is no such date.
    """
    return date(digits // 10_000, digits // 100 % 100, digits % 100)


def slot_of(moment: datetime) -> int:
    """Return the slot of a wall-clock time; seconds are dropped."""
    return date_digits(moment) * 10_000 + moment.hour * 100 + moment.minute


def slot_date(slot: int) -> date:
    """Return the day that a slot is on.

    Raises:
        ValueError: there is no such minute.
    """
    if slot // 100 % 100 > 23 or slot % 100 > 59:
        raise ValueError(f"{slot} is no minute")
    return date_from(slot // 10_000)
