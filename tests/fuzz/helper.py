"""Processes that help a test: one that ends when the test ends, whatever happens to it.

A helper is a module of this tier with a plan as its only argument. Its standard input is a pipe
that nobody writes to: its end is the sign to stop.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

#: Lowest priority: strangers' machines do not take the processor time of honest people.
NICE = 19
#: Seconds that a helper has to bring what it has begun to its end.
GRACE = 30.0


class Helper:
    """A helper process, seen from the test."""

    def __init__(self, module: str, name: str, directory: Path) -> None:
        """Prepare: `name` is that of its files in `directory`."""
        self._module = module
        self._plan = directory / f"{name}.plan"
        self._output = directory / f"{name}.out"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, plan: str) -> None:
        """Start it with a plan."""
        self._plan.write_text(plan)
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(self._plan)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_running(self) -> bool:
        """Return whether it is at work."""
        return self._process is not None and self._process.poll() is None

    def give_sign(self) -> None:
        """Ask it to stop."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def close(self) -> None:
        """Ask it to stop and wait until it has."""
        self.give_sign()
        if self._process is None:
            return
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def trouble(self) -> list[str]:
        """Return what went wrong with a helper that has ended: it may have done too little."""
        if self._process is None or not self._process.returncode:
            return []
        words = self._output.read_text(errors="replace").splitlines()[-3:]
        return [f"{self._module} ended with {self._process.returncode}: {' | '.join(words)}"]


def help_out(work: Callable[[str, asyncio.Event], Awaitable[None]]) -> None:
    """Be a helper: do `work` with the plan's text until it is done or its event is set."""
    os.nice(NICE)
    asyncio.run(_until_end(work, Path(sys.argv[1]).read_text()))


async def _until_end(work: Callable[[str, asyncio.Event], Awaitable[None]], plan: str) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(0)
        over.set()

    loop.add_reader(0, end)
    await work(plan, over)


async def pause(over: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is over; let other tasks run in any case."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await over.wait()
    except TimeoutError:
        return
