"""Let due runs start: multiple start-up, missed starts. One transaction for a batch of runs.

Candidates are read without locks; the transaction locks the main rows, reads the summaries again,
decides (`jobarranger.loading.due`) and writes with the expected state in every WHERE: a hold, a
cancellation or another time set by people meanwhile wins.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.clock import Clock, stamp12, stamp14, stamp17
from jobarranger.db import pauses
from jobarranger.db import requests as queries
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.failpoints import failpoint
from jobarranger.loading.due import Action, Due, decide
from jobarranger.loading.missed import write_missed
from jobarranger.loading.notes import queue_notes
from jobarranger.loading.pauses import Pauses
from jobarranger.messages.model import Raised
from jobarranger.parking import Parking, together_or_alone
from jobarranger.states import JobnetStatus, LoadStatus, MultipleStart
from jobarranger.wakes import Role

#: Runs of one transaction.
BATCH = 200
#: Pages of runs that only wait for others, read in one pass.
PAGES = 50


@dataclass(slots=True)
class BootReport:
    """What one pass of the boot process did."""

    started: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)  #: put to wait by this pass
    missed: list[int] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)  #: messages, already in the log
    more: bool = False  #: the batch was full: come again at once


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant as the boot process needs it."""

    at: int  #: UTC ms
    second: int  #: 14 digits
    log: int  #: 17 digits
    minute: int  #: 12 digits
    oldest_minute: int  #: a scheduled minute before this one is missed
    grace_ms: int
    zone: tzinfo

    @classmethod
    def now(cls, clock: Clock, zone: tzinfo, grace_seconds: int) -> Moment:
        """Return the present."""
        at = clock.now_ms()
        return cls(
            at=at,
            second=stamp14(at, zone),
            log=stamp17(at, zone),
            minute=stamp12(at, zone),
            oldest_minute=stamp12(at - grace_seconds * 1000, zone),
            grace_ms=grace_seconds * 1000,
            zone=zone,
        )


def boot_due(
    db: Database,
    clock: Clock,
    zone: tzinfo,
    hinted: frozenset[int] | None = None,
    batch: int = BATCH,
    *,
    grace_seconds: int = 0,
    parking: Parking | None = None,
) -> BootReport:
    """Decide about due runs: the hinted ones, or all (None). One select when there are none.

    A hint may also name a run that has just ended: runs that waited for it are looked at.

    Args:
        db: the process' database.
        clock: the present.
        zone: of the stamps in the tables.
        hinted: ids of main runs; None = a sweep over all.
        batch: runs of one transaction.
        grace_seconds: how long after its minute a scheduled run may still start.
        parking: keep one per process; without it nothing is remembered.

    Raises:
        DatabaseUnavailable: come again later.
    """
    parking = parking or Parking(clock)
    moment = Moment.now(clock, zone, grace_seconds)
    parked = parking.parked()
    found = db.read(lambda conn: _candidates(conn, moment, hinted, batch))
    runs = [row.inner_jobnet_id for row in found if row.inner_jobnet_id not in parked]
    report = BootReport(more=len(found) > batch)
    if not runs:
        return report

    def work(some: Sequence[int]) -> None:
        rows, actions = _boot(db, some, moment)
        for run in some:
            parking.succeeded(run)
        _report(report, rows, actions)

    def complain(run: int, error: Exception) -> None:
        table = t.run_jobnet_summary.name
        report.raised.append(m.say(m.JABOOT200002, table_name=table, key=f"{run} ({error})"))

    together_or_alone(runs[:batch], work, parking, complain)
    return report


def _candidates(
    conn: Connection, moment: Moment, hinted: frozenset[int] | None, batch: int
) -> list[Any]:
    """Return runs to decide about, in order; those that would only go on waiting are left out."""
    if hinted is None or len(hinted) > batch:
        return _sweep(conn, moment, batch)
    return _hinted(conn, moment, hinted) if hinted else []


def _sweep(conn: Connection, moment: Moment, batch: int) -> list[Any]:
    """Page through everything due until a batch is full; idle: one select."""
    page = queries.due(conn, moment.minute, batch + 1)
    if not page:
        return []
    paused = pauses.read(conn, moment.at)
    if paused.everything is not None:
        return []
    if paused.jobnets:
        page = queries.due(conn, moment.minute, batch + 1, paused=paused.jobnets)
    found: list[Any] = []
    after: tuple[int, int] | None = None
    for _ in range(PAGES):
        if after is not None:
            page = queries.due(conn, moment.minute, batch + 1, after, paused.jobnets)
        found += _worth_deciding(conn, page, moment, paused)
        if len(page) <= batch or len(found) > batch:
            break
        after = (page[-1].scheduled_time, page[-1].inner_jobnet_id)
    return found


