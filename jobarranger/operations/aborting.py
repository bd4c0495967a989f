"""Stop a run, or cancel one that has not started (docs/flow.md, Stopping a run)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from jobarranger.db import runs
from jobarranger.db.engine import Database, Unit
from jobarranger.flow.engine import Engine
from jobarranger.operations.actor import Actor
from jobarranger.operations.errors import NotPossible, state_name
from jobarranger.operations.rows import states
from jobarranger.states import ENDED_JOBNET, JobnetStatus


def stop_run(db: Database, engine: Engine, *, actor: Actor, run: int) -> bool:
    """Stop a run; return whether it was running (False: it had not started, and never will).

    A running one is over after the next sweep of the run process (docs/flow.md, Stopping a run).

    Raises:
        NotPossible: there is no such run for the actor, it is over, or it is being stopped.
    """

    def work(unit: Unit) -> bool:
        runs.lock_mains(unit.conn, [run], wait=True)
        found = _stoppable(unit.conn, actor, run)
        running = bool(found.status != JobnetStatus.BEGIN)
        now = engine.now()
        values = {"jobnet_abort_flag": runs.ASKED}
        if not running:
            status = int(JobnetStatus.ENDERR)
            values = {"status": status, "start_time": now.second, "end_time": now.second}
        unit.update_exactly(states.change_run(found, values), 1, f"run {run}")
        actor.note(unit, now.at, "jobnet abort", f"run {run}", found.jobnet_id)
        return running

    return db.transaction(work)


def _stoppable(conn: Connection, actor: Actor, run: int) -> Any:
    """Return a run that can be stopped, or say why not."""
    found = actor.if_usable(conn, states.run(conn, run))
    if found is None:
        raise NotPossible(f"there is no run with the number {run}, or it is not loaded yet")
    if found.status in ENDED_JOBNET:
        raise NotPossible(f"run {run} is over ({state_name(JobnetStatus, found.status)})")
    if found.jobnet_abort_flag:
        raise NotPossible(f"run {run} is being stopped already")
    return found
