"""A server with invented children, for tests.

It is started by `python -m tests.integration.fake_server CHILDREN ARGS`.

CHILDREN is a list like `steady:2,deaf`; ARGS are those of `jobarg_server`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import time
from pathlib import Path
from types import ModuleType

import psutil

from jobarranger.clock import Clock
from jobarranger.config import ServerConfig
from jobarranger.errors import ConfigError, SchemaError
from jobarranger.wakes import Role
from processes import main, startcheck
from processes.aio import AsyncContext
from processes.context import ChildContext
from processes.registry import RoleEntry
from processes.worker import Turn

log = logging.getLogger("jobarranger.fake")

PLACES = [Role.LOADER, Role.BOOT, Role.RUN, Role.EXECUTOR, Role.NOTIFIER, Role.HOUSEKEEPER]


class Steady:
    """Lives and does nothing; reports the order of ends."""

    def open(self, context: ChildContext) -> None:
        """Remember who it is."""
        self.context = context

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Do nothing."""
        return Turn(3, "things")

    def close(self) -> None:
        """Write the name into the diary."""
        diary = self.context.config.ja_state_dir / "diary"
        with diary.open("a") as lines:
            lines.write(f"{self.context.role}\n")


class Crash(Steady):
    """Dies at once, again and again."""

    def open(self, context: ChildContext) -> None:
        """Die."""
        os._exit(7)


class Broken(Steady):
    """Has a bug in its turn."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Raise."""
        raise ZeroDivisionError("a bug")


class Hungry(Steady):
    """Meets the end of its memory in its second turn, where it is only logged."""

    turns = 0

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Ask the system for more than it may have."""
        self.turns += 1
        if self.turns > 1:
            limit = psutil.Process().memory_info().vms + 2**28
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            try:
                bytearray(2**32)
            except MemoryError:
                log.exception("one piece of work is given up")
        return Turn()


class BadConfig(Steady):
    """Finds its configuration wrong."""

    def open(self, context: ChildContext) -> None:
        """Refuse."""
        raise ConfigError("JaSomething is wrong")


class BadSchema(Steady):
    """Finds the tables of another version."""

    def open(self, context: ChildContext) -> None:
        """Refuse."""
        raise SchemaError("the tables are of another version")


class Deaf(Steady):
    """Hangs in its first turn, deaf to everything."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Hang."""
        time.sleep(1000)
        return Turn()


class Late(Steady):
    """Becomes ready only when a file appears."""

    def open(self, context: ChildContext) -> None:
        """Wait for the file."""
        super().open(context)
        while not (context.config.ja_state_dir / "go").exists():
            time.sleep(0.01)


async def steady_async(context: AsyncContext) -> None:
    """Wait for the end like a trapper."""
    context.child.status(f"{len(context.child.listeners)} listeners")
    while not context.stopping.is_set():
        await context.hints.wait(0.2)
        await asyncio.sleep(0)


CLASSES = {
    one.__name__.lower(): one
    for one in (Steady, Crash, Broken, Hungry, BadConfig, BadSchema, Deaf, Late)
}


def entry(kind: str, number: int, role: Role, stage: int) -> RoleEntry:
    """Return the registry's entry of an invented child, with a module to match."""
    module = ModuleType(f"fake_{role.name.lower()}")
    if kind == "async":
        module.main = steady_async  # type: ignore[attr-defined]
    else:
        module.duty = CLASSES[kind]  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return RoleEntry(
        role=role,
        module=module.__name__,
        stage=stage,
        share=0.5,
        hang_limit=float(os.environ.get("FAKE_HANG_LIMIT", "20")),
        count=lambda config: number,
        interval=lambda config: 1.0,
    )


def run() -> int:
    """Run the server with the children wanted."""
    wanted = [part.partition(":") for part in sys.argv[1].split(",") if part]
    places = iter(PLACES)
    entries = [
        entry(kind, int(number or 1), Role.TRAPPER if kind == "async" else next(places), stage)
        for stage, (kind, _, number) in enumerate(wanted, start=1)
    ]
    startcheck.check = check
    main.HEAVY = ()
    return main.main(sys.argv[2:], entries)


def check(config: ServerConfig, clock: Clock, *, hold_all: bool = False) -> None:
    """Find something wrong if the test wants it; note whether everything is to be held."""
    state = Path(config.ja_state_dir)
    if hold_all:
        (state / "held").touch()
    if (state / "refuse").exists():
        raise ConfigError("the start check found something")


if __name__ == "__main__":
    sys.exit(run())
