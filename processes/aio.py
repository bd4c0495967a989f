"""The main loop of a child that lives on sockets: asyncio, with the same duties to its parent.

The event loop does sockets only. Whatever needs the database goes to a `DatabaseThread`, which
takes all that is waiting at once: under load many small requests become one transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ipc.queues import Receiver
from processes.context import ChildContext
from processes.databasethread import DatabaseThread, Handler, Lane
from processes.exhaustion import Listener, exhausted
from processes.policy import ExitCode
from processes.rundir import RuntimeFiles

__all__ = ["AsyncContext", "DatabaseThread", "Hints", "Lane", "run_async"]

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Seconds that the main loop of a process that cannot work has to put its things away.
LAST_SECONDS = 2.0


class Hints:
    """The hints of this child's queue, for the event loop."""

    def __init__(self, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
        self._receiver = receiver
        self._ids: set[int] = set()
        self._came = asyncio.Event()
        loop.add_reader(receiver.fileno(), self._drain)
        self._drain()

    async def wait(self, seconds: float) -> frozenset[int] | None:
        """Return the ids hinted at, or None when `seconds` have passed: time for a sweep."""
        self._drain()
        if not self._ids:
            try:
                async with asyncio.timeout(seconds):
                    await self._came.wait()
            except TimeoutError:
                return None
        ids = frozenset(self._ids)
        self._ids.clear()
        self._came.clear()
        return ids

    def _drain(self) -> None:
        """Read until nothing is left: the descriptor is edge-triggered."""
        ids = self._receiver.drain()
        if ids:
            self._ids |= ids
            self._came.set()


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class AsyncContext:
    """What an asynchronous child is given: its context and the event loop's side of it."""

    child: ChildContext
    stopping: asyncio.Event  #: set when the child should end its work and return
    hints: Hints
    ages: list[Callable[[], float]]  #: seconds that each helper has been at one piece of work
    fatal: asyncio.Future[None] = field(default_factory=_future)  #: fails when we cannot work

    def thread(
        self, handler: Handler[Item, Result], *, lane: Lane | None = None
    ) -> DatabaseThread[Item, Result]:
        """Return a new, started database thread that is watched for hanging, and for its end."""
        made = DatabaseThread(
            self.child.database,
            handler,
            name=self.child.name,
            lane=lane,
            on_error=self.heard,
        )
        self.ages.append(made.age)
        made.start()
        return made

    def heard(self, error: BaseException) -> None:
        """End the process if an error, met on any thread, means that it cannot work any more."""
        if exhausted(error) is None:
            return
        with suppress(RuntimeError):  # the loop is closed: it has ended already
            self.fatal.get_loop().call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        if not self.fatal.done():
            self.fatal.set_exception(error)
            self.fatal.exception()  # whether anybody waits for it or not


def run_async(main: Callable[[AsyncContext], Awaitable[None]], child: ChildContext) -> int:
    """Run `main` as the main loop of this process until it returns; return the exit code.

    `main` is expected to return soon after `stopping` is set. Its own unexpected error ends the
    process, and the parent starts another. `main` calls `context.child.link.ready()` when it
    serves; if it has not by its first wait of a beat, it is said for it.
    """
    return asyncio.run(_run(main, child))


async def _run(main: Callable[[AsyncContext], Awaitable[None]], child: ChildContext) -> int:
    loop = asyncio.get_running_loop()
    link = child.link
    receiver = Receiver(child.runtime_dir, child.role.value, child.number)
    link.chores.append(RuntimeFiles(child.runtime_dir, child.held, receiver.mend).look)
    context = AsyncContext(child, asyncio.Event(), Hints(receiver, loop), [])

    def attend() -> None:
        link.attend()
        if link.stopping:
            context.stopping.set()

    for descriptor in link.descriptors():
        loop.add_reader(descriptor, attend)
    loop.set_exception_handler(lambda _, reported: _unhandled(context, reported))
    pulse = asyncio.create_task(_pulse(context))
    try:
        with Listener(context.heard):
            await _until_fatal(main(context), context.fatal)
    finally:
        pulse.cancel()
        for descriptor in (*link.descriptors(), receiver.fileno()):
            loop.remove_reader(descriptor)
        receiver.close()
    if not link.stopping:
        log.error("%s: the main loop returned without being asked to", child.name)
        return ExitCode.FAILED
    return ExitCode.WANTED


async def _until_fatal(main: Awaitable[None], fatal: asyncio.Future[None]) -> None:
    """Run the main loop; raise what keeps the process from working, should that come first."""
    working = asyncio.ensure_future(main)
    await asyncio.wait({working, fatal}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        await asyncio.wait({working}, timeout=LAST_SECONDS)
        fatal.result()
    working.result()


def _unhandled(context: AsyncContext, reported: dict[str, Any]) -> None:
    """Log what nobody has waited for, one line and a traceback; it may mean that we cannot work."""
    error = reported.get("exception")
    log.error("%s: %s", context.child.name, reported.get("message"), exc_info=error)
    if error is not None:
        context.heard(error)


async def _pulse(context: AsyncContext) -> None:
    """Give signs of life as long as the loop turns and no helper hangs."""
    child = context.child
    await asyncio.sleep(0)
    child.link.ready()
    while True:
        oldest = max((age() for age in context.ages), default=0.0)
        if oldest < child.hang_limit:
            child.link.figures.drops = child.sender.drops
            child.link.beat()
        child.title.flush()
        await asyncio.sleep(max(child.link.until_beat(), 0.05) if not child.title.pending else 0.25)
