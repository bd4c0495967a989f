"""Months as values, and stretches of them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple


class Month(NamedTuple):
    """A month of a year; months compare in order of time."""

    year: int
    month: int

    @property
    def length(self) -> int:
        """Return the number of days."""
        return monthrange(self.year, self.month)[1]

    @property
    def first(self) -> date:
        """Return the first day."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """Return the last day."""
        return date(self.year, self.month, self.length)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def month_of(day: date) -> Month:
    """Return the month that a day is in."""
    return Month(day.year, day.month)


def months(first: date, last: date) -> Iterator[Month]:
    """Yield every month with a day from `first` to `last`, both included, in order."""
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield Month(year, month)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def shifted(day: date, days: int) -> date:
    """Return the date so many days later (earlier), or the first or last date there is."""
    ordinal = day.toordinal() + days
    return date.fromordinal(min(max(ordinal, 1), date.max.toordinal()))
