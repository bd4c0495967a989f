"""Reads the schedules in force and what they need, set by set: few statements whatever the number.

Each kind is read by one statement, so a version that is replaced meanwhile is seen whole or not
at all. Of calendars only the days are read that starts in the asked time can depend on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    func,
    literal,
    select,
    union_all,
)

from jobarranger.calendars.boottimes import MAX_DAYS
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.digits import date_digits, date_from
from jobarranger.calendars.filters import PROBES, Filter, MissingDay, missing_day_named
from jobarranger.calendars.months import month_of, shifted
from jobarranger.calendars.schedules import Schedule, ScheduleDetail, Timetable
from jobarranger.db import tables as t
from jobarranger.db.objects import CONTROL, id_column
from jobarranger.states import BaseDate, ObjectFlag, ObjectKind

#: The row of `ja_parameter_table` that says what filters do in a month without their day.
MISSING_DAY = "FILTER_MISSING_DAY"
_MISSING_DAY = select(t.parameter.c.value).where(t.parameter.c.parameter_name == MISSING_DAY)

#: In the place of `object_flag`, for rows that hold a jobnet.
_JOBNET = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduling:
    """What is in force."""

    schedules: list[Schedule]  #: in order of id
    timetable: Timetable
    strange: str | None = None  #: the value of `FILTER_MISSING_DAY`, if it says nothing


def read_scheduling(
    conn: Connection, first: date, last: date, *, for_findings: bool = False
) -> Scheduling:
    """Return what is needed to find the starts on the days `first` to `last`, both included.

    Three statements; with `for_findings` eight, and for whole months.
    """
    if for_findings:
        first, last = month_of(first).first, month_of(last).last
    calendars, bad = _calendars(conn, first, last)
    filters, strange = _filters(conn)
    timetable = Timetable(
        calendars=calendars,
        filters=filters,
        covers=(shifted(first, -MAX_DAYS), last),
        jobnet_ids=_valid_jobnets(conn) if for_findings else frozenset(),
        disabled=_disabled(conn) if for_findings else frozenset(),
        last_days=_last_days(conn) if for_findings else {},
        bad_dates=bad,
    )
    return Scheduling(schedules=_schedules(conn), timetable=timetable, strange=strange)


def missing_day(conn: Connection) -> MissingDay:
    """Return what filters with shift 0 do in a month without their day."""
    return missing_day_named(conn.scalar(_MISSING_DAY)) or MissingDay.NEXT_FIRST


def _schedules(conn: Connection) -> list[Schedule]:
    """Return the schedules in force, those without details and jobnets, too."""
    c, d, j = t.schedule_control.c, t.schedule_detail.c, t.schedule_jobnet.c
    control = (c.schedule_id, c.update_date)
    same_detail = and_(d.schedule_id == c.schedule_id, d.update_date == c.update_date)
    same_jobnet = and_(j.schedule_id == c.schedule_id, j.update_date == c.update_date)
    rows = conn.execute(
        union_all(
            select(
                *control,
                d.calendar_id.label("name"),
                d.boot_time.label("boot_time"),
                d.object_flag.label("flag"),
            )
            .outerjoin_from(t.schedule_control, t.schedule_detail, same_detail)
            .where(c.valid_flag == 1),
            select(
                *control,
                j.jobnet_id.label("name"),
                literal("").label("boot_time"),
                literal(_JOBNET).label("flag"),
            )
            .join_from(t.schedule_control, t.schedule_jobnet, same_jobnet)
            .where(c.valid_flag == 1),
        )
    )
    return [
        _schedule(name, update_date, found)
        for name, (update_date, found) in sorted(
            _newest(rows.all()).items(), key=lambda item: item[0]
        )
    ]


def _schedule(schedule_id: str, update_date: int, rows: Sequence[Any]) -> Schedule:
    """Return one schedule; the order of its parts is the same on every product."""
    details = [
        ScheduleDetail(
            object_flag=_flag(row.flag),
            object_id=row.name,
            boot_time=row.boot_time.rstrip(" "),  # PostgreSQL fills up to four characters
        )
        for row in rows
        if row.name is not None and row.flag != _JOBNET
    ]
    details.sort(key=lambda detail: (detail.object_flag, detail.object_id, detail.boot_time))
    return Schedule(
        schedule_id=schedule_id,
        update_date=update_date,
        details=details,
        jobnet_ids=sorted(row.name for row in rows if row.flag == _JOBNET),
    )


def _flag(number: int) -> ObjectFlag:
    """Return what a detail names; numbers without a meaning count as 0."""
    return ObjectFlag.FILTER if number == ObjectFlag.FILTER else ObjectFlag.CALENDAR


def _newest(rows: Iterable[Any]) -> dict[str, tuple[int, list[Any]]]:
    """Return the rows by id; should several versions be in force, those of the newest."""
    found: dict[str, tuple[int, list[Any]]] = {}
    for row in rows:
        name, update_date = row[0], row[1]
        if name not in found or found[name][0] < update_date:
            found[name] = (update_date, [])
        if found[name][0] == update_date:
            found[name][1].append(row)
    return found


def _filters(conn: Connection) -> tuple[dict[str, Filter], str | None]:
    """Return the filters in force, and the setting for missing days if it says nothing.

    A filter whose base date has no meaning is as good as none.
    """
    c = t.filter_control.c
    rows = conn.execute(
        select(
            c.filter_id,
            c.update_date,
            c.base_date_flag,
            c.designated_day,
            c.shift_day,
            c.base_calendar_id,
            _MISSING_DAY.scalar_subquery().label("missing_day"),
        ).where(c.valid_flag == 1, c.base_date_flag.in_([int(base) for base in BaseDate]))
    )
    found = {name: row for name, (_, (row,)) in _newest(rows).items()}
    text = next((row.missing_day for row in found.values()), None)
    missing = missing_day_named(text)
    filters = {
        name: Filter(
            filter_id=name,
            calendar_id=row.base_calendar_id,
            base_date=BaseDate(row.base_date_flag),
            designated_day=row.designated_day,
            shift_day=row.shift_day,
            missing_day=missing or MissingDay.NEXT_FIRST,
        )
        for name, row in found.items()
    }
    return filters, text if missing is None else None


def _calendars(
    conn: Connection, first: date, last: date
) -> tuple[dict[str, OperatingDays], dict[str, list[int]]]:
    """Return the days of the calendars in force, and what is no date, by calendar."""
    c, d = t.calendar_control.c, t.calendar_detail.c
    low = date_digits(shifted(first, -MAX_DAYS - PROBES))
    high = date_digits(shifted(last, PROBES))
    rows = conn.execute(
        select(c.calendar_id, c.update_date, d.operating_date)
        .outerjoin_from(
            t.calendar_control,
            t.calendar_detail,
            and_(
                d.calendar_id == c.calendar_id,
                d.update_date == c.update_date,
                d.operating_date.between(low, high),
            ),
        )
        .where(c.valid_flag == 1)
    )
    days: dict[str, OperatingDays] = {}
    bad: dict[str, list[int]] = defaultdict(list)
    dates: dict[int, date | None] = {}
    for name, (_, found) in _newest(rows.all()).items():
        numbers = [row.operating_date for row in found if row.operating_date is not None]
        for number in numbers:
            if number not in dates:
                dates[number] = _date(number)
            if dates[number] is None:
                bad[name].append(number)
        days[name] = OperatingDays(_real(dates[number] for number in numbers))
    return days, {name: sorted(numbers) for name, numbers in bad.items()}


def _date(number: int) -> date | None:
    """Return the date of a stored number, None if it is none."""
    try:
        return date_from(number)
    except ValueError:
        return None


def _real(dates: Iterable[date | None]) -> Iterator[date]:
    """Yield what is a date."""
    return (day for day in dates if day is not None)


def _last_days(conn: Connection) -> dict[str, date]:
    """Return the last operating day of each calendar in force that has any."""
    c, d = t.calendar_control.c, t.calendar_detail.c
    rows = conn.execute(
        select(c.calendar_id, c.update_date, func.max(d.operating_date).label("last"))
        .join_from(
            t.calendar_control,
            t.calendar_detail,
            and_(d.calendar_id == c.calendar_id, d.update_date == c.update_date),
        )
        .where(c.valid_flag == 1)
        .group_by(c.calendar_id, c.update_date)
    )
    ends = {name: _date(row.last) for name, (_, (row,)) in _newest(rows).items()}
    return {name: day for name, day in ends.items() if day is not None}


def _valid_jobnets(conn: Connection) -> frozenset[str]:
    """Return the ids of the jobnets in force."""
    c = t.jobnet_control.c
    return frozenset(conn.execute(select(c.jobnet_id).where(c.valid_flag == 1)).scalars())


def _disabled(conn: Connection) -> frozenset[tuple[str, str]]:
    """Return kind and id of what exists without a version in force."""
    found: set[tuple[str, str]] = set()
    for kind in (ObjectKind.CALENDAR, ObjectKind.FILTER, ObjectKind.JOBNET):
        name = id_column(kind)
        rows = conn.execute(
            select(name).group_by(name).having(func.max(CONTROL[kind].c.valid_flag) == 0)
        )
        found |= {(kind.value, object_id) for object_id in rows.scalars()}
    return frozenset(found)
