"""The agent's memory: one SQLite table, written by one thread, many requests in one commit.

A job is accepted when its row is committed with `synchronous=FULL`; only then may the server hear
"accepted". Everything later (running, outcome, closed) can be found out again from the job's
directory or by sending the result once more, so those updates are lazy: they ride along with the
next acceptance, or go together a little later.

The file may be the one of an original agent; its table is left alone.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from logging import getLogger
from pathlib import Path

from jobarranger.agent.jobs import Job, JobState, Known, Order, Outcome, Verdict, judge
from jobarranger.clock import Clock
from jobarranger.errors import JobArrangerError
from jobarranger.failpoints import failpoint
from jobarranger.states import Method

log = getLogger(__name__)

#: Lazy updates wait at most this long for company.
LAZY_SECONDS = 0.05
#: Pause before updates that could not be written are tried again.
RETRY_SECONDS = 1.0
MAX_BATCH = 500
PURGE_ROWS = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ja_agent_job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id INTEGER NOT NULL,
  attempt INTEGER,
  method INTEGER NOT NULL,
  type TEXT NOT NULL,
  script TEXT NOT NULL,
  env TEXT NOT NULL,
  run_user TEXT NOT NULL,
  server_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  peer TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT
);
CREATE INDEX IF NOT EXISTS ja_agent_job_id ON ja_agent_job (job_id, id);
CREATE INDEX IF NOT EXISTS ja_agent_job_open ON ja_agent_job (state) WHERE state < 3;
CREATE INDEX IF NOT EXISTS ja_agent_job_end ON ja_agent_job (ended_at) WHERE state = 3;
"""
_NEWEST = "SELECT attempt, state FROM ja_agent_job WHERE job_id = ? ORDER BY id DESC LIMIT 1"
_OF_ATTEMPT = (
    "SELECT attempt, state FROM ja_agent_job WHERE job_id = ? AND attempt = ?"
    " ORDER BY id DESC LIMIT 1"
)
_INSERT = (
    "INSERT INTO ja_agent_job (job_id, attempt, method, type, script, env, run_user, server_id,"
    " version, peer, boot_id, state, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)"
)
_OPEN = (
    "SELECT id, job_id, attempt, method, type, script, env, run_user, server_id, version, peer,"
    " boot_id, state, accepted_at, ended_at, outcome FROM ja_agent_job WHERE state < 3 ORDER BY id"
)
_RUNNING = "UPDATE ja_agent_job SET state = 1 WHERE id = ? AND state = 0"
_ENDED = "UPDATE ja_agent_job SET state = 2, ended_at = ?, outcome = ? WHERE id = ? AND state < 3"
_CLOSED = "UPDATE ja_agent_job SET state = 3, ended_at = ?, script = '', env = '{}' WHERE id = ?"
_PURGE = (
    "DELETE FROM ja_agent_job WHERE id IN"
    " (SELECT id FROM ja_agent_job WHERE state = 3 AND ended_at < ? LIMIT ?)"
)

Work = Callable[[sqlite3.Connection], object]


class JournalError(JobArrangerError):
    """The journal cannot be opened or written: names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of a request to run a job."""

    verdict: Verdict
    known: Known | None  #: the row that was in the way, or the repeated one
    job: Job | None  #: the new job, with verdict NEW


@dataclass(slots=True)
class _Item:
    """One piece of work for the writer."""

    work: Work
    urgent: bool
    done: Callable[[object, Exception | None], None] | None  #: called on the event loop


