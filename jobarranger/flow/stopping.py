"""Stop single icons: a kill, or the icon's own stop command (docs/requests.md).

A person sets `method_flag` 3 on a running icon. The sweep turns that into ABORT together with a
request to the agent; the icon leaves ABORT when the result of its job arrives. An icon that no
agent will report of ends in error at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row

from jobarranger.db.engine import Database
from jobarranger.db.values import Variables
from jobarranger.flow import stepping
from jobarranger.flow.engine import Engine
from jobarranger.flow.propagation import propagate
from jobarranger.flow.transact import transact
from jobarranger.flow.work import Work
from jobarranger.icons import Running, icon_type, types_with
from jobarranger.model.records import Icon
from jobarranger.model.variables import MESSAGE
from jobarranger.requests.request import Payload
from jobarranger.requests.rows import stops
from jobarranger.states import (
    Channel,
    DispatchState,
    IconStatus,
    MethodFlag,
    host_slot,
)
from jobarranger.wakes import CARRIED_OUT_BY

#: Icons stopped in one transaction.
BATCH = 100
#: `JOBARG_MESSAGE` of an icon that was stopped and that no agent will report of.
STOPPED = "the icon was stopped on request; no agent will report of it"
#: The slot whose executor also answers for icons without any.
_FIRST_SLOT = 0


def request_stops(db: Database, engine: Engine, slots: Sequence[int]) -> list[int]:
    """Stop what people want stopped on the hosts of some slots; return the icons concerned.

    Families that somebody else holds are left for the next sweep.
    """
    asked = [*slots, stops.NO_SLOT] if _FIRST_SLOT in slots else slots
    kinds = types_with(lambda traits: traits.stoppable)
    rows = db.read(lambda conn: stops.stop_asked(conn, asked, kinds, most=BATCH))
    if not rows:
        return []

    def step(work: Work) -> list[int]:
        wanted = {row.inner_job_id for row in rows if row.inner_jobnet_main_id in work.families}
        icons = [icon for icon in work.load_icons(sorted(wanted)) if _is_wanted(icon)]
        stop_icons(work, icons)
        propagate(work)
        return [icon.id for icon in icons]

    mains = {row.inner_jobnet_main_id for row in rows}
    _, stopped = transact(db, engine, mains, step, wait=False)
    return stopped


def _is_wanted(icon: Icon) -> bool:
    return icon.status is IconStatus.RUN and icon.method is MethodFlag.STOP


def stop_icons(work: Work, icons: Collection[Icon], *, kill: bool = False) -> set[int]:
    """Stop running icons; return those that others have to stop.

    Args:
        work: the transaction; the icons' families are locked.
        icons: running icons.
        kill: also where an icon has a stop command of its own.
    """
    at_agents = stops.in_progress(work.unit.conn, [icon.id for icon in icons]) if icons else {}
    alone = [icon for icon in icons if icon.id not in at_agents]
    for icon in icons:
        if icon.id in at_agents:
            _abort(work, icon)
        for row in at_agents.get(icon.id, ()):
            _ask_agent(work, icon, row, kill=kill)
    work.load_values(Variables.AFTER, alone)
    for icon in alone:
        work.family(icon).steps += 1
        work.after[icon.id].append(MESSAGE, STOPPED)
        stepping.fail(work, icon, [])
    return set(at_agents)


def _abort(work: Work, icon: Icon) -> None:
    icon.move(IconStatus.ABORT)
    work.family(icon).steps += 1
    work.suspects.add(icon.instance_id)


def _ask_agent(work: Work, icon: Icon, row: Row[Any], *, kill: bool) -> None:
    """Write the request that stops one run of an icon; it goes the way of the run."""
    running = Running(
        run=Payload.from_json(row.payload),
        stop_flag=None if kill else row.stop_flag,
        stop_command=row.stop_command,
        stop_id=row.inner_job_id_fs_link,
    )
    method, payload = icon_type(icon.type).stop(running)
    slot = host_slot(row.host_name)
    work.dispatches.append(
        {
            "inner_job_id": icon.id,
            "attempt": row.attempt,
            "method": int(method),
            "part": row.part,
            "channel": row.channel,
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
    work.unit.wake(CARRIED_OUT_BY[Channel(row.channel)], icon.id, slot=slot)
