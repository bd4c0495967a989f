"""The one place that works out when schedules start: for the loader, plans, previews and checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from jobarranger.calendars import boottimes
from jobarranger.calendars.digits import date_digits, slot_date
from jobarranger.calendars.months import shifted
from jobarranger.calendars.schedules import Schedule, ScheduleDetail, Timetable
from jobarranger.states import DatedKind, ObjectFlag

#: Latest slot of a day.
_MIDNIGHT = 2359
#: `all_starts` looks at one day first, then at stretches of up to so many days, as long as they
#: hold no more than about so many starts.
_STRETCH, _MANY = 32, 50_000


#: Kind and id of a definition.
Name: TypeAlias = tuple[DatedKind, str]


class Start(NamedTuple):
    """One start of one jobnet; a tuple, as there can be millions."""

    slot: int  #: local minute, 12 digits
    schedule_id: str
    object_id: str  #: the calendar's or filter's
    object_flag: ObjectFlag
    boot_time: str  #: four digits
    operating_date: date  #: the day that the boot time is counted from
    jobnet_id: str


def definitions_of(start: Start, timetable: Timetable) -> list[Name]:
    """Return what makes a start: its schedule and calendar, and the filter in between."""
    found: list[Name] = [(DatedKind.SCHEDULE, start.schedule_id)]
    if start.object_flag is ObjectFlag.FILTER:
        calendar_id = timetable.filters[start.object_id].calendar_id
        return [*found, (DatedKind.FILTER, start.object_id), (DatedKind.CALENDAR, calendar_id)]
    return [*found, (DatedKind.CALENDAR, start.object_id)]


def starts(
    schedule: Schedule, timetable: Timetable, window_from: int, window_to: int
) -> Iterator[Start]:
    """Yield the starts of a schedule from one slot to another, both included, in order of time.

    Where two details lead to the same minute with the same calendar or filter id, the first
    detail counts: each jobnet starts once for (schedule, calendar or filter id, slot). A window
    whose end lies before its beginning is empty.

    Raises:
        ValueError: a bound is no minute.
    """
    first, last = slot_date(window_from), slot_date(window_to)
    found = [
        (slot, day, detail)
        for detail in schedule.details
        for slot, day in _times(detail, timetable, first, last)
        if window_from <= slot <= window_to
    ]
    if len(schedule.details) > 1:
        found.sort(key=itemgetter(0))  # stable: the details' order at one minute
    schedule_id, jobnet_ids = schedule.schedule_id, schedule.jobnet_ids
    now, seen = 0, set[str]()
    for slot, day, detail in found:
        object_id = detail.object_id
        if slot != now:
            now, seen = slot, {object_id}
        elif object_id in seen:
            continue
        else:
            seen.add(object_id)
        for jobnet_id in jobnet_ids:
            yield Start(
                slot, schedule_id, object_id, detail.object_flag, detail.boot_time, day, jobnet_id
            )


def all_starts(
    schedules: Iterable[Schedule], timetable: Timetable, window_from: int, window_to: int
) -> Iterator[Start]:
    """Yield the starts of many schedules in order of time; at one minute as the schedules come.

    Years are worked out piece by piece, so the first starts come soon and memory stays small.
    """
    known = tuple(schedules)
    last = slot_date(window_to)
    day, stretch = slot_date(window_from), 1
    while day <= last:
        end = min(shifted(day, stretch - 1), last)
        begin_slot = max(window_from, date_digits(day) * 10_000)
        end_slot = min(window_to, date_digits(end) * 10_000 + _MIDNIGHT)
        found = [start for item in known for start in starts(item, timetable, begin_slot, end_slot)]
        found.sort(key=itemgetter(0))  # stable: the schedules' order at one minute
        count = len(found)
        yield from found
        if end == last:
            return
        day, stretch = shifted(end, 1), _next_stretch(stretch, count)


def _next_stretch(days: int, count: int) -> int:
    """Return for how many days to go on after so many, which had so many starts."""
    if count > _MANY:
        return max(days // 2, 1)
    return min(days * 2, _STRETCH) if 2 * count <= _MANY else days


def _times(
    detail: ScheduleDetail, timetable: Timetable, first: date, last: date
) -> Iterable[tuple[int, date]]:
    """Return slot and operating day of each start on the days `first` to `last`, in order."""
    boot_time = boottimes.stored(detail.boot_time)
    if boot_time is None:
        return ()
    late = boot_time.days
    days = timetable.operating_days(detail, shifted(first, -late), shifted(last, -late))
    return zip(map(boot_time.slot, days), days, strict=True)
