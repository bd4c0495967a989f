"""Filters: at most one day of each month, picked by a base date and the operating days around it.

The shift is no offset. A base date that operates is the result, whatever the shift is; the shift
says which operating day to take if it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.months import Month, months, shifted
from jobarranger.states import BaseDate

#: So many dates are looked at, the base date included.
PROBES = 30


class MissingDay(StrEnum):
    """What a filter with shift 0 does in a month that does not have its designated day."""

    NEXT_FIRST = "next-first"  #: takes the first of the next month if that operates (the default)
    LAST_DAY = "last-day"  #: takes the last day of the month if that operates
    SKIP = "skip"  #: leaves the month out


def missing_day_named(text: str | None) -> MissingDay | None:
    """Return what a stored setting means: the default without one, None if it says nothing."""
    name = MissingDay.NEXT_FIRST if text is None else text.strip().lower()
    return next((day for day in MissingDay if day == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter, without the days of its base calendar."""

    filter_id: str
    calendar_id: str  #: base calendar
    base_date: BaseDate
    designated_day: int = 0  #: 1 to 31 with `BaseDate.DESIGNATED`, else without meaning
    shift_day: int = 0
    missing_day: MissingDay = MissingDay.NEXT_FIRST

    @property
    def forward(self) -> bool:
        """Return in which direction it looks; 0 counts as forward."""
        return self.shift_day >= 0


def resolve(rule: Filter, month: Month, days: OperatingDays) -> date | None:
    """Return the day that a filter picks for one base month; it may lie in another month."""
    probe = _first_probe(rule, month)
    if probe is None:
        return None
    day, taken = probe
    if taken == 0 and day in days:
        return day
    if rule.shift_day == 0:  # a single probe
        return day if day in days else None
    found = days.nth_from(day, rule.shift_day)
    if found is None or abs((found - day).days) >= PROBES - taken:
        return None
    return found


def _first_probe(  # noqa: PLR0911 - one return for each case of the rule
    rule: Filter, month: Month
) -> tuple[date, int] | None:
    """Return the date looked at first and how many steps count as taken before it.

    Only a date with no step taken is the base date itself, which wins without being counted.
    """
    if rule.base_date is BaseDate.FIRST:
        return month.first, 0
    if rule.base_date is BaseDate.LAST:
        return month.last, 0
    if rule.designated_day <= month.length:
        return date(month.year, month.month, max(rule.designated_day, 1)), 0
    if not rule.forward:
        return month.last, rule.designated_day - month.length
    missing_day = MissingDay.NEXT_FIRST if rule.shift_day else rule.missing_day
    if missing_day is MissingDay.LAST_DAY:
        return month.last, 1
    if missing_day is MissingDay.SKIP or month.last == date.max:
        return None
    return shifted(month.last, 1), 1


def base_months(rule: Filter, first: date, last: date) -> Iterator[Month]:
    """Yield every month whose result can be a day from `first` to `last`.

    A result lies at most 29 days from its base date, after it or before it by the direction.
    """
    far = PROBES - 1
    if rule.forward:
        return months(shifted(first, -far), last)
    return months(first, shifted(last, far))
