"""The children of the server: one entry for each role.

A module has either `duty() -> Duty` (works in turns, `processes.worker`) or
`async main(context: AsyncContext)` (lives on sockets, `processes.aio`).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from jobarranger.config import ServerConfig
from jobarranger.wakes import Role
from processes.aio import AsyncContext
from processes.policy import Spec
from processes.worker import Duty

#: Environment variable that shortens all hang limits (seconds); for tests of hanging children.
HANG_LIMIT_VARIABLE = "JOBARG_HANG_LIMIT"
#: Seconds between two sweeps of a child that has nothing to look at.
SELDOM = 3600.0
#: Hang limit of children that live on the database: one that has stopped answering holds them up
#: for two read time-outs (a statement, then a new connection), and killing them would not help.
SILENT_DATABASE = 120.0


def _one(config: ServerConfig) -> int:
    return 1


def _seldom(config: ServerConfig) -> float:
    return SELDOM


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEntry:
    """What the parent must know of one role."""

    role: Role
    module: str
    stage: int  #: of a stop: lower stages end first
    share: float  #: of JaStopTimeout that an orderly end may take
    hang_limit: float  #: longest silence of the main loop in seconds
    count: Callable[[ServerConfig], int] = _one
    interval: Callable[[ServerConfig], float] = _seldom  #: seconds between two sweeps


#: In the order of their start. Shares of the stages add up to less than 1.
ENTRIES = (
    RoleEntry(
        role=Role.TRAPPER,
        module="processes.trapper",
        stage=4,
        share=0.15,
        hang_limit=SILENT_DATABASE,
        count=lambda config: config.ja_start_trappers,
    ),
    RoleEntry(
        role=Role.EXECUTOR,
        module="processes.executor",
        stage=3,
        share=0.3,
        hang_limit=SILENT_DATABASE,
        count=lambda config: config.ja_start_executors,
        interval=lambda config: config.ja_job_interval,
    ),
    RoleEntry(role=Role.SESSION, module="processes.session", stage=3, share=0.3, hang_limit=60.0),
    RoleEntry(
        role=Role.RUN,
        module="processes.run",
        stage=2,
        share=0.2,
        hang_limit=SILENT_DATABASE,
        count=lambda config: config.ja_start_runs,
        interval=lambda config: min(config.ja_run_interval, config.ja_jobnet_interval),
    ),
    RoleEntry(
        role=Role.BOOT,
        module="processes.boot",
        stage=1,
        share=0.2,
        hang_limit=SILENT_DATABASE,
        interval=lambda config: config.ja_boot_interval,
    ),
    RoleEntry(
        role=Role.LOADER,
        module="processes.loader",
        stage=1,
        share=0.2,
        hang_limit=SILENT_DATABASE,
        interval=lambda config: min(config.ja_loader_interval, config.ja_launch_interval),
    ),
    RoleEntry(
        role=Role.NOTIFIER,
        module="processes.notifier",
        stage=4,
        share=0.15,
        hang_limit=120.0,
        interval=lambda config: config.ja_msgsnd_interval,
    ),
    RoleEntry(
        role=Role.HOUSEKEEPER,
        module="processes.housekeeper",
        stage=1,
        share=0.2,
        hang_limit=300.0,
        interval=lambda config: config.ja_purge_interval,
    ),
    RoleEntry(
        role=Role.MONITOR,
        module="processes.monitor",
        stage=5,
        share=0.1,
        hang_limit=SILENT_DATABASE,
        interval=lambda config: config.ja_selfmon_interval,
    ),
)


def counts(entries: Iterable[RoleEntry], config: ServerConfig) -> dict[Role, int]:
    """Return how many children each role has."""
    return {entry.role: entry.count(config) for entry in entries}


def spec(entry: RoleEntry, number: int, config: ServerConfig) -> Spec:
    """Return what the policy is to know of one child."""
    shortened = os.environ.get(HANG_LIMIT_VARIABLE)
    return Spec(
        role=entry.role.value,
        number=number,
        stage=entry.stage,
        hang_limit=min(float(shortened), entry.hang_limit) if shortened else entry.hang_limit,
        stop_limit=config.ja_stop_timeout * entry.share,
        restart_limit=config.ja_restart_limit,
    )


@dataclass(frozen=True, slots=True)
class Code:
    """What a child runs: exactly one of the two."""

    duty: Callable[[], Duty] | None = None
    main: Callable[[AsyncContext], Awaitable[None]] | None = None


def load(entries: Iterable[RoleEntry]) -> Mapping[Role, Code]:
    """Import the children's modules: once, in the parent, so that they share the memory."""
    return {entry.role: _code(entry.module) for entry in entries}


def _code(name: str) -> Code:
    module = importlib.import_module(name)
    duty, main = getattr(module, "duty", None), getattr(module, "main", None)
    if (duty is None) == (main is None):
        raise TypeError(f"{name} must have either duty() or main()")
    return Code(duty, main)
