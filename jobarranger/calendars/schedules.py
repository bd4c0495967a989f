"""Schedules and the other definitions that decide when they start."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.filters import Filter, base_months, resolve
from jobarranger.calendars.months import Month
from jobarranger.states import ObjectFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDetail:
    """One start time of a schedule: a calendar or filter, and a boot time."""

    object_flag: ObjectFlag
    object_id: str  #: of the calendar or filter
    boot_time: str  #: as stored; what is no boot time never starts and is a finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One version of a schedule: every detail applies to every jobnet."""

    schedule_id: str
    update_date: int  #: 14 digits
    details: Sequence[ScheduleDetail]
    jobnet_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The calendars and filters in force, and days of filters that were asked for before.

    Made for one reading of the definitions and thrown away with it. What only findings look at
    may be left out for others.
    """

    calendars: Mapping[str, OperatingDays]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    #: the first and last operating day that may be asked about; None: the calendars are whole
    covers: tuple[date, date] | None = None
    #: (findings) ids of jobnets in force
    jobnet_ids: Collection[str] = frozenset()
    #: (findings) what exists without a version in force: kind and id
    disabled: Collection[tuple[str, str]] = frozenset()
    #: (findings) last operating days of calendars that are not whole here
    last_days: Mapping[str, date] = field(default_factory=dict)
    #: (findings) numbers of calendars that are no dates
    bad_dates: Mapping[str, Sequence[int]] = field(default_factory=dict)
    _resolved: dict[tuple[str, Month], date | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def operating_days(self, detail: ScheduleDetail, first: date, last: date) -> Sequence[date]:
        """Return the operating days of a detail from `first` to `last`, both included, in order.

        What is not in force has none.

        Raises:
            ValueError: days were asked about that were not read.
        """
        if self.covers and first <= last and (first < self.covers[0] or last > self.covers[1]):
            raise ValueError(f"{first} to {last} is not within {self.covers}")
        if detail.object_flag is ObjectFlag.CALENDAR:
            days = self.calendars.get(detail.object_id)
            return () if days is None else days.between(first, last)
        rule = self.filters.get(detail.object_id)
        if rule is None:
            return ()
        found = {self.resolved(rule, month) for month in base_months(rule, first, last)}
        return sorted(day for day in found if day is not None and first <= day <= last)

    def last_day(self, calendar_id: str) -> date | None:
        """Return the last operating day of a calendar that is in force."""
        return self.last_days.get(calendar_id) or self.calendars[calendar_id].last

    def resolved(self, rule: Filter, month: Month) -> date | None:
        """Return the day that a filter picks for one base month; it is worked out once."""
        key = (rule.filter_id, month)
        if key not in self._resolved:
            days = self.calendars.get(rule.calendar_id)
            self._resolved[key] = None if days is None else resolve(rule, month, days)
        return self._resolved[key]
