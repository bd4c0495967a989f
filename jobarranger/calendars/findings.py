"""What is odd about schedules: reported ahead of time instead of starting nothing in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from jobarranger.calendars import boottimes
from jobarranger.calendars.filters import Filter
from jobarranger.calendars.months import months
from jobarranger.calendars.schedules import Schedule, Timetable
from jobarranger.states import ObjectFlag, ObjectKind


class Problem(StrEnum):
    """What can be odd."""

    MISSING = "missing"  #: something refers to it, but there is no such object
    DISABLED = "disabled"  #: something refers to it, but none of its versions is in force
    EMPTY = "empty"  #: a calendar without days
    RUNS_OUT = "runs out"  #: a calendar whose last operating day lies in the time asked about
    NO_DATE = "no date"  #: a stored operating day is no date
    NO_DAY = "no day"  #: a filter finds no operating day for a month
    BOOT_TIME = "boot time"  #: a stored text is no boot time and never starts
    NO_TIMES = "no times"  #: a schedule without boot times
    NO_JOBNETS = "no jobnets"  #: a schedule without jobnets


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One odd thing."""

    problem: Problem
    kind: ObjectKind
    object_id: str
    schedule_id: str | None = None  #: the schedule that suffers from it
    filter_id: str | None = None  #: the filter in between, for its base calendar
    value: str = ""  #: what the text shows: a date, month or boot time

    @property
    def text(self) -> str:
        """Return one line for people."""
        begin = f"schedule {self.schedule_id}: " if self.schedule_id else ""
        if self.filter_id:
            begin += f"filter {self.filter_id}: "
        if self.kind is not ObjectKind.SCHEDULE:
            begin += f"{self.kind} {self.object_id} "
        return begin + _TEXTS[self.problem].format(value=self.value)


_TEXTS = {
    Problem.MISSING: "does not exist: nothing starts by it",
    Problem.DISABLED: "has no version in force: nothing starts by it",
    Problem.EMPTY: "has no operating day: nothing starts by it",
    Problem.RUNS_OUT: "has its last operating day on {value}: nothing starts by it later",
    Problem.NO_DATE: "has the operating day {value}, which is no date",
    Problem.NO_DAY: "finds no operating day for the month {value}: nothing starts by it",
    Problem.BOOT_TIME: "boot time {value} is no time from 0000 to 9959: it never starts",
    Problem.NO_TIMES: "has no boot time: it never starts",
    Problem.NO_JOBNETS: "has no jobnet: it starts nothing",
}


def schedule_findings(
    schedule: Schedule, timetable: Timetable, first: date, last: date
) -> Iterator[Finding]:
    """Yield what is odd about a schedule and all that it names, for starts on `first` to `last`.

    Each object is reported once. Jobnets are looked at one level deep.
    """
    name = schedule.schedule_id
    if not schedule.details:
        yield _about_schedule(Problem.NO_TIMES, name)
    if not schedule.jobnet_ids:
        yield _about_schedule(Problem.NO_JOBNETS, name)
    for detail in schedule.details:
        if boottimes.stored(detail.boot_time) is None:
            yield _about_schedule(Problem.BOOT_TIME, name, repr(detail.boot_time))
    for flag, object_id in dict.fromkeys((d.object_flag, d.object_id) for d in schedule.details):
        if flag is ObjectFlag.CALENDAR:
            yield from calendar_findings(object_id, timetable, last, schedule_id=name)
        else:
            yield from filter_findings(object_id, timetable, first, last, schedule_id=name)
    for jobnet_id in schedule.jobnet_ids:
        if jobnet_id not in timetable.jobnet_ids:
            yield _absent(timetable, ObjectKind.JOBNET, jobnet_id, name)


def calendar_findings(
    calendar_id: str,
    timetable: Timetable,
    last: date,
    *,
    schedule_id: str | None = None,
    filter_id: str | None = None,
) -> Iterator[Finding]:
    """Yield what is odd about a calendar up to the day `last`."""
    if calendar_id not in timetable.calendars:
        yield _absent(timetable, ObjectKind.CALENDAR, calendar_id, schedule_id, filter_id)
        return
    end = timetable.last_day(calendar_id)
    found = [(Problem.NO_DATE, str(bad)) for bad in timetable.bad_dates.get(calendar_id, ())]
    if end is None:
        found.append((Problem.EMPTY, ""))
    elif end < last:
        found.append((Problem.RUNS_OUT, end.isoformat()))
    for problem, value in found:
        yield Finding(
            problem=problem,
            kind=ObjectKind.CALENDAR,
            object_id=calendar_id,
            schedule_id=schedule_id,
            filter_id=filter_id,
            value=value,
        )


def filter_findings(
    filter_id: str,
    timetable: Timetable,
    first: date,
    last: date,
    *,
    schedule_id: str | None = None,
) -> Iterator[Finding]:
    """Yield what is odd about a filter and its base calendar in the months of `first` to `last`.

    Months after the end of the base calendar are reported by one finding about the calendar.
    """
    rule = timetable.filters.get(filter_id)
    if rule is None:
        yield _absent(timetable, ObjectKind.FILTER, filter_id, schedule_id)
        return
    yield from calendar_findings(
        rule.calendar_id, timetable, last, schedule_id=schedule_id, filter_id=filter_id
    )
    days = timetable.calendars.get(rule.calendar_id)
    if days is not None and days.last is not None:
        yield from _empty_months(rule, timetable, first, min(last, days.last), schedule_id)


def _empty_months(
    rule: Filter, timetable: Timetable, first: date, last: date, schedule_id: str | None
) -> Iterator[Finding]:
    """Yield the months for which a filter finds nothing."""
    for month in months(first, last):
        if timetable.resolved(rule, month) is None:
            yield Finding(
                problem=Problem.NO_DAY,
                kind=ObjectKind.FILTER,
                object_id=rule.filter_id,
                schedule_id=schedule_id,
                value=str(month),
            )


def _about_schedule(problem: Problem, schedule_id: str, value: str = "") -> Finding:
    """Return a finding about the schedule itself."""
    return Finding(
        problem=problem,
        kind=ObjectKind.SCHEDULE,
        object_id=schedule_id,
        schedule_id=schedule_id,
        value=value,
    )


def _absent(
    timetable: Timetable,
    kind: ObjectKind,
    object_id: str,
    schedule_id: str | None,
    filter_id: str | None = None,
) -> Finding:
    """Return the finding about something that is not in force."""
    disabled = (kind.value, object_id) in timetable.disabled
    return Finding(
        problem=Problem.DISABLED if disabled else Problem.MISSING,
        kind=kind,
        object_id=object_id,
        schedule_id=schedule_id,
        filter_id=filter_id,
    )
