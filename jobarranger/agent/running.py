"""The life of the jobs: started, watched, ended, delivered, closed.

Everything happens on the event loop; what may be lost with this process can be found again from
the journal and the job directories, and `recover` does so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from logging import getLogger

from jobarranger.agent.deliver import Courier, DeliverySettings
from jobarranger.agent.jobs import Job, JobState, Outcome
from jobarranger.agent.journal import Journal, JournalError
from jobarranger.agent.kill import kill_job
from jobarranger.agent.spawn import (
    Event,
    Starter,
    Word,
    discard,
    prepare,
    read_outcome,
    read_output,
)
from jobarranger.agent.watch import Process, Watcher, read_claim
from jobarranger.clock import Clock
from jobarranger.failpoints import failpoint
from jobarranger.logs import KEEP
from jobarranger.states import Method

log = getLogger(__name__)

#: How long a kill waits for a job that is just being started, in seconds.
KILL_PATIENCE = 5.0
#: After this time without a sign of its wrapper a job is asked for again, in seconds.
ASK_AGAIN = 10.0
KILLED = Outcome(result=0, return_code=9, signal=1)
UNKNOWN_OUTCOME = "outcome unknown: the job was started, but its end was not recorded"
UNKNOWN_START = "outcome unknown: the machine was restarted while the job was being started"


@dataclass(slots=True)
class Entry:
    """What this life of the agent knows about a job that is not closed."""

    job: Job
    asked_at: float | None = None  #: monotonic; None: it waits for its turn
    wrapper: Process | None = None
    owned: asyncio.Event = field(default_factory=asyncio.Event)


class Runner:
    """All jobs that are not closed."""

    def __init__(
        self,
        journal: Journal,
        delivery: DeliverySettings,
        *,
        clock: Clock,
        command_user: str,
        max_jobs: int,
        files: int,
    ) -> None:
        """Prepare on the running event loop; the starter process is made here."""
        self._journal = journal
        self._clock = clock
        self._command_user = command_user
        self._max_jobs = max_jobs
        self._entries: dict[int, Entry] = {}  # by journal row
        self._by_directory: dict[str, Entry] = {}
        self._by_id: dict[int, Entry] = {}
        self._turn: deque[Entry] = deque()
        self._active: set[int] = set()
        self._watcher = Watcher()
        self._starter = Starter(self._heard, self._ask_all_again, files=files)
        self.courier = Courier(delivery, delivered=self._close, delayed=self._delayed, clock=clock)

    @property
    def running(self) -> int:
        """Return the number of jobs that are started and have not ended."""
        return len(self._active)

    @property
    def waiting(self) -> int:
        """Return the number of jobs that wait for `JaMaxJobs`."""
        return len(self._turn)

    def recover(self, jobs: Iterable[Job], boot_id: str) -> None:
        """Take up the jobs of an earlier life of the agent."""
        for job in jobs:
            self._recover(self._add(job), boot_id)

    def begin(self, job: Job) -> None:
        """Start a job that was accepted, now or when `JaMaxJobs` allows it."""
        self._queue(self._add(job))

    async def kill(self, job_id: int, attempt: int | None) -> str:
        """Kill a job with all its processes; return "" or why that is not possible."""
        entry = self._by_id.get(job_id)
        if entry is None or entry.job.outcome is not None:
            return f"job {job_id} is not running"
        if None not in {attempt, entry.job.order.attempt} and attempt != entry.job.order.attempt:
            return f"attempt {attempt} of job {job_id} is not running"
        if entry.asked_at is None and entry.wrapper is None:
            return await self._kill_waiting(entry)
        try:
            await asyncio.wait_for(entry.owned.wait(), KILL_PATIENCE)
        except TimeoutError:
            return f"job {job_id} is being started and cannot be killed yet"
        if entry.wrapper is None:
            return ""
        return await asyncio.to_thread(kill_job, entry.job.directory, entry.wrapper, self._clock)

    def state_of(self, job_id: int, attempt: int | None) -> JobState | None:
        """Return the state of a job that is not closed; the journal may lag behind it."""
        entry = self._by_id.get(job_id)
        if entry is None or (attempt is not None and attempt != entry.job.order.attempt):
            return None
        return entry.job.state

    def look(self) -> None:
        """Make up for words of wrappers that were lost; called about once a second."""
        now = self._clock.monotonic()
        for row in list(self._active):
            entry = self._entries[row]
            if entry.wrapper is not None or entry.asked_at is None or now - entry.asked_at < 1:
                continue
            claim = read_claim(entry.job.directory)
            if claim is not None:
                self._own(entry, claim)
            elif now - entry.asked_at > ASK_AGAIN:
                self._ask(entry)

    async def close(self, grace: float) -> None:
        """Stop working; jobs and their wrappers go on."""
        await self.courier.close(grace)
        self._watcher.close()
        await self._starter.close()

    def _add(self, job: Job) -> Entry:
        entry = Entry(job)
        self._entries[job.row] = entry
        self._by_directory[job.directory] = entry
        self._by_id[job.order.job_id] = entry
        return entry

    def _recover(self, entry: Entry, boot_id: str) -> None:
        job = entry.job
        claim = read_claim(job.directory)
        alive = claim is not None and job.boot_id == boot_id and claim.lives()
        recorded = read_outcome(job.directory)  # after the look at the wrapper, not before it
        if recorded is not None:
            self._finish(entry, recorded)
        elif job.outcome is not None:
            self._finish(entry, _with_output(job, job.outcome))
        elif claim is not None and alive:
            self._own(entry, claim)
        elif claim is not None or job.state is not JobState.ACCEPTED:
            self._finish(entry, Outcome(result=1, message=UNKNOWN_OUTCOME))
        elif job.boot_id != boot_id:
            self._finish(entry, Outcome(result=1, message=UNKNOWN_START))
        else:
            self._queue(entry)

    def _queue(self, entry: Entry) -> None:
        if self._max_jobs and len(self._active) >= self._max_jobs:
            self._turn.append(entry)
        else:
            self._ask(entry)

    def _user(self, job: Job) -> str:
        """Return the user that a job is to run as; "" = our own."""
        return job.order.run_user or (self._command_user if job.order.type == "command" else "")

    def _ask(self, entry: Entry) -> None:
        failpoint("agent.spawn")
        job = entry.job
        entry.asked_at = self._clock.monotonic()
        self._active.add(job.row)
        user = self._user(job)
        try:
            prepare(job, user)
        except OSError as error:
            self._finish(entry, Outcome(result=1, message=f"no job directory: {error.strerror}"))
            return
        self._starter.ask(job, user)

    def _ask_all_again(self) -> None:
        for row in list(self._active):
            if self._entries[row].wrapper is None:
                self._ask(self._entries[row])

    def _heard(self, word: Word) -> None:
        entry = self._by_directory.get(word.directory)
        if entry is None or entry.wrapper is not None or entry.job.outcome is not None:
            return
        if word.event is Event.STARTED:
            failpoint("agent.spawned")
            self._own(entry, Process(word.wrapper, word.start))
            return
        claim = read_claim(word.directory)
        if claim is not None:
            self._own(entry, claim)
        elif word.event is Event.FAILED:
            discard(entry.job)
            message = f"the job could not be started: {word.message}"
            self._finish(entry, Outcome(result=1, message=message))

    def _own(self, entry: Entry, wrapper: Process) -> None:
        """Note the wrapper and wait for its end."""
        entry.wrapper = wrapper
        entry.job.state = JobState.RUNNING
        self._active.add(entry.job.row)
        self._journal.running(entry.job)
        self._watcher.watch(wrapper, partial(self._ended, entry))
        entry.owned.set()

    def _ended(self, entry: Entry) -> None:
        failpoint("agent.end")
        outcome = read_outcome(entry.job.directory)
        self._finish(entry, outcome or Outcome(result=1, message=UNKNOWN_OUTCOME))

    def _finish(self, entry: Entry, outcome: Outcome) -> None:
        """The outcome is known: report it, or close a stop command, which is not reported."""
        job = entry.job
        job.outcome = outcome
        job.state = JobState.ENDED
        job.ended_at = job.ended_at or self._clock.now_ms()
        entry.owned.set()
        self._active.discard(job.row)
        log.info("job %d ended: %s", job.order.job_id, _summary(outcome), extra=KEEP)
        if job.order.method is Method.STOP:
            self._close(job)
        else:
            self.courier.send(job)
        while self._turn and len(self._active) < self._max_jobs:
            self._ask(self._turn.popleft())

    def _delayed(self, job: Job) -> None:
        assert job.outcome is not None
        self._journal.ended(job, job.outcome)

    def _close(self, job: Job) -> None:
        """Nothing is left to do; the files go when the journal says so."""
        entry = self._entries.pop(job.row)
        self._by_directory.pop(job.directory, None)
        if self._by_id.get(job.order.job_id) is entry:
            del self._by_id[job.order.job_id]
        job.state = JobState.CLOSED
        self._journal.closed(job, partial(discard, job))

    async def _kill_waiting(self, entry: Entry) -> str:
        """Kill a job that has not been started."""
        job = entry.job
        self._turn.remove(entry)
        job.ended_at = self._clock.now_ms()
        try:
            await self._journal.settle(job, KILLED)
        except JournalError as error:
            self._turn.appendleft(entry)
            return str(error)
        self._finish(entry, KILLED)
        return ""


def _summary(outcome: Outcome) -> str:
    if outcome.result != 0:
        return outcome.message
    return f"{'signal' if outcome.signal else 'exit code'} {outcome.return_code}"


def _with_output(job: Job, outcome: Outcome) -> Outcome:
    """Return a journalled outcome with what output is still there."""
    if outcome.result != 0:
        return outcome
    return replace(
        outcome,
        std_out=read_output(f"{job.directory}/stdout"),
        std_err=read_output(f"{job.directory}/stderr"),
    )
