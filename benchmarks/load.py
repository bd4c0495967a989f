"""load: 10,000 schedules, each with a jobnet of ten icons of its own, loaded in one window.

Seconds from the beginning of the pass to the commit of its last batch, in a process of its own as
the loader is one; statements for each run, and what that process needs of memory. The limit is
the plain insertion of the same rows, in the same batches.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import insert

from benchmarks.figures import Figure
from benchmarks.jobnets import chain
from benchmarks.surroundings import Surroundings
from jobarranger.clock import local_time, stamp14, zone_named
from jobarranger.commands.demo_site import wait_until
from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition
from jobarranger.db.engine import Database
from jobarranger.definitions.yamlform import parse
from jobarranger.icons import settings_tables
from jobarranger.slots import MINUTE_MS

#: Schedules, and jobnets.
SCHEDULES = 10_000
#: JOB icons of each jobnet; with START and END ten icons.
JOBS = 8
#: So many minutes ahead is the slot.
AHEAD = 30
#: Jobnets whose definitions are written in one transaction.
_PORTION = 200
#: Until the server must be there (seconds).
_START = 30
#: Until the child must have ended (seconds).
_PATIENCE = 900


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    stack = place.stack
    if not wait_until((stack.runtime / "status.json").exists, _START):
        raise AssertionError("the server is not there")
    stack.stop()  # its loader would take part
    say(f"{SCHEDULES} schedules are written")
    define(stack.db)
    say(f"{SCHEDULES} runs are loaded")
    found = _child("load", place)
    limit = _child("limit", place)
    detail = {
        "seconds": found["seconds"],
        "statements_per_run": round(found["statements"] / SCHEDULES, 2),
        "longest_step_ms": found["longest_step_ms"],
        "idle_pass_ms": found["idle_pass_ms"],
        "idle_pass_statements": found["idle_pass_statements"],
        "memory_mb": found["memory_mb"],
        "rows_per_run": limit["rows_per_run"],
    }
    yield Figure.rate(
        "load",
        place.product,
        found["runs"] / found["seconds"],
        "runs/s",
        limit["runs"] / limit["seconds"],
        detail,
    )


def define(db: Database) -> None:
    """Write calendar, schedules and jobnets, all in force."""
    at = db.clock.now_ms()
    version = stamp14(at, zone_named(None))
    start = local_time(at + AHEAD * MINUTE_MS, zone_named(None))
    (one,) = parse(chain("LOAD", JOBS), "bench", owner="bench")
    calendar = {"calendar_id": "EVERY", "update_date": version}
    common = {"user_name": "bench", "valid_flag": 1}

    def write(unit: Any, table: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            unit.execute(insert(table), rows)

    def first(unit: Any) -> None:
        write(unit, t.calendar_control, [{**calendar, **common, "calendar_name": "every day"}])
        write(unit, t.calendar_detail, [{**calendar, "operating_date": int(f"{start:%Y%m%d}")}])

    db.transaction(first)
    for begin in range(0, SCHEDULES, _PORTION):
        names = [f"LOAD-{number:05}" for number in range(begin, begin + _PORTION)]

        def portion(unit: Any, names: list[str] = names) -> None:
            for table, rows in _jobnets(one, names, version).items():
                write(unit, table, rows)
            keys = [{"schedule_id": name, "update_date": version} for name in names]
            write(
                unit,
                t.schedule_control,
                [{**key, **common, "schedule_name": key["schedule_id"]} for key in keys],
            )
            detail = {"calendar_id": "EVERY", "boot_time": f"{start:%H%M}", "object_flag": 0}
            write(unit, t.schedule_detail, [{**key, **detail} for key in keys])
            write(
                unit,
                t.schedule_jobnet,
                [{**key, "jobnet_id": key["schedule_id"]} for key in keys],
            )

        db.transaction(portion)


def _jobnets(one: Definition, names: list[str], version: int) -> dict[Any, list[dict[str, Any]]]:
    """Return the rows of copies of a definition, by table."""
    tables = dict.fromkeys(table for tables in settings_tables().values() for table in tables)
    parts = [(t.jobnet_control, [one.header]), (t.job_control, one.icons)]
    parts.append((t.flow_control, one.flows))
    parts += [
        (table, [row for rows in one.settings.get(table.name, {}).values() for row in rows])
        for table in tables
    ]
    given = {"update_date": version}
    return {
        table: [
            {**row, **given, "jobnet_id": name}
            | ({"valid_flag": 1} if table is t.jobnet_control else {})
            for name in names
            for row in rows
        ]
        for table, rows in parts
    }


def _child(what: str, place: Surroundings) -> dict[str, Any]:
    """Do one part in a process of its own; return what it has measured."""
    settings = place.stack.settings
    given = {
        "kind": settings.kind.value,
        "file": str(settings.file),
        "host": settings.host,
        "port": settings.port,
        "name": settings.name,
        "user": settings.user,
        "password": settings.password,
        "socket": settings.socket,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.load_process", what],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    if ended.returncode:
        raise AssertionError(ended.stderr)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found
