"""Load scheduled starts: run and guard in one transaction, a batch of runs at a time.

The guard (`ja_ext_slot`) has a unique key, so two loaders on one database load each start once,
whatever either has read before. Runs that a 3.0.0 server has loaded are given their guards here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.calendars.starts import Start
from jobarranger.db import tables as t
from jobarranger.db.definitions import Values
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import DefinitionError
from jobarranger.failpoints import failpoint
from jobarranger.loading.definition_cache import DefinitionCache
from jobarranger.loading.expand import Library, MissingVersion, Plan, plan
from jobarranger.loading.numbering import expand
from jobarranger.loading.references import Cause, cause
from jobarranger.loading.requests import IdSource
from jobarranger.loading.rows import loaded_starts as queries
from jobarranger.loading.rows import requests
from jobarranger.loading.rows.runs import insert_rows
from jobarranger.loading.start_scan import instant, key_of
from jobarranger.loading.templates import main_row
from jobarranger.states import RunType
from jobarranger.wakes import Role


@dataclass(frozen=True, slots=True)
class Prepared:
    """Starts by the number of their run: planned, or the cause why they cannot be."""

    plans: dict[int, Plan] = field(default_factory=dict)
    causes: dict[int, Cause] = field(default_factory=dict)


def prepare(db: Database, cache: DefinitionCache, wanted: Mapping[int, Start]) -> Prepared:
    """Read the jobnets in force and plan every run."""
    prepared = Prepared()
    names = {start.jobnet_id for start in wanted.values()}
    try:
        headers, library = db.read(lambda conn: cache.read(conn, names))
    except (ValueError, DefinitionError) as error:  # rows that mean nothing: which jobnet's?
        if len(wanted) == 1:
            ((run, start),) = wanted.items()
            prepared.causes[run] = _cannot(start, error)
            return prepared
        for run, start in wanted.items():
            one = prepare(db, cache, {run: start})
            prepared.plans.update(one.plans)
            prepared.causes.update(one.causes)
        return prepared
    for run, start in wanted.items():
        found = _plan(run, start, headers, library)
        if isinstance(found, Plan):
            prepared.plans[run] = found
        else:
            prepared.causes[run] = found
    cache.trim()
    return prepared


def load_slots(
    db: Database,
    ids: IdSource,
    zone: tzinfo,
    wanted: Mapping[int, Start],
    plans: Mapping[int, Plan],
    at: int,
) -> None:
    """Write the given runs with their guards in one transaction; loaded ones are left out.

    Args:
        db: the process' database.
        ids: where the ids of icons and flows come from.
        zone: of the slots.
        wanted: the starts by the number of their run.
        plans: of each of them.
        at: now, UTC ms.
    """
    expanded = expand(ids, list(plans.values()))
    for run, into in expanded.items():
        into[t.run_jobnet].insert(0, dict(plans[run].run))
    runs_of = {key_of(wanted[run]): run for run in plans}

    def work(unit: Unit) -> bool:
        fresh = runs_of.keys() - queries.handled(unit.conn, runs_of)
        if not fresh:
            return False
        adopted = queries.loaded_runs(unit.conn, fresh)
        guards = [_guard(key, adopted.get(key, runs_of[key]), zone, at) for key in sorted(fresh)]
        queries.add_slots(unit.conn, guards)
        runs = sorted(runs_of[key] for key in fresh - adopted.keys())
        insert_rows(unit, (expanded[run] for run in runs))
        unit.wake(Role.BOOT, *runs)
        failpoint("loader.before_slots_commit")
        return True

    def landed(conn: Connection) -> bool | None:
        return True if requests.existing_runs(conn, list(plans)) else None

    db.transaction(work, landed=landed)
    failpoint("loader.after_slots_commit")


def _plan(run: int, start: Start, headers: Mapping[str, Values], library: Library) -> Plan | Cause:
    """Plan one run."""
    header = headers.get(start.jobnet_id)
    if header is None:
        return cause(m.JALOADER200004, jobnet_id=start.jobnet_id, schedule_id=start.schedule_id)
    try:
        return plan(_main_row(run, start, header), library)
    except MissingVersion as error:
        if error.jobnet_id == start.jobnet_id:
            return _cannot(start, error)
        return cause(
            m.JALOADER200005,
            sub_jobnet_id=error.jobnet_id,
            jobnet_id=start.jobnet_id,
            schedule_id=start.schedule_id,
        )
    except (ValueError, DefinitionError) as error:
        return _cannot(start, error)


def _cannot(start: Start, error: Exception) -> Cause:
    """Return the cause of a jobnet that cannot be loaded as it is."""
    return cause(
        m.JALOADER200009,
        jobnet_id=start.jobnet_id,
        schedule_id=start.schedule_id,
        error_text=str(error),
    )


def _main_row(run: int, start: Start, header: Values) -> dict[str, Any]:
    """Return the main row of a run by schedule."""
    return {
        **main_row(run, header, RunType.NORMAL, start.slot),
        "schedule_id": start.schedule_id,
        "calendar_id": start.object_id,
        "boot_time": start.boot_time,
        "execution_user_name": header["user_name"],
        "running_job_id": None,
        "running_job_name": None,
        "virtual_time": 0,
        "virtual_start_time": 0,
        "virtual_end_time": 0,
    }


def _guard(key: queries.Key, run: int, zone: tzinfo, at: int) -> dict[str, object]:
    """Return the guard row of a start."""
    slot, schedule_id, calendar_id, jobnet_id = key
    return {
        "slot": slot,
        "schedule_id": schedule_id,
        "calendar_id": calendar_id,
        "jobnet_id": jobnet_id,
        "inner_jobnet_id": run,
        "slot_at": instant(slot, zone),
        "at": at,
    }