class Journal:
    """The open journal of one agent; a second agent on the same file is refused."""

    def __init__(self, path: Path, *, jobs_dir: str, boot_id: str, clock: Clock) -> None:
        """Open and lock the file, and prepare its table.

        Raises:
            JournalError: the file is locked by another agent, unreadable or damaged.
        """
        self._path = path
        self.jobs_dir = jobs_dir
        self._boot_id = boot_id
        self._clock = clock
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = _lock(path)
        try:
            self._db = _open(path)
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise JournalError(f"cannot open the journal {path}: {error}") from error

    def unfinished(self) -> list[Job]:
        """Return all jobs that are not closed, oldest first. Before `start` only."""
        return [self._job_of(row) for row in self._db.execute(_OPEN)]

    def start(self) -> None:
        """Begin to take work from the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    async def accept(self, order: Order) -> Acceptance:
        """Store a job durably, or say why it is not stored.

        Raises:
            JournalError: it could not be written.
        """

        def work(db: sqlite3.Connection) -> Acceptance:
            return self._accept(db, order)

        answer = await self._urgently(work)
        assert isinstance(answer, Acceptance)
        return answer

    async def known(self, job_id: int, attempt: int | None) -> Known | None:
        """Return the state of an attempt, or of the newest row if `attempt` is None."""

        def work(db: sqlite3.Connection) -> Known | None:
            return _known(db, job_id, attempt)

        answer = await self._urgently(work)
        assert answer is None or isinstance(answer, Known)
        return answer

    async def settle(self, job: Job, outcome: Outcome) -> None:
        """Store durably how a job ended that has no files to tell it.

        Raises:
            JournalError: it could not be written.
        """

        def work(db: sqlite3.Connection) -> None:
            db.execute(_ENDED, (job.ended_at, _without_output(outcome), job.row))

        await self._urgently(work)

    def running(self, job: Job) -> None:
        """Note that a wrapper owns the job."""
        self._lazily(_RUNNING, (job.row,))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Note how the job ended, without its output (which stays in its directory)."""
        self._lazily(_ENDED, (job.ended_at, _without_output(outcome), job.row))

    def closed(self, job: Job, then: Callable[[], None]) -> None:
        """Note that nothing is left to do; call `then` when that is safe on disk."""
        self._lazily(_CLOSED, (self._clock.now_ms(), job.row), then)

    def purge(self, before_ms: int) -> None:
        """Forget jobs closed before an instant."""
        self._lazily(_PURGE, (before_ms, PURGE_ROWS))

    def close(self) -> None:
        """Write what is waiting and give up the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        self._db.close()
        os.close(self._lock)

    async def _urgently(self, work: Work) -> object:
        assert self._loop is not None
        future: asyncio.Future[object] = self._loop.create_future()

        def done(answer: object, error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(JournalError(f"cannot write the journal: {error}"))

        self._queue.put(_Item(work, True, done))
        return await future

    def _lazily(
        self, statement: str, values: tuple[object, ...], then: Callable[[], None] | None = None
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            db.execute(statement, values)

        def done(_answer: object, _error: Exception | None) -> None:
            if then is not None:
                then()

        self._queue.put(_Item(work, False, done if then is not None else None))

    def _accept(self, db: sqlite3.Connection, order: Order) -> Acceptance:
        known = _known(db, order.job_id, None)
        verdict = judge(order.attempt, known)
        if verdict is not Verdict.NEW:
            return Acceptance(verdict, known, None)
        now = self._clock.now_ms()
        values = (
            *(order.job_id, order.attempt, int(order.method), order.type, _clean(order.script)),
            *(json.dumps(order.env), _clean(order.run_user), _clean(order.server_id)),
            *(order.version, order.peer, self._boot_id, now),
        )
        row = db.execute(_INSERT, values).lastrowid
        assert row is not None
        return Acceptance(verdict, None, self._job(row, order, self._boot_id, now))

    def _job(self, row: int, order: Order, boot_id: str, accepted_at: int) -> Job:
        number = f"r{row}" if order.attempt is None else str(order.attempt)
        return Job(
            row=row,
            order=order,
            directory=f"{self.jobs_dir}/{order.job_id}-{number}",
            accepted_at=accepted_at,
            boot_id=boot_id,
        )

    def _job_of(self, row: tuple[object, ...]) -> Job:
        """Make a job of a row of `_OPEN`."""
        (number, job_id, attempt, method, kind, script, env, user) = row[:8]
        (server_id, version, peer, boot_id, state, accepted_at, ended_at, outcome) = row[8:]
        order = Order(
            job_id=job_id,  # type: ignore[arg-type]
            attempt=attempt,  # type: ignore[arg-type]
            method=Method(method),  # type: ignore[arg-type]
            type=str(kind),
            script=str(script),
            env=json.loads(str(env)),
            run_user=str(user),
            server_id=str(server_id),
            version=version,  # type: ignore[arg-type]
            peer=str(peer),
        )
        job = self._job(number, order, str(boot_id), accepted_at)  # type: ignore[arg-type]
        job.state = JobState(state)  # type: ignore[arg-type]
        job.ended_at = ended_at  # type: ignore[assignment]
        job.outcome = Outcome(**json.loads(str(outcome))) if outcome is not None else None
        return job

    def _write(self) -> None:
        """Be the writer thread."""
        waiting: list[_Item] = []
        ending = False
        while not ending:
            ending = self._gather(waiting)
            if not waiting:
                continue
            if not self._commit(waiting):
                waiting = [item for item in waiting if not item.urgent]
                if waiting and not ending:
                    self._clock.sleep(RETRY_SECONDS)
                continue
            waiting = []

    def _gather(self, waiting: list[_Item]) -> bool:
        """Add items until something urgent is there or the lazy have waited; True at the end."""
        deadline = self._clock.monotonic() + LAZY_SECONDS if waiting else None
        while len(waiting) < MAX_BATCH:
            urgent = bool(waiting) and any(item.urgent for item in waiting)
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

    def _commit(self, items: list[_Item]) -> bool:
        """Do all items in one transaction; tell each what became of it."""
        answers: list[object] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            answers.extend(item.work(self._db) for item in items)
            if any(item.urgent for item in items):
                failpoint("agent.accept")
            self._db.execute("COMMIT")
        except (sqlite3.Error, ValueError, OverflowError) as error:
            log.critical("the journal %s cannot be written: %s", self._path, error)
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._tell([item for item in items if item.urgent], [], error)
            return False
        self._tell(items, answers, None)
        return True

    def _tell(self, items: list[_Item], answers: list[object], error: Exception | None) -> None:
        def tell() -> None:
            for number, item in enumerate(items):
                if item.done is not None:
                    item.done(None if error else answers[number], error)

        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(tell)


def _known(db: sqlite3.Connection, job_id: int, attempt: int | None) -> Known | None:
    if attempt is None:
        found = db.execute(_NEWEST, (job_id,)).fetchone()
    else:
        found = db.execute(_OF_ATTEMPT, (job_id, attempt)).fetchone()
    return Known(attempt=found[0], state=JobState(found[1])) if found is not None else None


def _without_output(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome) | {"std_out": "", "std_err": ""})


def _clean(text: str) -> str:
    """Return the text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _lock(path: Path) -> int:
    name = f"{path}.lock"
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot open {name}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalError(f"another agent works with the journal {path}") from error
    return descriptor


def _open(path: Path) -> sqlite3.Connection:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(PermissionError):  # an original's file may be open to all
        os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db
