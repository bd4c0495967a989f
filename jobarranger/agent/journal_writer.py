"""The one thread that writes the journal: much in one commit, and on through trouble.

Trouble with the file passes, as a rule: a full disk, a lock, an error of the disk. Whoever waits is
informed (`JournalTrouble`), lazy updates wait, and the thread goes on.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from logging import getLogger

from jobarranger.agent.journal_file import JournalError, JournalFile
from jobarranger.agent.trouble import CannotWork, PassingTrouble
from jobarranger.clock import Clock
from jobarranger.failpoints import failpoint

log = getLogger(__name__)

#: Lazy updates wait at most this long for company.
LAZY_SECONDS = 0.05
#: Pause before updates that could not be written are tried again.
RETRY_SECONDS = 1.0
MAX_BATCH = 500

Work = Callable[[sqlite3.Connection], object]

#: What is wrong with a value and will be so at every try; all else may pass.
_FINAL = (
    ValueError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
)


class JournalTrouble(JournalError, PassingTrouble):
    """It cannot be written now; nothing of the work was kept."""


@dataclass(slots=True)
class Item:
    """One piece of work for the writer."""

    work: Work
    urgent: bool
    reads: bool  #: it changes nothing, so it can do without room on the disk
    done: Callable[[object, Exception | None], None] | None  #: called on the event loop


class Writer:
    """The thread and what it has to do."""

    def __init__(self, file: JournalFile, clock: Clock) -> None:
        """Prepare; `start` begins to work."""
        self._file = file
        self._clock = clock
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._in_trouble = False

    def start(self) -> None:
        """Begin to take work from the running event loop.

        Raises:
            CannotWork: the system gives us no thread.
        """
        self._loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._write, name="journal", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise CannotWork(f"no thread for the journal: {error}") from error
        self._thread = thread

    def put(self, item: Item) -> None:
        """Have something done, in the order of the calls."""
        self._queue.put(item)

    def tend(self) -> None:
        """See that the file is still in its place."""
        if not self._file.intact():
            self.put(Item(_nothing, urgent=False, reads=False, done=None))

    async def do(self, work: Work, *, reads: bool = False) -> object:
        """Do something now and return its answer.

        Raises:
            JournalTrouble: not possible now; nothing of it was kept.
            JournalError: never possible.
        """
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def done(answer: object, error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(answer)
            else:
                kind = JournalError if isinstance(error, _FINAL) else JournalTrouble
                future.set_exception(kind(f"cannot write the journal: {_text(error)}"))

        self.put(Item(work, urgent=True, reads=reads, done=done))
        return await future

    def close(self) -> None:
        """Write what is waiting and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def _write(self) -> None:
        """Be the writer thread."""
        waiting: list[Item] = []
        ending = False
        while not ending:
            ending = self._gather(waiting)
            if waiting:
                waiting = self._commit(waiting)

    def _gather(self, waiting: list[Item]) -> bool:
        """Add items until something urgent is there or the lazy have waited; True at the end.

        What is waiting already could not be written a moment ago.
        """
        most = len(waiting) + MAX_BATCH
        deadline = self._clock.monotonic() + RETRY_SECONDS if waiting else None
        while len(waiting) < most:
            urgent = any(item.urgent for item in waiting)
            try:
                item = self._queue.get(timeout=self._patience(urgent, deadline))
            except queue.Empty:
                return False
            if item is None:
                return True
            waiting.append(item)
            if deadline is None:
                deadline = self._clock.monotonic() + LAZY_SECONDS
        return False

    def _patience(self, urgent: bool, deadline: float | None) -> float | None:
        if urgent:
            return 0
        return None if deadline is None else max(0, deadline - self._clock.monotonic())

    def _commit(self, items: list[Item]) -> list[Item]:
        """Do all items in one transaction and answer each; return those to be tried again."""
        try:
            answers = self._transaction(items)
        except Exception as error:  # noqa: BLE001 - the thread must not end, whatever it is
            self._roll_back()
            if isinstance(error, _FINAL):
                return self._commit_apart(items, error)
            return self._put_off(items, error)
        if self._in_trouble:
            self._in_trouble = False
            log.info("the journal %s can be written again", self._file.path)
        self._report(items, answers, None)
        return []

    def _transaction(self, items: list[Item]) -> list[object]:
        self._file.keep()
        db = self._file.db
        db.execute("BEGIN IMMEDIATE")
        answers = [item.work(db) for item in items]
        if any(item.urgent for item in items):
            failpoint("agent.accept")
        db.execute("COMMIT")
        return answers

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._file.db.in_transaction:
                self._file.db.execute("ROLLBACK")

    def _commit_apart(self, items: list[Item], error: Exception) -> list[Item]:
        """One item is at fault: find it, so that it does not keep the others out."""
        if len(items) > 1:
            return [left for item in items for left in self._commit([item])]
        log.error("the journal %s cannot take a value: %s", self._file.path, _text(error))
        self._report(items, [], error)
        return []

    def _put_off(self, items: list[Item], error: Exception) -> list[Item]:
        """Inform those who wait; answer what only reads; keep the lazy, and one to wipe the traces.

        A commit that failed at its very end may stand in the log of the file, where a start after
        a crash would find it. The next thing that is written takes its place.
        """
        if not self._in_trouble:
            self._in_trouble = True
            log.critical("the journal %s cannot be written now: %s", self._file.path, _text(error))
        for item in items:
            if item.reads:
                self._read(item)
        refused = [item for item in items if item.urgent and not item.reads]
        self._report(refused, [], error)
        lazy = [item for item in items if not item.urgent]
        if refused and not any(item.work is _wipe for item in lazy):
            lazy.append(Item(_wipe, urgent=False, reads=False, done=None))
        return lazy

    def _read(self, item: Item) -> None:
        try:
            answer = item.work(self._file.db)
        except Exception as error:  # noqa: BLE001 - as in `_commit`
            self._report([item], [], error)
        else:
            self._report([item], [answer], None)

    def _report(self, items: list[Item], answers: list[object], error: Exception | None) -> None:
        def report() -> None:
            for number, item in enumerate(items):
                if item.done is not None:
                    item.done(None if error else answers[number], error)

        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(report)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _nothing(_db: sqlite3.Connection) -> None:
    """Work that changes nothing; the check of the file goes before it."""


def _wipe(db: sqlite3.Connection) -> None:
    """Write something that means nothing."""
    number = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute(f"PRAGMA user_version = {(int(number) + 1) & 0xFFFF:d}")
