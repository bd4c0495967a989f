"""Which day a filter picks for a month, and why that one or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.filters import PROBES, Filter, MissingDay, base_months, resolve
from jobarranger.calendars.months import Month
from jobarranger.states import BaseDate


class DayReason(StrEnum):
    """Why a filter picks what it picks."""

    OPERATES = "operates"  #: the base date operates: the shift does not matter
    SHIFTED = "shifted"  #: the base date does not operate
    CLOSED = "closed"  #: it does not, and shift 0 takes no other
    TOO_FAR = "too far"  #: the wanted operating day is not among the dates looked at
    RUNS_OUT = "runs out"  #: nor has the calendar any days there


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """The outcome for one base month."""

    month: Month
    base_date: date | None  #: None if the month has no such day
    day: date | None  #: what is picked
    reason: DayReason
    text: str  #: the reason in words


def year_of(rule: Filter, days: OperatingDays, year: int) -> Iterator[Picked]:
    """Yield the outcome of every base month whose base or result lies in a year.

    A shift may carry a result over the turn of the year; such months come too.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    for month in base_months(rule, first, last):
        picked = explain(rule, month, days)
        in_year = picked.day is not None and picked.day.year == year
        if month.year == year or in_year:
            yield picked


def explain(rule: Filter, month: Month, days: OperatingDays) -> Picked:
    """Return what a filter picks for a base month, and why."""
    base, day = base_date(rule, month), resolve(rule, month, days)
    reason = _reason(rule, month, base, day, days)
    return Picked(
        month=month,
        base_date=base,
        day=day,
        reason=reason,
        text=_text(reason, rule, base, days),
    )


def base_date(rule: Filter, month: Month) -> date | None:
    """Return the base date of a month, None if the month has none."""
    if rule.base_date is BaseDate.FIRST:
        return month.first
    if rule.base_date is BaseDate.LAST:
        return month.last
    if rule.designated_day > month.length:
        return None
    return date(month.year, month.month, max(rule.designated_day, 1))


def _reason(
    rule: Filter, month: Month, base: date | None, day: date | None, days: OperatingDays
) -> DayReason:
    if day is not None:
        return DayReason.OPERATES if day == base else DayReason.SHIFTED
    if rule.shift_day == 0:
        return DayReason.CLOSED
    start = base or month.last
    end = start + timedelta(days=PROBES if rule.forward else -PROBES)
    beyond = days.last is None or days.first is None or not days.first <= end <= days.last
    return DayReason.RUNS_OUT if beyond else DayReason.TOO_FAR


#: What is taken for a day that a month does not have, if the shift is 0.
_INSTEAD = {
    MissingDay.NEXT_FIRST: "the first of the next month",
    MissingDay.LAST_DAY: "its last day",
}


def _text(  # noqa: PLR0911 - one return for each case
    reason: DayReason, rule: Filter, base: date | None, days: OperatingDays
) -> str:
    number = abs(rule.shift_day)
    where = "after" if rule.forward else "before"
    prefix = f"the month has no day {rule.designated_day}; " if base is None else ""
    match reason:
        case DayReason.OPERATES:
            return "the base date operates" + (", so the shift does not count" if number else "")
        case DayReason.SHIFTED if base is None and not number:
            return prefix + f"{_INSTEAD[rule.missing_day]} operates"
        case DayReason.SHIFTED if base is None:
            edge = "from the 1st of the next month on" if rule.forward else "back from its last day"
            return prefix + f"operating day {number} {edge}"
        case DayReason.SHIFTED:
            return f"the base date is closed; operating day {number} {where} it"
        case DayReason.CLOSED if base is None and rule.missing_day is MissingDay.SKIP:
            return prefix + "such a month is left out"
        case DayReason.CLOSED if base is None:
            return prefix + f"{_INSTEAD[rule.missing_day]} is closed"
        case DayReason.CLOSED:
            return "the base date is closed, and shift 0 takes no other day"
        case DayReason.RUNS_OUT:
            span = f"{days.first} to {days.last}" if days.first else "no days at all"
            return prefix + f"no operating day {number} {where} it: the calendar has {span}"
        case DayReason.TOO_FAR:
            return prefix + f"operating day {number} {where} it is not among {PROBES} dates"
