"""The life of the jobs: started, watched, ended, delivered, closed.

Everything happens on the event loop; what may be lost with this process can be found again from
the journal and the job directories, and `recover` does so.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from logging import getLogger

from jobarranger.agent.directories import (
    JobsDirectory,
    discard,
    prepare,
    read_outcome,
    read_output,
)
from jobarranger.agent.jobs import Job, JobState, Outcome
from jobarranger.agent.journal import Journal
from jobarranger.agent.kill import kill_job
from jobarranger.agent.result_sender import DeliverySettings, ResultSender
from jobarranger.agent.spawn import Event, Starter, Word
from jobarranger.agent.starter import reason
from jobarranger.agent.trouble import PassingTrouble
from jobarranger.agent.watch import Process, ProcessWatcher, StoppedOnes, read_claim
from jobarranger.clock import Clock
from jobarranger.errors import JobArrangerError
from jobarranger.failpoints import failpoint
from jobarranger.logs import KEEP
from jobarranger.states import Method

log = getLogger(__name__)

#: How long a kill waits for a job that is just being started, in seconds.
KILL_PATIENCE = 5.0
#: After this time without a sign of its wrapper a job is asked for again, in seconds.
ASK_AGAIN = 10.0
#: A starter that has said nothing for so long while jobs wait for it is replaced, in seconds.
STARTER_LIMIT = 5.0
#: How long an accepted job is tried to be started while the machine has no room, in seconds.
START_PATIENCE = 600.0
START_PAUSE = 1.0
KILLED = Outcome(result=0, return_code=9, signal=1)
UNKNOWN_OUTCOME = "outcome unknown: the job was started, but its end was not recorded"
UNKNOWN_START = "outcome unknown: the machine was restarted while the job was being started"


@dataclass(slots=True)
class OpenJob:
    """What this life of the agent knows about a job that is not closed."""

    job: Job
    asked_at: float | None = None  #: monotonic; None: it waits for its turn
    again_at: float | None = (
        None  #: monotonic; it could not be started and is to be asked for again
    )
    since: float | None = None  #: monotonic; when it could not be started for the first time
    pending: int = 0  #: wrappers that were asked for and have not said that they have not got it
    wrapper: Process | None = None
    owned: asyncio.Event = field(default_factory=asyncio.Event)


class Runner:
    """All jobs that are not closed."""

    def __init__(
        self,
        journal: Journal,
        delivery: DeliverySettings,
        place: JobsDirectory,
        *,
        clock: Clock,
        command_user: str,
        max_jobs: int,
        files: int,
    ) -> None:
        """Prepare on the running event loop; the starter process is made here."""
        self._journal = journal
        self._place = place
        self._stopped = StoppedOnes()
        self._clock = clock
        self._command_user = command_user
        self._max_jobs = max_jobs
        self._entries: dict[int, OpenJob] = {}  # by journal row
        self._by_directory: dict[str, OpenJob] = {}
        self._by_id: dict[int, OpenJob] = {}
        self._turn: deque[OpenJob] = deque()
        self._active: set[int] = set()
        self._watcher = ProcessWatcher()
        self._starter = Starter(self._heard, self._ask_all_again, files=files)
        self.result_sender = ResultSender(
            delivery, delivered=self._close, delayed=self._delayed, clock=clock
        )

    @property
    def running(self) -> int:
        """Return the number of jobs that are started and have not ended."""
        return len(self._active)

    @property
    def waiting(self) -> int:
        """Return the number of jobs that wait for `JaMaxJobs`."""
        return len(self._turn)

    @property
    def stopped(self) -> int:
        """Return the number of running jobs whose wrapper was stopped by somebody."""
        return len(self._stopped)

    def recover(self, jobs: Iterable[Job], boot_id: str) -> None:
        """Continue the jobs of an earlier life of the agent."""
        for job in jobs:
            self._recover(self._add(job), boot_id)

    def begin(self, job: Job) -> None:
        """Start a job that was accepted, now or when `JaMaxJobs` allows it."""
        self._queue(self._add(job))

    async def kill(self, job_id: int, attempt: int | None) -> str:
        """Kill a job with all its processes; return "" or why that is not possible.

        Raises:
            PassingTrouble: not possible now.
        """
        entry = self._by_id.get(job_id)
        if entry is None or entry.job.outcome is not None:
            return f"job {job_id} is not running"
        if None not in {attempt, entry.job.order.attempt} and attempt != entry.job.order.attempt:
            return f"attempt {attempt} of job {job_id} is not running"
        if entry.pending == 0 and entry.wrapper is None:
            return await self._kill_waiting(entry)
        try:
            await asyncio.wait_for(entry.owned.wait(), KILL_PATIENCE)
        except TimeoutError:
            text = f"job {job_id} is being started and cannot be killed yet"
            raise PassingTrouble(text) from None
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
        unowned = [self._entries[row] for row in self._active if not self._entries[row].wrapper]
        unanswered = [entry for entry in unowned if self._look_at(entry, now)]
        overdue = any(now - (each.asked_at or now) > STARTER_LIMIT for each in unanswered)
        if overdue and self._starter.silent_for() > STARTER_LIMIT:
            self._starter.replace()
        self._starter.reap()
        self._look_at_wrappers()

    def _look_at_wrappers(self) -> None:
        """Notice stopped ones, and ends that were not noticed when they came."""
        entries = [self._entries[row] for row in self._active]
        owned = {entry.wrapper: entry for entry in entries if entry.wrapper is not None}
        names = [(one, f"job {entry.job.order.job_id}") for one, entry in owned.items()]
        for wrapper in self._stopped.look(names):
            self._ended(owned[wrapper], wrapper)

    def _look_at(self, entry: OpenJob, now: float) -> bool:
        """Look after a job without a known wrapper; return whether an answer is still awaited."""
        if entry.again_at is not None:
            if now >= entry.again_at:
                self._ask(entry)
            return False
        if entry.asked_at is None or now - entry.asked_at < 1:
            return False
        claim = read_claim(entry.job.directory)
        if claim is not None:
            self._own(entry, claim)
        elif now - entry.asked_at > ASK_AGAIN and not self._starter.holds:
            self._ask(entry)
        return claim is None

    async def close(self, grace: float) -> None:
        """Stop working; jobs and their wrappers go on."""
        await self.result_sender.close(grace)
        self._watcher.close()
        await self._starter.close()

    def _add(self, job: Job) -> OpenJob:
        entry = OpenJob(job)
        self._entries[job.row] = entry
        self._by_directory[job.directory] = entry
        self._by_id[job.order.job_id] = entry
        return entry

    def _recover(self, entry: OpenJob, boot_id: str) -> None:
        job = entry.job
        claim = read_claim(job.directory)
        alive = claim is not None and job.boot_id == boot_id and claim.lives()
        recorded = read_outcome(job.directory)  # after the check of the wrapper, not before it
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

    def _queue(self, entry: OpenJob) -> None:
        if self._max_jobs and len(self._active) >= self._max_jobs:
            self._turn.append(entry)
        else:
            self._ask(entry)

    def _user(self, job: Job) -> str:
        """Return the user that a job is to run as; "" = our own."""
        return job.order.run_user or (self._command_user if job.order.type == "command" else "")

    def _ask(self, entry: OpenJob) -> None:
        failpoint("agent.spawn")
        job = entry.job
        user = self._user(job)
        entry.asked_at, entry.again_at = self._clock.monotonic(), None
        self._active.add(job.row)
        try:
            self._prepare(entry, user)
            left = START_PATIENCE - (self._clock.monotonic() - (entry.since or entry.asked_at))
            self._starter.ask(job, user, max(0.0, left))
        except MemoryError as error:
            self._put_off(entry, reason(error))
        except (OSError, JobArrangerError) as error:
            if entry.pending:  # a wrapper that has not answered may have run it there
                self._finish(entry, Outcome(result=1, message=UNKNOWN_OUTCOME))
            else:
                self._put_off(entry, f"no job directory: {reason(error)}")
        else:
            entry.pending += 1

    def _prepare(self, entry: OpenJob, user: str) -> None:
        anew = entry.pending == 0
        try:
            prepare(entry.job, user, anew=anew)
        except FileNotFoundError:
            if not anew:
                raise
            self._place.keep()
            prepare(entry.job, user)

    def _put_off(self, entry: OpenJob, why: str) -> None:
        """The machine has no room for the job now: try again later, and give up in the end."""
        now = self._clock.monotonic()
        number = entry.job.order.job_id
        if entry.since is None:
            entry.since = now
            log.warning("job %d cannot be started now, it is tried again: %s", number, why)
        if now - entry.since < START_PATIENCE:
            entry.again_at = now + START_PAUSE
            return
        discard(entry.job)
        message = f"the job could not be started for {START_PATIENCE:.0f} seconds: {why}"
        self._finish(entry, Outcome(result=1, message=message))

    def _ask_all_again(self) -> None:
        """Another starter has come; what the one before was asked for may be lost."""
        for entry in [self._entries[row] for row in self._active]:
            lost = entry.pending and not os.path.isdir(entry.job.directory)  # see `_look_at`
            if entry.wrapper is None and entry.again_at is None and not lost:
                self._ask(entry)

    def _heard(self, word: Word) -> None:
        entry = self._by_directory.get(word.directory)
        if entry is None or entry.job.outcome is not None:
            return
        wrapper = Process(word.wrapper, word.start)
        if entry.wrapper is not None:
            if word.event is Event.FAILED and entry.wrapper == wrapper:
                self._disown(entry, word.message)
            return
        entry.pending = max(0, entry.pending - 1)
        if word.event in {Event.STARTED, Event.DELAYED}:
            failpoint("agent.spawned")
            if word.event is Event.DELAYED:
                number = entry.job.order.job_id
                log.warning(
                    "job %d cannot be started yet, it is tried on: %s", number, word.message
                )
            self._own(entry, wrapper)
            return
        claim = read_claim(word.directory)
        if claim is not None:
            self._own(entry, claim)
        elif word.event is Event.FAILED:
            self._put_off(entry, word.message)

    def _own(self, entry: OpenJob, wrapper: Process) -> None:
        """Note the wrapper and wait for its end."""
        entry.wrapper, entry.again_at = wrapper, None
        entry.job.state = JobState.RUNNING
        self._active.add(entry.job.row)
        self._journal.running(entry.job)
        self._watcher.watch(wrapper, partial(self._ended, entry, wrapper))
        entry.owned.set()

    def _disown(self, entry: OpenJob, why: str) -> None:
        """The wrapper has lost its directory before anything of the job was started."""
        entry.wrapper = None
        entry.owned.clear()
        entry.job.state = JobState.ACCEPTED
        self._put_off(entry, why)

    def _ended(self, entry: OpenJob, wrapper: Process) -> None:
        failpoint("agent.end")
        if entry.wrapper != wrapper or entry.job.outcome is not None:
            return
        outcome = read_outcome(entry.job.directory)
        if outcome is None:
            self._starter.drain()  # its last word may lie there
            if entry.wrapper != wrapper:
                return
        self._finish(entry, outcome or Outcome(result=1, message=UNKNOWN_OUTCOME))

    def _finish(self, entry: OpenJob, outcome: Outcome) -> None:
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
            self.result_sender.send(job)
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

    async def _kill_waiting(self, entry: OpenJob) -> str:
        """Kill a job that has not been started.

        Raises:
            PassingTrouble: the journal cannot be written now; the job goes on waiting.
        """
        job = entry.job
        queued = entry in self._turn
        if queued:
            self._turn.remove(entry)
        entry.again_at = None
        job.ended_at = self._clock.now_ms()
        try:
            await self._journal.settle(job, KILLED)
        except PassingTrouble:
            if queued:
                self._turn.appendleft(entry)
            else:
                entry.again_at = self._clock.monotonic()
            job.ended_at = None
            raise
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
