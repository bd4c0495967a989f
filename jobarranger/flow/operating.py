"""People's operations on runs and icons, with the conditions under which each is possible.

They write what the Manager would write, and the server goes on from there within one sweep; beside
that they say why something is not possible, and leave a row in `ja_ext_audit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from jobarranger.db import operations, runs
from jobarranger.db.audit import Actor
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import JobArrangerError
from jobarranger.flow.engine import Engine
from jobarranger.icons import REGISTRY, Traits, icon_type, name_of, traits_of
from jobarranger.states import (
    ACTIVE_JOBNET,
    ENDED_JOBNET,
    IconStatus,
    JobnetStatus,
    MethodFlag,
)
from jobarranger.wakes import Role


class NotPossible(JobArrangerError):
    """The operation does not fit the state of the run or icon; the text says why."""


class Operation(StrEnum):
    """What people do to icons."""

    HOLD = "hold"  #: when the flow reaches it, it waits
    RELEASE = "release"
    SKIP = "skip"  #: it is passed over
    UNSKIP = "unskip"
    STOP = "stop"  #: it is at work
    RERUN = "rerun"  #: it has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an operation is possible, and what it writes."""

    states: frozenset[IconStatus]
    fits: Callable[[Traits], bool]  #: the types of icon that it is for
    flag: MethodFlag  #: written
    instead_of: MethodFlag | None = None  #: the flag it must have now; None: any other
    starts: bool = True  #: it may make something start, so not in a run that is being stopped


def _all(_: Traits) -> bool:
    return True


RULES: Mapping[Operation, Rule] = {
    Operation.HOLD: Rule(
        states=frozenset({IconStatus.BEGIN}),
        fits=lambda traits: not traits.begins_jobnet,
        flag=MethodFlag.WAIT,
    ),
    Operation.RELEASE: Rule(
        states=frozenset({IconStatus.BEGIN, IconStatus.READY}),
        fits=_all,
        flag=MethodFlag.NORMAL,
        instead_of=MethodFlag.WAIT,
        starts=False,
    ),
    Operation.SKIP: Rule(
        states=frozenset({IconStatus.BEGIN, IconStatus.READY, IconStatus.RUNERR}),
        fits=lambda traits: traits.skippable,
        flag=MethodFlag.SKIP,
    ),
    Operation.UNSKIP: Rule(
        states=frozenset({IconStatus.BEGIN}),
        fits=_all,
        flag=MethodFlag.NORMAL,
        instead_of=MethodFlag.SKIP,
    ),
    Operation.STOP: Rule(
        states=frozenset({IconStatus.RUN}),
        fits=lambda traits: traits.stoppable,
        flag=MethodFlag.STOP,
        starts=False,
    ),
    Operation.RERUN: Rule(
        states=frozenset({IconStatus.RUNERR}),
        fits=lambda traits: traits.rerunnable,
        flag=MethodFlag.RERUN,
    ),
}


def is_for(operation: Operation, job_type: int) -> bool:
    """Return whether an operation is for icons of a type; none is for a type that is not known."""
    return job_type in REGISTRY and RULES[operation].fits(traits_of(job_type))


#: Icons in these states are of a jobnet that must be running for anything to come of it.
_REACHED = frozenset({IconStatus.READY, IconStatus.RUN, IconStatus.RUNERR})


def changes(operation: Operation, icon: Any) -> dict[str, int]:
    """Return the columns that an operation writes. Pure.

    Args:
        operation: what is to be done.
        icon: a row of `jobarranger.db.operations.icon`.

    Raises:
        NotPossible: the first thing that stands against it.
    """
    reason = _against_run(operation, icon) or _against_icon(operation, icon)
    if reason:
        name = f"{icon.job_id} ({icon.inner_job_id})"
        raise NotPossible(f"{operation} of icon {name} is not possible: {reason}")
    values = {"method_flag": int(RULES[operation].flag)}
    if icon.status == IconStatus.RUNERR:
        values["status"] = int(IconStatus.READY)
    return values


