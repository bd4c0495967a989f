"""One thread with its own database, for an event loop that must not wait.

Items are handled in batches, calls one by one, in the order in which they came. Whoever waits may
give up: what had not begun by then is never run. A line that is full refuses the next one at once,
and a caller who has not had his turn in time gets an error, so nobody waits for long because of
what another one has asked. A request's claim on memory (`ipc.budget`) lasts until the thread is
done with its part.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ipc import budget
from jobarranger.errors import CannotStore, DatabaseBusy, in_short
from processes.exhaustion import HelperDied

if TYPE_CHECKING:
    from jobarranger.db.engine import Database

Item = TypeVar("Item")
Result = TypeVar("Result")
T = TypeVar("T")

Handler = Callable[["Database", list[Item]], Sequence[Result | BaseException]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """How long those who wait for one thread wait, and how many may."""

    patience: float | None = None  #: seconds that a lost database is tried again; None: as usual
    turn: float | None = None  #: seconds until a caller's turn must have come; None: for ever
    most: int = 5000  #: pieces of work that may wait
    batch: int = 200  #: items in one batch


def ignore(error: BaseException) -> None:
    """Leave an error to the one who waits."""


class DatabaseThread(Generic[Item, Result]):
    """Handles waiting items in batches, calls one by one."""

    def __init__(
        self,
        make: Callable[[], Database],
        handler: Handler[Item, Result],
        *,
        name: str = "database",
        lane: Lane | None = None,
        on_error: Callable[[BaseException], None] = ignore,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            make: makes the thread's own database, on the thread.
            handler: takes a batch, returns a result or an exception for each item, in order.
            name: of the thread.
            lane: limits of those who wait.
            on_error: called, on the thread, with whatever is raised there.
        """
        self._make = make
        self._handler = handler
        self._lane = lane or Lane()
        self._on_error = on_error
        self._waiting: queue.SimpleQueue[_Wanted | None] = queue.SimpleQueue()
        self._claiming = threading.Lock()
        self._thread = threading.Thread(target=self._live, name=f"{name} database", daemon=True)
        self._busy_since: float | None = None
        self._started = False
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._started = True

    async def submit(self, item: Item) -> Result:
        """Have `item` handled with all others that are waiting; return its result.

        Raises:
            DatabaseBusy: it was not begun, and never will be.
        """
        result: Result = await self._wait(_Wanted(self._loop.create_future(), item=item))
        return result

    async def call(self, work: Callable[[Database], T]) -> T:
        """Run `work` on the thread, in order with the items submitted before.

        Raises:
            DatabaseBusy: it was not begun, and never will be.
        """
        result: T = await self._wait(_Wanted(self._loop.create_future(), call=work))
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

    # -- the event loop's side -------------------------------------------------------------------

    async def _wait(self, wanted: _Wanted) -> Any:
        if self._waiting.qsize() >= self._lane.most:
            wanted.release()
            raise DatabaseBusy(f"{self._lane.most} others wait for the database; try again later")
        self._waiting.put(wanted)
        turn = self._lane.turn
        timer = None if turn is None else self._loop.call_later(turn, self._refuse, wanted)
        try:
            return await wanted.future
        finally:
            if timer is not None:
                timer.cancel()

    def _refuse(self, wanted: _Wanted) -> None:
        """Give up what has not begun in time."""
        with self._claiming:
            if wanted.begun or wanted.future.done():
                return
            text = f"the database has not come to it within {self._lane.turn:g} s; try again later"
            wanted.future.set_exception(DatabaseBusy(text))

    # -- the thread's side -----------------------------------------------------------------------

    def _live(self) -> None:
        try:
            self._work()
        except BaseException as error:
            died = HelperDied(f"{self._thread.name}: {type(error).__name__}: {in_short(error)}")
            died.__cause__ = error
            self._on_error(died)
            raise

    def _work(self) -> None:
        database = self._make()
        if self._lane.patience is not None:
            database.patience = self._lane.patience
        carried: _Wanted | None = None
        try:
            while True:
                first = carried if carried is not None else self._waiting.get()
                carried = None
                if first is None:
                    return
                if not self._begin(first):
                    continue
                self._busy_since = self._loop.time()
                if first.call is not None:
                    self._answer([first], self._called(database, first.call))
                else:
                    batch, carried = self._batch(first)
                    self._answer(batch, self._handled(database, batch))
                self._busy_since = None
        finally:
            database.close()

    def _begin(self, wanted: _Wanted) -> bool:
        """Return whether somebody still waits for it; from now on it cannot be given up."""
        with self._claiming:
            wanted.begun = not wanted.future.done()
        if not wanted.begun:
            self._answer([wanted], [None])
        return wanted.begun

    def _batch(self, first: _Wanted) -> tuple[list[_Wanted], _Wanted | None]:
        """Take the items that are there; a call or the end ends the batch and is carried over."""
        batch = [first]
        while len(batch) < self._lane.batch:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            if following.call is not None:
                return batch, following
            if self._begin(following):
                batch.append(following)
        return batch, None

    def _called(self, database: Database, call: Callable[[Database], Any]) -> list[Any]:
        try:
            return [call(database)]
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            self._on_error(error)
            return [_Raised(error)]

    def _handled(self, database: Database, batch: list[_Wanted]) -> list[Any]:
        """Handle a batch; one that holds what can never be stored is handled one by one."""
        try:
            results = list(self._handler(database, [wanted.item for wanted in batch]))
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for {len(batch)} items")
        except CannotStore as error:
            if len(batch) == 1:
                return [_Raised(error)]
            return [result for one in batch for result in self._handled(database, [one])]
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            self._on_error(error)
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
    begun: bool = False  #: on the thread: nobody can take it back
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
