"""Ways to fill a calendar. Each gives the days of a stretch, both ends included."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from enum import IntEnum

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.months import months
from jobarranger.errors import DefinitionError


class Weekday(IntEnum):
    """Days of the week as `date.weekday` numbers them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


def every_day(first: date, last: date) -> OperatingDays:
    """Return all days."""
    return OperatingDays(_each(first, last))


def weekdays(first: date, last: date, wanted: Collection[Weekday]) -> OperatingDays:
    """Return the days that fall on the wanted days of the week."""
    return OperatingDays(day for day in _each(first, last) if day.weekday() in wanted)


def month_starts(first: date, last: date) -> OperatingDays:
    """Return the first day of every month."""
    return _within(first, last, (month.first for month in months(first, last)))


def month_ends(first: date, last: date) -> OperatingDays:
    """Return the last day of every month."""
    return _within(first, last, (month.last for month in months(first, last)))


def day_numbers(first: date, last: date, wanted: Collection[int]) -> OperatingDays:
    """Return the days with the wanted numbers; one that a month does not have is passed over.

    Raises:
        DefinitionError: a number is not from 1 to 31.
    """
    for number in wanted:
        if not 1 <= number <= 31:
            raise DefinitionError(f"day {number} of the month is not from 1 to 31")
    return OperatingDays(day for day in _each(first, last) if day.day in wanted)


def nth_weekday(first: date, last: date, weekday: Weekday, n: int) -> OperatingDays:
    """Return the n-th such day of the week of every month; -1 is the last, -2 the one before it.

    A month with four of them has no fifth.

    Raises:
        DefinitionError: n is not from 1 to 5 or -5 to -1.
    """
    if not 1 <= abs(n) <= 5:
        raise DefinitionError(f"weekday number {n} of the month is not from 1 to 5 or -5 to -1")
    found = []
    for month in months(first, last):
        if n > 0:
            number = 1 + (weekday - month.first.weekday()) % 7 + 7 * (n - 1)
        else:
            number = month.length - (month.last.weekday() - weekday) % 7 + 7 * (n + 1)
        if 1 <= number <= month.length:
            found.append(date(month.year, month.month, number))
    return _within(first, last, found)


def nth_operating_day(days: OperatingDays, first: date, last: date, n: int) -> OperatingDays:
    """Return the n-th operating day of every month of a calendar; -1 is the last one.

    Whole months are counted, also where the stretch begins or ends inside one. A month with
    fewer operating days has none.

    Raises:
        DefinitionError: n is not from 1 to 31 or -31 to -1.
    """
    if not 1 <= abs(n) <= 31:
        raise DefinitionError(f"operating day number {n} is not from 1 to 31 or -31 to -1")
    found = []
    for month in months(first, last):
        here = days.between(month.first, month.last)
        if len(here) >= abs(n):
            found.append(here[n - 1 if n > 0 else n])
    return _within(first, last, found)


def _each(first: date, last: date) -> Iterator[date]:
    """Yield every day of the stretch."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _within(first: date, last: date, days: Collection[date] | Iterator[date]) -> OperatingDays:
    """Return the days that lie in the stretch."""
    return OperatingDays(day for day in days if first <= day <= last)
