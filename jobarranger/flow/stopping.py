"""Stop single icons that run on agents: a kill, or the icon's own stop command (docs/dispatch.md).

A person sets `method_flag` 3 on a running icon. The sweep turns that into ABORT together with a
request to the agent; the icon leaves ABORT when the result of its job arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from jobarranger.db import dispatch
from jobarranger.db.engine import Database, Unit
from jobarranger.dispatching.request import Payload
from jobarranger.flow.engine import Engine
from jobarranger.flow.records import Icon
from jobarranger.flow.settling import settle
from jobarranger.flow.work import Work
from jobarranger.states import (
    DispatchState,
    IconStatus,
    JobType,
    Method,
    MethodFlag,
    host_slot,
)
from jobarranger.wakes import Role

#: Icons stopped in one transaction.
BATCH = 100
#: Settings value `stop_flag`: run the stop command instead of killing.
STOP_COMMAND = 1
#: The kinds of icon whose work is done by an agent.
_ON_AGENTS = frozenset({JobType.JOB, JobType.FWAIT, JobType.REBOOT})


def stop_request(
    *,
    job_type: JobType,
    stop_flag: int | None,
    stop_command: str | None,
    stop_id: int,
    run: Payload,
) -> tuple[Method, Payload]:
    """Decide how a running icon is stopped.

    A stop command runs as a job of its own, so it needs an id of its own; without one (a job
    started alone from the editor) or without a text the job is killed.
    """
    if job_type is JobType.JOB:
        if stop_flag == STOP_COMMAND and stop_id and stop_command and stop_command.strip():
            return Method.STOP, replace(run, script=stop_command, telegram_job_id=stop_id)
        return Method.KILL, Payload(argument={})
    kind = "reboot" if job_type is JobType.REBOOT else ""
    return Method.KILL, Payload(type=kind, argument=run.argument)


def request_stops(db: Database, engine: Engine, slots: Sequence[int]) -> list[int]:
    """Ask the agents to stop what people want stopped; return the icons concerned.

    Families that somebody else holds are left for the next sweep.
    """
    rows = db.read(lambda conn: dispatch.stop_asked(conn, slots, most=BATCH))
    rows = [row for row in rows if row.job_type in _ON_AGENTS]
    if not rows:
        return []

    def work_on(unit: Unit) -> list[int]:
        work = Work(unit, engine)
        held = work.lock_families({row.inner_jobnet_main_id for row in rows}, wait=False)
        wanted = {row.inner_job_id: row for row in rows if row.inner_jobnet_main_id in held}
        stopped = [icon for icon in work.load_icons(sorted(wanted)) if _is_wanted(icon)]
        for icon in stopped:
            stop_icon(work, icon, wanted[icon.id])
        settle(work)
        work.write()
        return [icon.id for icon in stopped]

    return db.transaction(work_on)


def _is_wanted(icon: Icon) -> bool:
    return icon.status is IconStatus.RUN and icon.method is MethodFlag.STOP


def stop_icon(work: Work, icon: Icon, row: Row[Any], *, kill: bool = False) -> None:
    """Move an icon to ABORT and write the request for its agent.

    Args:
        work: the transaction.
        icon: a running icon.
        row: its run in progress (`jobarranger.db.dispatch`).
        kill: also where the icon has a stop command of its own.
    """
    method, payload = stop_request(
        job_type=JobType(row.job_type),
        stop_flag=None if kill else row.stop_flag,
        stop_command=row.stop_command,
        stop_id=row.inner_job_id_fs_link,
        run=Payload.from_json(row.payload),
    )
    icon.move(IconStatus.ABORT)
    work.family(icon).steps += 1
    work.suspects.add(icon.instance_id)
    slot = host_slot(row.host_name)
    work.dispatches.append(
        {
            "inner_job_id": icon.id,
            "attempt": row.attempt,
            "method": int(method),
            "inner_jobnet_main_id": icon.main_id,
            "slot": slot,
            "state": int(DispatchState.NEW),
            "host_name": row.host_name,
            "force_flag": row.force_flag,
            "payload": payload.to_json(),
            "created_at": work.now.at,
            "warn_at": None,
        }
    )
    work.unit.wake(Role.EXECUTOR, icon.id, slot=slot)
