"""Calendars, filters and schedules for tests, as rows that the Manager would write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select, update

from jobarranger.clock import Clock, SystemClock
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.definitions import versions, yamlform
from jobarranger.loading.scheduled import BATCH, ScheduledLoad, StepReport

VERSION = 20260101000000

JOBNET = """
jobnet: {name}
owner: owner
multiple-start-up: parallel
icons:
  START: {{type: start}}
  SET-1: {{type: value, values: {{A: "1"}}}}
  END-1: {{type: end}}
flows: [START -> SET-1 -> END-1]
"""


class MovedClock(SystemClock):
    """A clock that a test moves; its two hands go together unless it is set."""

    def __init__(self, at: int) -> None:
        """Begin at an instant (UTC ms)."""
        self.at = at
        self.elapsed = 0.0

    def now_ms(self) -> int:
        """Return the instant that the test has chosen."""
        return self.at

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self.elapsed

    def go(self, **span: float) -> None:
        """Let time pass (arguments of `timedelta`)."""
        seconds = timedelta(**span).total_seconds()
        self.elapsed += seconds
        self.at += round(seconds * 1000)

    def set(self, at: int) -> None:
        """Set the clock as an operator would."""
        self.at = at


def at(text: str, zone: tzinfo, *, fold: int = 0) -> int:
    """Return the instant (UTC ms) of a local time such as `2026-03-31 09:00`."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return round(local.timestamp() * 1000)


def days(first: str, count: int) -> list[date]:
    """Return so many days in a row."""
    return [date.fromisoformat(first) + timedelta(days=number) for number in range(count)]


class Timetabled:
    """A database with definitions, and loaders on it."""

    def __init__(self, db: Database, clock: Clock, zone: tzinfo, *, catch_up: int = 1440) -> None:
        """Take a database; nothing is defined yet."""
        self.db = db
        self.clock = clock
        self.zone = zone
        self.catch_up = catch_up

    # -- definitions ---------------------------------------------------------------------------

    def _write(self, *statements: Any) -> None:
        def work(unit: Any) -> None:
            for statement, rows in statements:
                unit.execute(statement, rows)

        self.db.transaction(work)

    def jobnet(self, name: str = "J", text: str = JOBNET, *, enable: bool = True) -> None:
        """Store a version of a jobnet."""
        for one in yamlform.parse(text.format(name=name), "test"):
            self.db.transaction(partial(versions.store, definition=one, now=VERSION, enable=enable))

    def calendar(
        self, name: str, operating: Iterable[date], *, version: int = VERSION, valid: int = 1
    ) -> None:
        """Store a version of a calendar."""
        key = {"calendar_id": name, "update_date": version}
        rows = [{**key, "operating_date": int(f"{day:%Y%m%d}")} for day in operating]
        control = {"user_name": "owner", "calendar_name": name, "valid_flag": valid}
        parts = [(insert(t.calendar_control), key | control)]
        self._write(*parts, *([(insert(t.calendar_detail), rows)] if rows else []))

    def filter(self, name: str, base: str, **more: int) -> None:
        """Store a filter in force."""
        row = {
            "filter_id": name,
            "update_date": VERSION,
            "valid_flag": 1,
            "base_calendar_id": base,
            "user_name": "owner",
            "filter_name": name,
            **more,
        }
        self._write((insert(t.filter_control), row))

    def schedule(
        self,
        name: str,
        times: Iterable[tuple[str, str]],
        jobnets: Iterable[str] = ("J",),
        *,
        filtered: bool = False,
        version: int = VERSION,
    ) -> None:
        """Store a schedule in force: pairs of calendar (or filter) and boot time."""
        key = {"schedule_id": name, "update_date": version}
        control = {"user_name": "owner", "schedule_name": name, "valid_flag": 1}
        flag = {"object_flag": int(filtered)}
        self._write(
            (insert(t.schedule_control), key | control),
            (
                insert(t.schedule_detail),
                [{**key, **flag, "calendar_id": c, "boot_time": time} for c, time in times],
            ),
            (insert(t.schedule_jobnet), [{**key, "jobnet_id": jobnet} for jobnet in jobnets]),
        )

    def switch(self, table: Any, name: str, valid: int, version: int | None = None) -> None:
        """Put versions of something in or out of force."""
        column = next(iter(table.primary_key.columns))
        statement = update(table).where(column == name).values(valid_flag=valid)
        if version is not None:
            statement = statement.where(table.c.update_date == version)
        self._write((statement, None))

    # -- loading -------------------------------------------------------------------------------

    def loader(self, db: Database | None = None) -> ScheduledLoad:
        """Return a loader as a fresh process has it."""
        db = db or self.db
        return ScheduledLoad(
            db,
            IdPool(db),
            self.clock,
            self.zone,
            interval=30,
            catch_up_minutes=self.catch_up,
        )

    def load(self, loader: ScheduledLoad | None = None, batch: int = BATCH) -> StepReport:
        """Let a loader (default: a fresh one) go through a pass; return all that it did."""
        loader = loader or self.loader()
        whole = StepReport()
        while True:
            report = loader.turn(batch)
            whole.loaded += report.loaded
            whole.raised += report.raised
            if not report.more:
                return whole

    # -- looking -------------------------------------------------------------------------------

    def rows(self, table: Any) -> list[dict[str, Any]]:
        """Return all rows of a table in order of its key."""
        columns = [column for column in table.c if column.name != "created_date"]
        query = select(*columns).order_by(*table.primary_key.columns)
        found = self.db.read(lambda conn: conn.execute(query).mappings().all())
        return [dict(row) for row in found]

    def slots(self) -> list[int]:
        """Return the scheduled minutes of all runs, in order."""
        c = t.run_jobnet.c
        query = select(c.scheduled_time).where(c.main_flag == 0).order_by(c.scheduled_time)
        return self.db.read(lambda conn: list(conn.scalars(query)))

    def purge(self) -> None:
        """Remove all runs, as the housekeeper would."""
        self._write((delete(t.run_jobnet), None))
