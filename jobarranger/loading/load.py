"""Expand start requests into icons and flows: one transaction for a batch of runs.

What happens, in this order: the requests are read without locks; all definitions they need are
read set by set; ids are reserved in blocks; then one transaction locks the main rows, checks again
that they wait and have no summary, and inserts everything table by table, the summary last.

A run that cannot be loaded (a version is missing, jobnets contain each other, settings are
incomplete) becomes a load error that people see; it is not tried again. A run whose rows the
database refuses is tried alone, and after three failures left alone for a minute.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.clock import Clock, stamp14
from jobarranger.db import tables as t
from jobarranger.db.definitions import Values, read_tree
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import DefinitionError, in_short
from jobarranger.failpoints import failpoint
from jobarranger.icons import settings_tables
from jobarranger.loading.expand import Library, MissingVersion, Plan, plan, summary_row
from jobarranger.loading.notes import queue_notes
from jobarranger.loading.numbering import expand
from jobarranger.loading.requests import IdSource
from jobarranger.loading.rows import requests as queries
from jobarranger.loading.rows.runs import add_summaries, insert_rows
from jobarranger.messages.model import Message, Raised
from jobarranger.parking import Parking, together_or_alone
from jobarranger.states import JobnetStatus, JobStatus, LoadStatus
from jobarranger.wakes import Role

#: Runs of one transaction.
BATCH = 100


@dataclass(slots=True)
class LoadReport:
    """What one pass of the loader did."""

    loaded: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)  #: load errors
    raised: list[Raised] = field(default_factory=list)  #: messages, already in the log
    more: bool = False  #: the batch was full: come again at once


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs ready to be written: plans, and those that cannot be loaded with the reason."""

    plans: dict[int, Plan]
    broken: dict[int, tuple[Values, DefinitionError]]


def load_requests(
    db: Database,
    ids: IdSource,
    clock: Clock,
    zone: tzinfo,
    hinted: frozenset[int] | None = None,
    batch: int = BATCH,
    *,
    parking: Parking | None = None,
) -> LoadReport:
    """Load the requests that wait: the hinted ones, or all (None). One select when there are none.

    Args:
        db: the process' database.
        ids: where new ids come from.
        clock: the time of load errors.
        zone: of the stamps in the tables.
        hinted: ids of main runs to look at; None = a sweep over all.
        batch: runs of one transaction.
        parking: keep one per process; without it nothing is remembered.

    Raises:
        DatabaseUnavailable: come again later.
    """
    parking = parking or Parking(clock)
    found = db.read(lambda conn: _candidates(conn, hinted, batch, parking.parked()))
    report = LoadReport(more=len(found) > batch)
    found = found[:batch]
    if not found:
        return report
    prepared = _prepare(db, found)
    raised: dict[int, Raised] = {}

    def work(runs: Sequence[int]) -> None:
        done = _load(db, ids, prepared, runs, stamp14(clock.now_ms(), zone))
        for run in done:
            parking.succeeded(run)
        report.failed += [run for run in done if run in prepared.broken]
        report.loaded += [run for run in done if run not in prepared.broken]

    def complain(run: int, error: Exception) -> None:
        text = f"{run} ({in_short(error)})"
        raised[run] = m.log_message(m.JALOADER200002, table_name=t.run_jobnet.name, key=text)

    together_or_alone([row["inner_jobnet_id"] for row in found], work, parking, complain)
    for run in report.failed:
        message, fields = _reason(*prepared.broken[run])
        raised[run] = m.log_message(message, **fields)
    report.raised += raised.values()
    return report


def _candidates(
    conn: Connection, hinted: frozenset[int] | None, batch: int, parked: Collection[int]
) -> list[Values]:
    """Return up to one run more than the batch takes."""
    if hinted is None or len(hinted) > batch:
        return queries.unloaded(conn, batch + 1, parked)
    wanted = hinted - set(parked)
    return queries.unloaded_of(conn, wanted) if wanted else []


def _prepare(db: Database, found: Sequence[Values]) -> Batch:
    """Read the definitions of a batch and plan every run."""
    keys = {(row["jobnet_id"], row["update_date"]) for row in found}
    library = Library(*db.read(lambda conn: read_tree(conn, keys, settings_tables())))
    batch = Batch({}, {})
    for row in found:
        try:
            batch.plans[row["inner_jobnet_id"]] = plan(row, library)
        except DefinitionError as error:
            batch.broken[row["inner_jobnet_id"]] = (row, error)
    return batch


def _load(db: Database, ids: IdSource, batch: Batch, runs: Sequence[int], at: int) -> list[int]:
    """Write the given runs in one transaction; return those that were still waiting."""
    expanded = expand(ids, [batch.plans[run] for run in runs if run in batch.plans])
    broken = {run: batch.broken[run] for run in runs if run in batch.broken}

    def work(unit: Unit) -> list[int]:
        waiting = queries.lock_waiting_mains(unit, runs)
        waiting -= queries.summarised(unit.conn, waiting) if waiting else set()
        insert_rows(
            unit,
            (into for run, into in expanded.items() if run in waiting),
        )
        _fail(unit, [pair for run, pair in broken.items() if run in waiting], at)
        unit.wake(Role.BOOT, *sorted(waiting - broken.keys()))
        failpoint("loader.before_commit")
        return sorted(waiting)

    def landed(conn: Connection) -> list[int] | None:
        return sorted(queries.summarised(conn, runs)) or None

    done = db.transaction(work, landed=landed)
    failpoint("loader.after_commit")
    return done


def _fail(unit: Unit, broken: Sequence[tuple[Values, DefinitionError]], at: int) -> None:
    """Mark runs as load errors: run row 5, summary 5 with load status 1."""
    if not broken:
        return
    failed = [row for row, _ in broken]
    runs = [row["inner_jobnet_id"] for row in failed]
    unit.update_exactly(queries.fail_run_rows(runs, at), len(runs), t.run_jobnet.name)
    add_summaries(
        unit,
        [
            summary_row(
                row,
                status=int(JobnetStatus.ENDERR),
                job_status=int(JobStatus.ERROR),
                load_status=int(LoadStatus.ERROR),
                start_time=at,
                end_time=at,
            )
            for row in failed
        ],
    )
    about = []
    for row, error in broken:
        message, fields = _reason(row, error)
        about.append((m.render(message, **fields), row))
    queue_notes(unit, about, at)


def _reason(run: Values, error: DefinitionError) -> tuple[Message, dict[str, object]]:
    """Return the message about a run that cannot be loaded."""
    if isinstance(error, MissingVersion) and error.jobnet_id != run["jobnet_id"]:
        return m.JALOADER200005, {
            "sub_jobnet_id": error.jobnet_id,
            "jobnet_id": run["jobnet_id"],
            "schedule_id": "none",
        }
    return m.JALOADER200009, {
        "jobnet_id": run["jobnet_id"],
        "schedule_id": "none",
        "error_text": str(error),
    }