def _against_run(operation: Operation, icon: Any) -> str | None:
    """Return what the state of the run has against it."""
    run = icon.inner_jobnet_main_id
    if icon.run_status in ENDED_JOBNET:
        return f"run {run} is over"
    if icon.jobnet_abort_flag and RULES[operation].starts:
        return f"run {run} is being stopped"
    if icon.status in _REACHED and icon.instance_status not in ACTIVE_JOBNET:
        return "its jobnet has ended abnormally; stop the run"
    return None


def _against_icon(operation: Operation, icon: Any) -> str | None:
    """Return what the icon itself has against it."""
    rule = RULES[operation]
    if not is_for(operation, icon.job_type):
        return f"icons of type {name_of(icon.job_type)} do not allow it"
    if icon.status not in rule.states:
        wanted = " or ".join(state.name for state in sorted(rule.states))
        return f"it is {_name(IconStatus, icon.status)}, not {wanted}"
    if icon.status == IconStatus.RUNERR and icon.continue_flag:
        return "its flow went on in spite of the error"
    if rule.instead_of is not None and icon.method_flag != rule.instead_of:
        return "it is not on hold" if operation is Operation.RELEASE else "it is not to be skipped"
    if operation is not Operation.RERUN and icon.method_flag == rule.flag:
        return "that has been done already"
    return None


def _name(kind: Any, number: int) -> str:
    """Return the name of a number, or the number if it has none."""
    return kind(number).name if number in set(kind) else str(number)


def operate(
    db: Database, engine: Engine, *, actor: Actor, icon_id: int, operation: Operation
) -> None:
    """Do what a person wants done to an icon.

    Raises:
        NotPossible: there is no such icon, or its state is against it.
    """
    found = db.read(lambda conn: operations.icon(conn, icon_id))
    if found is None:
        raise NotPossible(f"there is no icon with the number {icon_id}")
    main = found.inner_jobnet_main_id

    def work(unit: Unit) -> None:
        runs.lock_mains(unit.conn, [main], wait=True)
        icon = operations.icon(unit.conn, icon_id, lock=True)
        if icon is None:
            raise NotPossible(f"there is no icon with the number {icon_id} any more")
        values = changes(operation, icon)
        unit.update_exactly(operations.change_icon(icon, values), 1, f"icon {icon_id}")
        if operation is Operation.RERUN:
            _begin_anew(unit, icon)
        where = f"{icon.job_id} of {icon.jobnet_id} in run {main}"
        actor.note(unit, engine.clock.now_ms(), f"icon {operation}", f"icon {icon_id}", where)
        unit.wake(Role.RUN, main)

    db.transaction(work)


def _begin_anew(unit: Unit, icon: Any) -> None:
    """Set what an icon that is run again counts from the beginning."""
    for settings in icon_type(icon.job_type).tables:
        if settings.rerun:
            operations.set_settings(unit.conn, settings.run, icon.inner_job_id, settings.rerun)


def stop_run(db: Database, engine: Engine, *, actor: Actor, run: int) -> bool:
    """Stop a run; return whether it was running (False: it had not started, and never will).

    A running one is over after the next sweep of the run process (docs/flow.md, Stopping a run).

    Raises:
        NotPossible: there is no such run, it is over, or it is being stopped already.
    """

    def work(unit: Unit) -> bool:
        runs.lock_mains(unit.conn, [run], wait=True)
        found = _stoppable(unit.conn, run)
        running = bool(found.status != JobnetStatus.BEGIN)
        now = engine.now()
        values = {"jobnet_abort_flag": runs.ASKED}
        if not running:
            status = int(JobnetStatus.ENDERR)
            values = {"status": status, "start_time": now.second, "end_time": now.second}
        unit.update_exactly(operations.change_run(found, values), 1, f"run {run}")
        actor.note(unit, now.at, "jobnet abort", f"run {run}", found.jobnet_id)
        return running

    return db.transaction(work)


def _stoppable(conn: Connection, run: int) -> Any:
    """Return a run that can be stopped, or say why not."""
    found = operations.run(conn, run)
    if found is None:
        raise NotPossible(f"there is no run with the number {run}, or it is not loaded yet")
    if found.status in ENDED_JOBNET:
        raise NotPossible(f"run {run} is over ({_name(JobnetStatus, found.status)})")
    if found.jobnet_abort_flag:
        raise NotPossible(f"run {run} is being stopped already")
    return found
