"""What people do to runs that have not started: hold, release, another time, start now.

Each is one transaction with a check of the state (docs/loading.md, What people do before the
start); what the Manager does in several works beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobarranger.db import gates, pauses, runs
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.flow.engine import Engine
from jobarranger.icons import types_with
from jobarranger.operations.actor import Actor
from jobarranger.operations.errors import NotPossible
from jobarranger.operations.rows import states
from jobarranger.slots import instant_of
from jobarranger.states import (
    ENDED_JOBNET,
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    MultipleStart,
)
from jobarranger.wakes import Role

#: `start_pending_flag`.
HELD, RELEASED = 1, 2
#: Runs that are named in a refusal.
_NAMED = 3


def hold(db: Database, engine: Engine, *, actor: Actor, run: int) -> None:
    """Keep a run from starting until it is released.

    Raises:
        NotPossible: there is no such run for the actor, it is on hold already, or it has started.
    """

    def work(unit: Unit, found: Any) -> str:
        if found.start_pending_flag == HELD:
            raise _refusal("hold", run, "it is on hold already")
        _change(unit, found, {"start_pending_flag": HELD})
        return str(found.jobnet_id)

    _operate(db, engine, actor, "hold", run, work)


def release(db: Database, engine: Engine, *, actor: Actor, run: int) -> None:
    """End the hold of a run: it starts at its time, at once if that has passed, however late.

    Raises:
        NotPossible: there is no such run for the actor, it is not on hold, or it has started.
    """

    def work(unit: Unit, found: Any) -> str:
        if found.start_pending_flag != HELD:
            raise _refusal("release", run, "it is not on hold")
        _change(unit, found, {"start_pending_flag": RELEASED})
        return str(found.jobnet_id)

    _operate(db, engine, actor, "release", run, work)


def reschedule(db: Database, engine: Engine, *, actor: Actor, run: int, slot: int) -> None:
    """Give a run another time; that of its schedule is kept, so it is not loaded again for it.

    A run that waits for another one waits for its new time first.

    Args:
        db: the process' database.
        engine: the clock and the zone of the slot.
        actor: who does it.
        run: its registry number.
        slot: YYYYMMDDHHMM, later than now.

    Raises:
        NotPossible: there is no such run for the actor, it has started, or the time is no time
            or has passed.
    """
    try:
        at = instant_of(slot, engine.zone)
    except ValueError:
        raise _refusal("reschedule", run, f"'{slot}' is not a time YYYYMMDDHHMM") from None

    def work(unit: Unit, found: Any) -> str:
        if at <= engine.clock.now_ms():
            raise _refusal("reschedule", run, f"{slot} has passed")
        if found.instance_status != JobnetStatus.BEGIN:
            raise _refusal("reschedule", run, "it has been stopped")
        moved = states.change_instance(found, {"scheduled_time": slot})
        unit.update_exactly(moved, 1, t.run_jobnet.name)
        _change(unit, found, {"scheduled_time": slot, "load_status": int(LoadStatus.NORMAL)})
        return f"{found.jobnet_id}: {slot} instead of {found.scheduled_time}"

    _operate(db, engine, actor, "reschedule", run, work)


def start(db: Database, engine: Engine, *, actor: Actor, run: int, force: bool = False) -> None:
    """Start a run now that has missed its start, is on hold, waits, or is scheduled for later.

    Args:
        db: the process' database.
        engine: the clock and the zone.
        actor: who does it.
        run: its registry number.
        force: also beside other runs of a jobnet that does not want that, and while it is paused.

    Raises:
        NotPossible: there is no such run for the actor, it has started, or it would need `force`.
    """
    known = db.read(lambda conn: actor.if_usable(conn, states.run(conn, run)))
    names = {str(known.jobnet_id)} if known is not None else set()
    gates.make(db, names)

    def work(unit: Unit, found: Any) -> str:
        others = _others(unit, found, engine)
        if others and not force:
            raise _refusal("start", run, f"{others}; --force starts it all the same")
        if found.status != JobnetStatus.BEGIN:
            _take_back(unit, found)
        values = {
            "status": int(JobnetStatus.READY),
            "job_status": int(JobStatus.NORMAL),
            "load_status": int(LoadStatus.NORMAL),
        }
        if found.start_pending_flag == HELD:
            values["start_pending_flag"] = RELEASED
        _change(unit, found, values)
        unit.update_exactly(gates.count_passing(names), 1, t.ext_gate.name)
        unit.wake(Role.RUN, run)
        return f"{found.jobnet_id}, although {others}" if others else str(found.jobnet_id)

    _operate(db, engine, actor, "start", run, work, names, missed=True)


def _others(unit: Unit, found: Any, engine: Engine) -> str:
    """Return what speaks against a start beside the state of the run; empty if nothing does."""
    pause = pauses.read(unit.conn, engine.clock.now_ms()).of_jobnet(found.jobnet_id)
    if pause is not None:
        return f"{pause.what}: paused by {pause.actor_user} ({pause.reason})"
    if found.multiple_start_up == MultipleStart.PARALLEL:
        return ""
    rows = gates.runs_at_work(unit.conn, {found.jobnet_id}, _NAMED)
    running = ", ".join(str(row.inner_jobnet_id) for row in rows)
    return f"another run of {found.jobnet_id} is active ({running})" if running else ""


def _take_back(unit: Unit, found: Any) -> None:
    """Put a missed start back to where it was before: the main row and the START icon."""
    begun = {"status": int(JobnetStatus.BEGIN)}
    unit.update_exactly(states.change_instance(found, begun), 1, t.run_jobnet.name)
    starts = types_with(lambda traits: traits.begins_jobnet)
    states.change_starts(unit.conn, found.inner_jobnet_id, starts, int(IconStatus.BEGIN))


def _operate(
    db: Database,
    engine: Engine,
    actor: Actor,
    operation: str,
    run: int,
    work: Callable[[Unit, Any], str],
    names: set[str] | None = None,
    *,
    missed: bool = False,
) -> None:
    """Lock the gates of `names` and the run, check its state, let `work` write, note it."""

    def whole(unit: Unit) -> None:
        if names:
            gates.lock(unit, names)
        runs.lock_mains(unit.conn, [run], wait=True)
        found = actor.if_usable(unit.conn, states.run(unit.conn, run))
        if found is None:
            raise NotPossible(f"there is no run with the number {run}, or it is not loaded yet")
        if against := _against(found, missed=missed):
            raise _refusal(operation, run, against)
        detail = work(unit, found)
        unit.wake(Role.BOOT, run)
        now = engine.clock.now_ms()
        actor.note(unit, now, f"jobnet {operation}", f"run {run}", detail)

    db.transaction(whole)


def _against(found: Any, *, missed: bool) -> str:
    """Return what the state of a run has against it; empty if nothing."""
    if found.status in ENDED_JOBNET:
        return f"it is over ({JobnetStatus(found.status).name})"
    if found.jobnet_abort_flag:
        return "it is being stopped"
    if found.status == JobnetStatus.BEGIN:
        return ""
    has_missed = found.status == JobnetStatus.RUN and found.load_status == LoadStatus.DELAY
    if has_missed and missed:
        return ""
    if has_missed:
        return "it has missed its start; start it now, or stop it"
    return "it has started already"


def _change(unit: Unit, found: Any, values: Mapping[str, int]) -> None:
    """Change the summary of a run, if nobody has changed it meanwhile."""
    run = found.inner_jobnet_id
    unit.update_exactly(states.change_unstarted(found, values), 1, f"run {run}")


def _refusal(operation: str, run: int, reason: str) -> NotPossible:
    return NotPossible(f"{operation} of run {run} is not possible: {reason}")
