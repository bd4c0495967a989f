"""Let due runs start: late starts, multiple start-up. One transaction for a batch of runs.

Candidates are read without locks; the transaction locks the gates of their jobnets, then the main
rows, reads the summaries again, decides (`jobarranger.loading.due`) and writes with the expected
state in every WHERE: a hold, a cancellation or another time set by people meanwhile wins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.clock import Clock, stamp14, stamp17
from jobarranger.db import gates, pauses
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import in_short
from jobarranger.failpoints import failpoint
from jobarranger.loading.due import STARTS, STRICT, Action, BootRules, Due, decide
from jobarranger.loading.missed import write_missed
from jobarranger.loading.notes import queue_notes
from jobarranger.loading.rows import booting as queries
from jobarranger.messages.model import Message, Raised
from jobarranger.model.pauses import Pauses
from jobarranger.parking import Parking, together_or_alone
from jobarranger.slots import MINUTE_MS, due_slot, instant_of
from jobarranger.states import JobnetStatus, LoadStatus, MultipleStart
from jobarranger.wakes import Role

#: Runs of one transaction.
BATCH = 200
#: Pages of runs that only wait for others, read in one pass.
PAGES = 50

#: What is said about decisions that people should know of.
_MESSAGES: Mapping[Action, Message] = {
    Action.SKIP: m.JABOOT000001,
    Action.MISS: m.JABOOT200006,
    Action.START_LATE: m.JABOOT300001,
    Action.DROP: m.JABOOT300002,
}


@dataclass(slots=True)
class BootReport:
    """What one pass of the boot process did."""

    started: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)  #: put to wait by this pass
    missed: list[int] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)  #: messages, already in the log
    more: bool = False  #: the batch was full: come again at once
    next_at: int | None = None  #: UTC ms of the next start that is known of


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant as the boot process needs it. Slots are due and late by their instants."""

    at: int  #: UTC ms
    second: int  #: 14 digits
    log: int  #: 17 digits
    slot: int  #: the last one that is due
    late_slot: int  #: the last one that is over, and its grace with it
    zone: tzinfo
    rules: BootRules

    @classmethod
    def now(cls, clock: Clock, zone: tzinfo, rules: BootRules) -> Moment:
        """Return the present."""
        at = clock.now_ms()
        return cls(
            at=at,
            second=stamp14(at, zone),
            log=stamp17(at, zone),
            slot=due_slot(at, zone),
            late_slot=due_slot(at - MINUTE_MS - rules.grace_ms, zone),
            zone=zone,
            rules=rules,
        )


def boot_due(
    db: Database,
    clock: Clock,
    zone: tzinfo,
    hinted: frozenset[int] | None = None,
    batch: int = BATCH,
    *,
    rules: BootRules = STRICT,
    parking: Parking | None = None,
) -> BootReport:
    """Decide about due runs: the hinted ones, or all (None). Two selects when there are none.

    A hint may also name a run that has just ended: runs that waited for it are looked at.

    Args:
        db: the process' database.
        clock: the present.
        zone: of the stamps in the tables.
        hinted: ids of main runs; None = a sweep over all.
        batch: runs of one transaction.
        rules: how late runs are treated.
        parking: keep one per process; without it nothing is remembered.

    Raises:
        DatabaseUnavailable: come again later.
    """
    parking = parking or Parking(clock)
    moment = Moment.now(clock, zone, rules)
    parked = parking.parked()
    found, next_at = db.read(lambda conn: _candidates(conn, moment, hinted, batch))
    runs = {
        row.inner_jobnet_id: row.jobnet_id
        if row.multiple_start_up != MultipleStart.PARALLEL
        else None
        for row in found
        if row.inner_jobnet_id not in parked
    }
    report = BootReport(more=len(found) > batch, next_at=next_at)

    def work(some: Sequence[int]) -> None:
        ruled = {name for run in some if (name := runs[run]) is not None}
        rows, actions = _boot(db, some, ruled, moment)
        for run in some:
            parking.succeeded(run)
        _report(report, rows, actions)

    def complain(run: int, error: Exception) -> None:
        table = t.run_jobnet_summary.name
        report.raised.append(
            m.log_message(m.JABOOT200002, table_name=table, key=f"{run} ({in_short(error)})")
        )

    if runs:
        together_or_alone(list(runs)[:batch], work, parking, complain)
    return report


def _candidates(
    conn: Connection, moment: Moment, hinted: frozenset[int] | None, batch: int
) -> tuple[list[Any], int | None]:
    """Return runs to decide about, in order, and the instant at which there will be others.

    Runs that are paused, or would only go on waiting, are left out.
    """
    if hinted is None or len(hinted) > batch:
        found, resumed_at = _sweep(conn, moment, batch)
        later = queries.next_slot(conn, moment.slot)
        next_at = [at for at in (_instant(later, moment.zone), resumed_at) if at is not None]
        return found, min(next_at, default=None)
    rows = queries.hinted(conn, hinted) if hinted else []
    due = [row for row in rows if row.scheduled_time <= moment.slot]
    later = min((row.scheduled_time for row in rows if row.scheduled_time > moment.slot), default=0)
    if due:
        due = _worth_deciding(conn, due, moment, pauses.read(conn, moment.at))
    return due, _instant(later or None, moment.zone)


def _instant(slot: int | None, zone: tzinfo) -> int | None:
    """Return when a slot begins; None if there is none, or if it is no time at all."""
    try:
        return None if slot is None else instant_of(slot, zone)
    except ValueError:
        return None


