"""Reads one calendar, filter or schedule to be shown: the version in force, else the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, select

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.digits import date_from
from jobarranger.calendars.filters import Filter
from jobarranger.calendars.schedules import Schedule, ScheduleDetail
from jobarranger.db import tables as t
from jobarranger.loading.rows.scheduling import missing_day
from jobarranger.states import BaseDate, ObjectFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVersion:
    """Which version of an object is shown."""

    name: str  #: what people call the object
    update_date: int  #: 14 digits
    in_force: bool
    user_name: str
    memo: str


def calendar(conn: Connection, calendar_id: str) -> tuple[ShownVersion, OperatingDays] | None:
    """Return a calendar with all its days; stored numbers that are no dates are left out."""
    row = _control(conn, t.calendar_control, "calendar", calendar_id)
    if row is None:
        return None
    d = t.calendar_detail.c
    rows = conn.execute(
        select(d.operating_date).where(
            d.calendar_id == calendar_id, d.update_date == row.update_date
        )
    )
    return _version(row, row.calendar_name), OperatingDays(_dates(rows.scalars()))


def _dates(numbers: Any) -> list[date]:
    found = []
    for number in numbers:
        try:
            found.append(date_from(number))
        except ValueError:
            continue
    return found


def filter_(conn: Connection, filter_id: str) -> tuple[ShownVersion, Filter] | None:
    """Return a filter.

    Raises:
        ValueError: its base date has no meaning.
    """
    row = _control(conn, t.filter_control, "filter", filter_id)
    if row is None:
        return None
    if row.base_date_flag not in set(BaseDate):
        raise ValueError(f"base_date_flag is {row.base_date_flag}, not 0, 1 or 2")
    rule = Filter(
        filter_id=filter_id,
        calendar_id=row.base_calendar_id,
        base_date=BaseDate(row.base_date_flag),
        designated_day=row.designated_day,
        shift_day=row.shift_day,
        missing_day=missing_day(conn),
    )
    return _version(row, row.filter_name), rule


def schedule(conn: Connection, schedule_id: str) -> tuple[ShownVersion, Schedule] | None:
    """Return a schedule with its parts."""
    row = _control(conn, t.schedule_control, "schedule", schedule_id)
    if row is None:
        return None
    d, j = t.schedule_detail.c, t.schedule_jobnet.c
    details = conn.execute(
        select(d.object_flag, d.calendar_id, d.boot_time)
        .where(d.schedule_id == schedule_id, d.update_date == row.update_date)
        .order_by(d.boot_time, d.object_flag, d.calendar_id)
    ).all()
    jobnets = conn.execute(
        select(j.jobnet_id)
        .where(j.schedule_id == schedule_id, j.update_date == row.update_date)
        .order_by(j.jobnet_id)
    ).scalars()
    found = Schedule(
        schedule_id=schedule_id,
        update_date=row.update_date,
        details=[
            ScheduleDetail(
                object_flag=ObjectFlag.FILTER if flag == 1 else ObjectFlag.CALENDAR,
                object_id=object_id,
                boot_time=boot_time.rstrip(),  # PostgreSQL fills CHAR with blanks
            )
            for flag, object_id, boot_time in details
        ],
        jobnet_ids=list(jobnets),
    )
    return _version(row, row.schedule_name), found


def _control(conn: Connection, table: Table, kind: str, object_id: str) -> Any:
    """Return the control row of the version to be shown, None if there is none."""
    column = table.c[f"{kind}_id"]
    rows = conn.execute(
        select(table)
        .where(column == object_id)
        .order_by(table.c.valid_flag.desc(), table.c.update_date.desc())
        .limit(1)
    ).all()
    return next((row for row in rows if row._mapping[f"{kind}_id"] == object_id), None)


def _version(row: Any, name: str) -> ShownVersion:
    return ShownVersion(
        name=name,
        update_date=row.update_date,
        in_force=row.valid_flag == 1,
        user_name=row.user_name,
        memo=row.memo or "",
    )
