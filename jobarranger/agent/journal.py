"""The agent's memory: one SQLite table, written by one thread, many requests in one commit.

A job is accepted when its row is committed with `synchronous=FULL`; only then may the server hear
"accepted". Everything later (running, outcome, closed) can be found out again from the job's
directory or by sending the result once more, so those updates are lazy: they ride along with the
next acceptance, or go together a little later.

journal_file.py keeps the file, journal_writer.py the thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from jobarranger.agent.jobs import AcceptVerdict, Job, JobState, KnownJob, Order, Outcome, judge
from jobarranger.agent.journal_file import JournalFile
from jobarranger.agent.journal_writer import Item, Writer
from jobarranger.clock import Clock
from jobarranger.states import Method

PURGE_ROWS = 1000

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


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of a request to run a job."""

    verdict: AcceptVerdict
    known: KnownJob | None  #: the row that was in the way, or the repeated one
    job: Job | None  #: the new job, with verdict NEW


class Journal:
    """The open journal of one agent; a second agent on the same file is refused."""

    def __init__(self, path: Path, *, jobs_dir: str, boot_id: str, clock: Clock) -> None:
        """Open and lock the file, and prepare its table.

        Raises:
            JournalError: the file is locked by another agent, unreadable or damaged.
        """
        self.jobs_dir = jobs_dir
        self._boot_id = boot_id
        self._clock = clock
        self._file = JournalFile(path)
        self._writer = Writer(self._file, clock)

    def unfinished(self) -> list[Job]:
        """Return all jobs that are not closed, oldest first. Before `start` only."""
        return [self._job_of(row) for row in self._file.db.execute(_OPEN)]

    def start(self) -> None:
        """Begin to take work from the running event loop."""
        self._writer.start()

    async def accept(self, order: Order) -> Acceptance:
        """Store a job durably, or say why it is not stored.

        Raises:
            JournalTrouble: it cannot be written now.
            JournalError: it can never be written.
        """

        def work(db: sqlite3.Connection) -> Acceptance:
            return self._accept(db, order)

        answer = await self._writer.do(work)
        assert isinstance(answer, Acceptance)
        return answer

    async def known(self, job_id: int, attempt: int | None) -> KnownJob | None:
        """Return the state of an attempt, or of the newest row if `attempt` is None.

        Raises:
            JournalTrouble: it cannot be read now.
        """

        def work(db: sqlite3.Connection) -> KnownJob | None:
            return _known(db, job_id, attempt)

        answer = await self._writer.do(work, reads=True)
        assert answer is None or isinstance(answer, KnownJob)
        return answer

    async def settle(self, job: Job, outcome: Outcome) -> None:
        """Store durably how a job ended that has no files that say so.

        Raises:
            JournalTrouble: it cannot be written now.
            JournalError: it can never be written.
        """

        def work(db: sqlite3.Connection) -> None:
            db.execute(_ENDED, (job.ended_at, _without_output(outcome), job.row))

        await self._writer.do(work)

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

    def tend(self) -> None:
        """See that the file is still in its place; called about once a second."""
        self._writer.tend()

    def close(self) -> None:
        """Write what is waiting and give up the file."""
        self._writer.close()
        self._file.close()

    def _lazily(
        self, statement: str, values: tuple[object, ...], then: Callable[[], None] | None = None
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            db.execute(statement, values)

        def done(_answer: object, _error: Exception | None) -> None:
            if then is not None:
                then()

        called = done if then is not None else None
        self._writer.put(Item(work, urgent=False, reads=False, done=called))

    def _accept(self, db: sqlite3.Connection, order: Order) -> Acceptance:
        known = _known(db, order.job_id, None)
        verdict = judge(order.attempt, known)
        if verdict is not AcceptVerdict.NEW:
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


def _known(db: sqlite3.Connection, job_id: int, attempt: int | None) -> KnownJob | None:
    if attempt is None:
        found = db.execute(_NEWEST, (job_id,)).fetchone()
    else:
        found = db.execute(_OF_ATTEMPT, (job_id, attempt)).fetchone()
    return KnownJob(attempt=found[0], state=JobState(found[1])) if found is not None else None


def _without_output(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome) | {"std_out": "", "std_err": ""})


def _clean(text: str) -> str:
    """Return the text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()