def _hinted(conn: Connection, moment: Moment, hinted: Collection[int]) -> list[Any]:
    """Return the due ones of the hinted runs, and waiting runs of the same jobnets."""
    rows = queries.hinted(conn, hinted)
    delayed = {
        row.jobnet_id
        for row in rows
        if row.multiple_start_up == MultipleStart.DELAY and row.status != JobnetStatus.RUN
    }
    found = {
        row.inner_jobnet_id: row
        for row in rows
        if row.status == JobnetStatus.BEGIN
        and row.start_pending_flag != 1
        and row.scheduled_time <= moment.minute
    }
    if delayed:
        waiting = queries.waiting_of(conn, moment.minute, delayed)
        found |= {row.inner_jobnet_id: row for row in waiting}
    if not found:
        return []
    return _worth_deciding(conn, list(found.values()), moment, pauses.read(conn, moment.at))


def _worth_deciding(
    conn: Connection, rows: Sequence[Any], moment: Moment, paused: Pauses
) -> list[Any]:
    """Leave out runs that are paused, or wait already while their jobnet is still active."""
    rows = [row for row in rows if paused.of_jobnet(row.jobnet_id) is None]
    waiting = {row.jobnet_id for row in rows if row.load_status == LoadStatus.DELAY}
    if not waiting:
        return rows
    runs = [_due(row, moment, paused) for row in rows]
    running = queries.running_jobnets(conn, waiting)
    actions = decide(runs, running, moment.oldest_minute)
    return [row for row in rows if actions[row.inner_jobnet_id] is not Action.KEEP]


def _due(row: Any, moment: Moment, paused: Pauses) -> Due:
    """Return a run for the decision; one that a pause has kept from starting is not late for it."""
    minute, grace = row.scheduled_time, moment.grace_ms
    late_from = paused.excused_until(row.jobnet_id, minute, moment.zone, grace)
    return Due.from_row(row, late_from)


def _boot(
    db: Database, runs: Sequence[int], moment: Moment
) -> tuple[dict[int, Any], dict[int, Action]]:
    """Decide and write in one transaction; return the main rows and the decisions."""

    def work(unit: Unit) -> tuple[dict[int, Any], dict[int, Action]]:
        mains = {
            row.inner_jobnet_id: row for row in unit.execute(unit.lock(queries.lock_mains(runs)))
        }
        paused = pauses.read(unit.conn, moment.at)  # may have begun since the candidates were read
        rows = [
            _due(row, moment, paused)
            for row in queries.due_of(unit.conn, moment.minute, runs)
            if paused.of_jobnet(row.jobnet_id) is None
        ]
        ruled = {row.jobnet_id for row in rows if row.multiple_start_up != MultipleStart.PARALLEL}
        actions = decide(rows, queries.running_jobnets(unit.conn, ruled), moment.oldest_minute)
        _write(unit, mains, actions, moment)
        failpoint("boot.before_commit")
        return mains, actions

    done = db.transaction(work)
    failpoint("boot.after_commit")
    return done


def _write(unit: Unit, mains: dict[int, Any], actions: dict[int, Action], moment: Moment) -> None:
    """Write the decisions, those of one kind in one statement per table."""
    groups: dict[Action, list[int]] = {}
    for run, action in actions.items():
        groups.setdefault(action, []).append(run)
    summary = t.run_jobnet_summary.name
    if started := groups.get(Action.START):
        unit.update_exactly(queries.start_summaries(started), len(started), summary)
        unit.wake(Role.RUN, *started)
    if waiting := groups.get(Action.WAIT):
        values = {"load_status": int(LoadStatus.DELAY)}
        unit.update_exactly(queries.change_summaries(waiting, values), len(waiting), summary)
    if skipped := groups.get(Action.SKIP):
        _skip(unit, skipped, moment)
    if missed := groups.get(Action.MISS):
        rows = [mains[run] for run in missed]
        write_missed(unit, rows, moment.at, moment.log)
        about = [(m.render(m.JABOOT200006, **_fields(row)), row._mapping) for row in rows]
        queue_notes(unit, about, moment.second)


def _skip(unit: Unit, runs: list[int], moment: Moment) -> None:
    """End runs without having started them."""
    times = {"start_time": moment.second, "end_time": moment.second}
    values = {"status": int(JobnetStatus.END), **times}
    unit.update_exactly(queries.change_mains(runs, values), len(runs), t.run_jobnet.name)
    values["load_status"] = int(LoadStatus.SKIP)
    unit.update_exactly(
        queries.change_summaries(runs, values), len(runs), t.run_jobnet_summary.name
    )


def _report(report: BootReport, mains: dict[int, Any], actions: dict[int, Action]) -> None:
    """Note what was committed, and say what people should know."""
    lists = {
        Action.START: report.started,
        Action.SKIP: report.skipped,
        Action.WAIT: report.waiting,
        Action.MISS: report.missed,
    }
    texts = {Action.SKIP: m.JABOOT000001, Action.MISS: m.JABOOT200006}
    for run, action in actions.items():
        if action in lists:
            lists[action].append(run)
        if action in texts:
            report.raised.append(m.say(texts[action], **_fields(mains[run])))


def _fields(main: Any) -> dict[str, object]:
    """Return what messages tell about a run."""
    return {
        "inner_jobnet_id": main.inner_jobnet_id,
        "jobnet_id": main.jobnet_id,
        "scheduled_time": main.scheduled_time,
    }