def _sweep(conn: Connection, moment: Moment, batch: int) -> tuple[list[Any], int | None]:
    """Page through everything due until a batch is full; idle: one select.

    Runs that go on waiting for another one are not read page after page: however many they are,
    those behind them have their turn. Also returns when the first of the pauses ends that keep
    something from starting.
    """
    page = queries.due(conn, moment.slot, batch + 1)
    if not page:
        return [], None
    paused = pauses.read(conn, moment.at)
    ends = [pause.end_at for pause in paused.active() if pause.end_at is not None]
    resumed_at = min(ends, default=None)
    if paused.everything is not None:
        return [], resumed_at
    if paused.jobnets:
        page = queries.due(conn, moment.slot, batch + 1, paused=paused.jobnets)
    found: list[Any] = []
    after: tuple[int, int] | None = None
    waiting: set[str] = set()
    for _ in range(PAGES):
        if after is not None:
            page = queries.due(conn, moment.slot, batch + 1, after, paused.jobnets, waiting)
        worth = _worth_deciding(conn, page, moment, paused)
        found += worth
        waiting |= {
            row.jobnet_id
            for row in page
            if row.load_status == LoadStatus.DELAY and row not in worth
        }
        if len(page) <= batch or len(found) > batch:
            break
        after = (page[-1].scheduled_time, page[-1].inner_jobnet_id)
    return found, resumed_at


def _worth_deciding(
    conn: Connection, rows: Sequence[Any], moment: Moment, paused: Pauses
) -> list[Any]:
    """Leave out runs that are paused, or wait already while their jobnet is still active."""
    rows = [row for row in rows if paused.of_jobnet(row.jobnet_id) is None]
    waiting = {row.jobnet_id for row in rows if row.load_status == LoadStatus.DELAY}
    if not waiting:
        return rows
    runs = [_due(row, moment, paused) for row in rows]
    actions = _decide(runs, gates.running_jobnets(conn, waiting), moment)
    return [row for row in rows if actions[row.inner_jobnet_id] is not Action.KEEP]


def _decide(runs: Sequence[Due], running: Collection[str], moment: Moment) -> dict[int, Action]:
    """Decide about due runs at a moment."""
    return decide(runs, running, moment.late_slot, moment.rules.missed)


def _due(row: Any, moment: Moment, paused: Pauses) -> Due:
    """Return a run for the decision; one that a pause has kept from starting is not late for it."""
    slot, grace = row.scheduled_time, moment.rules.grace_ms
    return Due.from_row(row, paused.excused_until(row.jobnet_id, slot, moment.zone, grace))


def _boot(
    db: Database, runs: Sequence[int], ruled: Collection[str], moment: Moment
) -> tuple[dict[int, Any], dict[int, Action]]:
    """Decide and write in one transaction; return the main rows and the decisions.

    Args:
        db: the process' database.
        runs: candidates.
        ruled: the jobnets of those that may not simply start beside others.
        moment: the present.
    """
    gates.make(db, ruled)

    def work(unit: Unit) -> tuple[dict[int, Any], dict[int, Action]]:
        if ruled:
            gates.lock(unit, ruled)
        mains = {row.inner_jobnet_id: row for row in queries.lock_mains(unit, runs)}
        paused = pauses.read(unit.conn, moment.at)  # may have begun since the candidates were read
        rows = [
            _due(row, moment, paused)
            for row in queries.due_of(unit.conn, moment.slot, runs)
            if paused.of_jobnet(row.jobnet_id) is None
        ]
        actions = _decide(rows, gates.running_jobnets(unit.conn, ruled), moment)
        _write(unit, mains, actions, moment)
        passing = {row.jobnet_id for row in rows if actions[row.id] in STARTS} & set(ruled)
        if passing:
            unit.update_exactly(gates.count_passing(passing), len(passing), t.ext_gate.name)
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
    if started := [run for run, action in actions.items() if action in STARTS]:
        unit.update_exactly(queries.start_summaries(started), len(started), summary)
        unit.wake(Role.RUN, *started)
    if waiting := groups.get(Action.WAIT):
        values = {"load_status": int(LoadStatus.DELAY)}
        unit.update_exactly(queries.change_summaries(waiting, values), len(waiting), summary)
    if skipped := groups.get(Action.SKIP, []) + groups.get(Action.DROP, []):
        _skip(unit, skipped, moment)
    if missed := groups.get(Action.MISS):
        write_missed(unit, [mains[run] for run in missed], moment.at, moment.log)
    about = [
        (m.render(_MESSAGES[action], **_fields(mains[run])), mains[run]._mapping)
        for run, action in actions.items()
        if action in _MESSAGES
    ]
    if about:
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
        Action.START_LATE: report.started,
        Action.SKIP: report.skipped,
        Action.DROP: report.skipped,
        Action.WAIT: report.waiting,
        Action.MISS: report.missed,
    }
    for run, action in actions.items():
        if action in lists:
            lists[action].append(run)
        if action in _MESSAGES:
            report.raised.append(m.log_message(_MESSAGES[action], **_fields(mains[run])))


def _fields(main: Any) -> dict[str, object]:
    """Return what messages say about a run."""
    return {
        "inner_jobnet_id": main.inner_jobnet_id,
        "jobnet_id": main.jobnet_id,
        "scheduled_time": main.scheduled_time,
    }
