"""Reads one calendar, filter or schedule to be shown: the version in force, else the newest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.digits import date_from
from jobarranger.calendars.filters import Filter
from jobarranger.calendars.schedules import Detail, Schedule
from jobarranger.db import tables as t
from jobarranger.db.scheduling import missing_day
from jobarranger.model.words import status_words
from jobarranger.planning.plan import Key, LoadedRun
from jobarranger.states import BaseDate, JobnetStatus, ObjectFlag, RunType

_C, _D = t.jobnet_control.c, t.icon_jobnet.c
_R, _S, _L = t.run_jobnet.c, t.run_jobnet_summary.c, t.ext_slot.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which version of an object is shown."""

    name: str  #: what people call the object
    update_date: int  #: 14 digits
    in_force: bool
    user_name: str
    memo: str


def calendar(conn: Connection, calendar_id: str) -> tuple[Version, OperatingDays] | None:
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


def filter_(conn: Connection, filter_id: str) -> tuple[Version, Filter] | None:
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


def schedule(conn: Connection, schedule_id: str) -> tuple[Version, Schedule] | None:
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
            Detail(
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


def _version(row: Any, name: str) -> Version:
    return Version(
        name=name,
        update_date=row.update_date,
        in_force=row.valid_flag == 1,
        user_name=row.user_name,
        memo=row.memo or "",
    )


_PARTS = (
    select(_C.jobnet_id, _D.link_jobnet_id)
    .join_from(
        t.jobnet_control,
        t.icon_jobnet,
        (_D.jobnet_id == _C.jobnet_id) & (_D.update_date == _C.update_date),
    )
    .where(_C.valid_flag == 1)
)


def sub_jobnets(conn: Connection) -> dict[str, set[str]]:
    """Return for each jobnet in force which jobnets its icons contain."""
    found: dict[str, set[str]] = {}
    for jobnet_id, link in conn.execute(_PARTS):
        found.setdefault(jobnet_id, set()).add(link)
    return found


_OWNED = select(_C.jobnet_id).where(_C.valid_flag == 1, _C.user_name == bindparam("user"))


def owned_by(conn: Connection, user_name: str) -> Collection[str]:
    """Return the jobnets in force that belong to a user."""
    return frozenset(conn.execute(_OWNED, {"user": user_name}).scalars())


_RUN = (
    select(
        _R.schedule_id,
        _R.calendar_id,
        _R.jobnet_id,
        _R.initial_scheduled_time,
        _R.inner_jobnet_id,
        _S.status,
        _S.job_status,
        _S.load_status,
        _S.start_pending_flag,
        _S.scheduled_time,
    )
    .join_from(t.run_jobnet, t.run_jobnet_summary, _S.inner_jobnet_id == _R.inner_jobnet_id)
    .where(
        _R.initial_scheduled_time.between(bindparam("first"), bindparam("last")),
        _R.run_type == int(RunType.NORMAL),
        _R.main_flag == 0,
    )
)
_SLOTS = select(t.ext_slot).where(_L.slot.between(bindparam("first"), bindparam("last")))
_LAST = select(func.max(_R.initial_scheduled_time))
_LAST_SLOT = select(func.max(_L.slot))


def last_loaded(conn: Connection) -> int:
    """Return the last slot for which anything is loaded, 0 if nothing is."""
    return max(conn.scalar(_LAST) or 0, conn.scalar(_LAST_SLOT) or 0)


def loaded_runs(conn: Connection, first: int, last: int) -> dict[Key, LoadedRun]:
    """Return the runs that were loaded for the starts between two slots, purged ones, too."""
    span = {"first": first, "last": last}
    purged = {
        (row.schedule_id, row.calendar_id, row.jobnet_id, row.slot): LoadedRun(
            registry=row.inner_jobnet_id,
            status="purged",
            scheduled_time=row.slot,
            is_open=False,
        )
        for row in conn.execute(_SLOTS, span)
    }
    rows = conn.execute(_RUN, span)
    return purged | {
        (
            row.schedule_id or "",
            row.calendar_id or "",
            row.jobnet_id,
            row.initial_scheduled_time,
        ): LoadedRun(
            registry=row.inner_jobnet_id,
            status=status_words(
                row.status, row.job_status, row.load_status, row.start_pending_flag
            ),
            scheduled_time=row.scheduled_time,
            is_open=row.status == JobnetStatus.BEGIN,
        )
        for row in rows
    }
