"""The main loop of a child that lives on sockets: asyncio, with the same duties to its parent.

The event loop does sockets only. Whatever needs the database goes to a `DatabaseThread`, which
takes all that is waiting at once: under load many small requests become one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ipc import budget
from ipc.queues import Receiver
from processes.context import ChildContext
from processes.policy import ExitCode

if TYPE_CHECKING:
    from jobarranger.db.engine import Database

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
T = TypeVar("T")


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


@dataclass(slots=True)
class AsyncContext:
    """What an asynchronous child is given: its context and the event loop's side of it."""

    child: ChildContext
    stopping: asyncio.Event  #: set when the child should end its work and return
    hints: Hints
    ages: list[Callable[[], float]]  #: seconds that each helper has been at one piece of work

    def thread(
        self, handler: Callable[[Database, list[Item]], Sequence[Result | BaseException]]
    ) -> DatabaseThread[Item, Result]:
        """Return a new, started database thread that is watched for hanging."""
        made = DatabaseThread(self.child.database, handler, name=self.child.name)
        self.ages.append(made.age)
        made.start()
        return made


class DatabaseThread(Generic[Item, Result]):
    """One thread with its own `Database`; handles waiting items in batches, calls one by one.

    What nobody waits for any more is left out, unless the thread has begun with it. A request's
    claim on memory lasts until the thread is done with its part.
    """

    def __init__(
        self,
        make: Callable[[], Database],
        handler: Callable[[Database, list[Item]], Sequence[Result | BaseException]],
        *,
        name: str = "database",
        limit: int = 200,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            make: makes the thread's own database, on the thread.
            handler: takes a batch, returns a result or an exception for each item, in order.
            name: of the thread.
            limit: items in one batch at most.
        """
        self._make = make
        self._handler = handler
        self._limit = limit
        self._waiting: queue.SimpleQueue[_Wanted | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._live, name=f"{name} database", daemon=True)
        self._busy_since: float | None = None
        self._started = False
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._started = True

    async def submit(self, item: Item) -> Result:
        """Have `item` handled with all others that are waiting; return its result."""
        wanted = _Wanted(self._loop.create_future(), item=item)
        self._waiting.put(wanted)
        result: Result = await wanted.future
        return result

    async def call(self, work: Callable[[Database], T]) -> T:
        """Run `work` on the thread, in order with the items submitted before."""
        wanted = _Wanted(self._loop.create_future(), call=work)
        self._waiting.put(wanted)
        result: T = await wanted.future
        return result

    def age(self) -> float:
        """Return for how many seconds the thread has been at its present work."""
        if self._started and not self._thread.is_alive():
            return float("inf")  # dead: nobody would ever be answered
        since = self._busy_since
        return 0.0 if since is None else self._loop.time() - since

    async def close(self) -> None:
        """Finish what is waiting, then end the thread."""
        self._started = False
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _live(self) -> None:
        database = self._make()
        carried: _Wanted | None = None
        try:
            while True:
                first = carried if carried is not None else self._waiting.get()
                if first is None:
                    return
                if self._is_given_up(first):
                    carried = None
                    continue
                self._busy_since = self._loop.time()
                if first.call is not None:
                    carried = None
                    self._answer([first], self._called(database, first.call))
                else:
                    batch, carried = self._batch(first)
                    self._answer(batch, self._handled(database, batch))
                self._busy_since = None
        finally:
            database.close()

    def _batch(self, first: _Wanted) -> tuple[list[_Wanted], _Wanted | None]:
        """Take the items that are there; a call or the end ends the batch and is carried over."""
        batch = [first]
        while len(batch) < self._limit:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            if following.call is not None:
                return batch, following
            if not self._is_given_up(following):
                batch.append(following)
        return batch, None

    def _is_given_up(self, wanted: _Wanted) -> bool:
        """Drop work that nobody waits for any more."""
        if not wanted.future.cancelled():
            return False
        self._answer([wanted], [None])
        return True

    def _called(self, database: Database, call: Callable[[Database], Any]) -> list[Any]:
        try:
            return [call(database)]
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            return [_Raised(error)]

    def _handled(self, database: Database, batch: list[_Wanted]) -> list[Any]:
        try:
            results = list(self._handler(database, [wanted.item for wanted in batch]))
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for {len(batch)} items")
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            return [_Raised(error)] * len(batch)
        return [_Raised(one) if isinstance(one, BaseException) else one for one in results]

    def _answer(self, batch: list[_Wanted], results: list[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_settle, batch, results)


@dataclass(slots=True)
class _Raised:
    """An exception on its way from the thread to the one who waits."""

    error: BaseException


@dataclass(slots=True)
class _Wanted:
    """A piece of work and the future that waits for it."""

    future: asyncio.Future[Any]
    item: Any = None
    call: Callable[[Any], Any] | None = None
    release: Callable[[], None] = field(default_factory=budget.keep)  #: the request's claim


def _settle(batch: list[_Wanted], results: list[Any]) -> None:
    for wanted, result in zip(batch, results, strict=True):
        wanted.release()
        if wanted.future.done():
            continue  # given up by the one who waited
        if isinstance(result, _Raised):
            wanted.future.set_exception(result.error)
        else:
            wanted.future.set_result(result)


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
    context = AsyncContext(child, asyncio.Event(), Hints(receiver, loop), [])

    def attend() -> None:
        link.attend()
        if link.stopping:
            context.stopping.set()

    for descriptor in link.descriptors():
        loop.add_reader(descriptor, attend)
    pulse = asyncio.create_task(_pulse(context))
    try:
        await main(context)
    finally:
        pulse.cancel()
        for descriptor in (*link.descriptors(), receiver.fileno()):
            loop.remove_reader(descriptor)
        receiver.close()
    if not link.stopping:
        log.error("%s: the main loop returned without being asked to", child.name)
        return ExitCode.FAILED
    return ExitCode.WANTED


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
