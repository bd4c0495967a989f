"""Definitions of starts for tests, written into the tables as the Manager would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert

from jobarranger.db import tables as t
from jobarranger.db.engine import Database

VERSION = 20260101000000
#: Rows and the table they belong to.
Part = tuple[Any, list[dict[str, Any]]]


class FixedClock:
    """A clock that a test sets; sleeping moves it."""

    def __init__(self, at: int) -> None:
        """Begin at an instant (UTC ms)."""
        self.at = at

    def now_ms(self) -> int:
        """Return the instant."""
        return self.at

    def monotonic(self) -> float:
        """Return it in seconds."""
        return self.at / 1000

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.at += round(seconds * 1000)


def days(first: date, count: int) -> list[date]:
    """Return days in a row."""
    return [first + timedelta(days=number) for number in range(count)]


def calendar(name: str, operating: Iterable[date], *, valid: int = 1) -> list[Part]:
    """Return a calendar."""
    key = {"calendar_id": name, "update_date": VERSION}
    numbers = [int(day.strftime("%Y%m%d")) for day in operating]
    return [
        (t.calendar_control, [{**key, "valid_flag": valid, "calendar_name": f"{name} days"}]),
        (t.calendar_detail, [{**key, "operating_date": number} for number in numbers]),
    ]


def month_filter(
    name: str, base: str, *, flag: int = 1, day: int = 0, shift: int = -1, valid: int = 1
) -> list[Part]:
    """Return a filter."""
    row = {
        "filter_id": name,
        "update_date": VERSION,
        "valid_flag": valid,
        "base_date_flag": flag,
        "designated_day": day,
        "shift_day": shift,
        "base_calendar_id": base,
        "filter_name": f"{name} filter",
    }
    return [(t.filter_control, [row])]


def schedule(
    name: str,
    details: Sequence[tuple[int, str, str]],
    jobnets: Sequence[str],
    *,
    valid: int = 1,
) -> list[Part]:
    """Return a schedule; details are (0 calendar or 1 filter, its id, boot time)."""
    key = {"schedule_id": name, "update_date": VERSION}
    return [
        (t.schedule_control, [{**key, "valid_flag": valid, "schedule_name": f"{name} schedule"}]),
        (
            t.schedule_detail,
            [
                {**key, "object_flag": flag, "calendar_id": object_id, "boot_time": time}
                for flag, object_id, time in details
            ],
        ),
        (t.schedule_jobnet, [{**key, "jobnet_id": jobnet} for jobnet in jobnets]),
    ]


def jobnet(name: str, *, valid: int = 1, user: str = "ann") -> list[Part]:
    """Return a jobnet without content."""
    key = {"jobnet_id": name, "update_date": VERSION, "valid_flag": valid}
    return [(t.jobnet_control, [{**key, "jobnet_name": f"{name} net", "user_name": user}])]


def run(
    number: int,
    slot: int,
    *,
    schedule_id: str = "S",
    calendar_id: str = "C",
    jobnet_id: str = "NET",
    **summary: Any,
) -> list[Part]:
    """Return a run that a schedule has loaded; `summary` has columns beside the usual ones."""
    shared = {
        "inner_jobnet_id": number,
        "run_type": 0,
        "jobnet_id": jobnet_id,
        "user_name": "ann",
        "schedule_id": schedule_id,
        "calendar_id": calendar_id,
        "boot_time": "0900",
        "scheduled_time": slot,
        "initial_scheduled_time": slot,
    }
    moved: dict[str, Any] = {
        key: summary[key] for key in ("scheduled_time", "run_type") if key in summary
    }
    return [
        (t.run_jobnet, [{**shared, **moved, "inner_jobnet_main_id": number, "main_flag": 0}]),
        (t.run_jobnet_summary, [{**shared, "invo_flag": 1, **summary}]),
    ]


def store(database: Database, *objects: list[Part]) -> None:
    """Write objects."""

    def work(unit: Any) -> None:
        for table, rows in (part for parts in objects for part in parts):
            if rows:
                unit.execute(insert(table), rows)

    database.transaction(work)
