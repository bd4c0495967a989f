"""The process that loads for the bench `load`: python -m benchmarks.load_process load|limit."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil
from sqlalchemy import delete, func, select

from benchmarks.load import SCHEDULES
from jobarranger.calendars.starts import Start
from jobarranger.clock import SystemClock, zone_named
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.db.settings import DatabaseSettings
from jobarranger.loading.definition_cache import DefinitionCache
from jobarranger.loading.numbering import expand
from jobarranger.loading.rows.runs import insert_rows
from jobarranger.loading.scheduled import BATCH, ScheduledLoad
from jobarranger.loading.slotted import prepare
from jobarranger.states import Counter, DatabaseType, ObjectFlag


def main() -> int:
    """Measure one part; print the figures as JSON."""
    given = json.loads(sys.stdin.read())
    given |= {"kind": DatabaseType(given["kind"]), "file": Path(given["file"])}
    db = Database(DatabaseSettings(**given), clock=SystemClock())
    found = load(db) if sys.argv[1] == "load" else limit(db)
    db.close()
    print(json.dumps(found))
    return 0


def load(db: Database) -> dict[str, float]:
    """Load everything in one pass, then make an idle pass."""
    zone = zone_named(None)
    loader = ScheduledLoad(db, IdPool(db), db.clock, zone, interval=0, catch_up_minutes=0)
    db.read(lambda conn: conn.scalar(select(func.count()).select_from(t.ext_slot)))
    before, asked = psutil.Process().memory_info().rss, db.statements
    peak, longest, runs = before, 0.0, 0
    started = time.perf_counter()
    while True:
        began = time.perf_counter()
        report = loader.turn()
        longest = max(longest, time.perf_counter() - began)
        runs += len(report.loaded)
        peak = max(peak, psutil.Process().memory_info().rss)
        if not report.more:
            break
    seconds = time.perf_counter() - started
    statements = db.statements - asked
    if runs != SCHEDULES:
        raise AssertionError(f"{runs} runs instead of {SCHEDULES} were loaded")
    asked, began = db.statements, time.perf_counter()
    loader.turn()
    return {
        "runs": runs,
        "seconds": round(seconds, 2),
        "statements": statements,
        "longest_step_ms": round(longest * 1000, 1),
        "idle_pass_ms": round((time.perf_counter() - began) * 1000, 1),
        "idle_pass_statements": db.statements - asked,
        "memory_mb": round((peak - before) / 1e6, 1),
    }


def limit(db: Database) -> dict[str, float]:
    """Insert the rows of as many runs with nothing around the insertion."""
    shelf, ids = DefinitionCache(), IdPool(db)
    slot = db.read(lambda conn: conn.scalar(select(func.max(t.ext_slot.c.slot))))
    db.transaction(lambda unit: unit.execute(delete(t.ext_slot)))
    seconds, rows = 0.0, 0
    for begin in range(0, SCHEDULES, BATCH):
        names = [f"LOAD-{number:05}" for number in range(begin, begin + BATCH)]
        wanted = {
            run: Start(slot, name, "EVERY", ObjectFlag.CALENDAR, "0000", None, name)  # type: ignore[arg-type]
            for run, name in zip(ids.take(Counter.LOADED_JOBNET, BATCH), names, strict=True)
        }
        plans = prepare(db, shelf, wanted).plans
        expanded = expand(ids, list(plans.values()))
        for run, into in expanded.items():
            into[t.run_jobnet].insert(0, dict(plans[run].run))
        rows += sum(len(found) for into in expanded.values() for found in into.values())
        started = time.perf_counter()
        db.transaction(lambda unit, into=expanded: insert_rows(unit, into.values()))  # type: ignore[misc]
        seconds += time.perf_counter() - started
    return {"runs": SCHEDULES, "seconds": round(seconds, 2), "rows_per_run": rows / SCHEDULES}


if __name__ == "__main__":
    sys.exit(main())
