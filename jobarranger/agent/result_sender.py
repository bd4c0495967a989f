"""Bringing results to the servers, and keeping at it.

A result goes to the server that sent the job, then to the other entries of `Server` in turn. It is
delivered when a server accepts it, or when the job's own server refuses it for good (another
server's refusal may only mean that it does not know the job). Everything else (no connection, no
answer, an empty answer, a refusal marked `retry`) leads to another round after a growing pause.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from logging import getLogger

from ipc import dialects
from ipc.client import exchange
from ipc.errors import WireError
from jobarranger.agent.jobs import Job, Outcome
from jobarranger.clock import Clock
from jobarranger.failpoints import failpoint
from jobarranger.logs import KEEP

log = getLogger(__name__)

#: Connections for results at one time.
PARALLEL = 16
FIRST_PAUSE_SECONDS = 0.05
#: Longest pause during the first `JaSendRetry` attempts.
CLOSE_PAUSE_SECONDS = 1.0
DAY_MS = 86_400_000


class Answer(Enum):
    """What one server made of a result."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  #: for good
    LATER = "later"  #: it asks to be sent the result again
    NONE = "none"  #: not reached, or no answer that can be understood


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """Where and how patiently results are sent."""

    hostname: str
    agent: str  #: our name and version, for servers that count attempts
    destinations: Sequence[str]
    port: int
    source: str | None
    timeout: float  #: seconds to connect, and again to be answered
    close_tries: int  #: attempts that follow each other closely
    longest_pause: float  #: seconds
    keep_ms: int


def result_telegram(job: Job, outcome: Outcome, settings: DeliverySettings) -> bytes:
    """Return the text of `jobresult`."""
    order = job.order
    data: dict[str, dialects.Json] = {
        "jobid": str(order.job_id),
        "hostname": settings.hostname,
        "method": int(order.method),
        "result": outcome.result,
    }
    if outcome.result == 0:
        data |= {
            "std_out": outcome.std_out,
            "std_err": outcome.std_err,
            "return_code": outcome.return_code,
            "signal": outcome.signal,
            "run_user": order.run_user,
            "run_user_password": "",
        }
    else:
        data["message"] = outcome.message
    if order.attempt is not None:
        data |= {"attempt": order.attempt, "agent": settings.agent}
    return dialects.dump_job(
        {
            "kind": "jobresult",
            "version": order.version,
            "serverid": order.server_id,
            "hostname": settings.hostname,
            "data": data,
        }
    )


def read_answer(payload: bytes) -> tuple[Answer, str]:
    """Return what a reply means, and its message."""
    try:
        top = dialects.loads(payload)
    except WireError as error:
        return Answer.NONE, str(error)
    data = dialects.mapping(top, "data") if isinstance(top, dict) else None
    result = dialects.number(data, "result") if data is not None else None
    if data is None or result is None:
        return Answer.NONE, "the reply has no result"
    if result == 0:
        return Answer.ACCEPTED, ""
    message = dialects.text(data, "message") or ""
    return (Answer.LATER if dialects.number(data, "retry") else Answer.REFUSED), message


def pause_after(tries: int, *, close_tries: int, longest: float) -> float:
    """Return the seconds to wait after the `tries`-th failed round (counted from 1)."""
    cap = min(CLOSE_PAUSE_SECONDS, longest) if tries <= close_tries else longest
    beyond: int = tries if tries <= close_tries else tries - close_tries + 5
    growth = float(2 ** min(beyond - 1, 30))
    return min(cap, FIRST_PAUSE_SECONDS * growth)


class ResultSender:
    """Delivers results, many at a time, until each is accepted, refused or too old."""

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        delivered: Callable[[Job], None],
        delayed: Callable[[Job], None],
        clock: Clock,
    ) -> None:
        """Prepare.

        Args:
            settings: where to and how.
            delivered: called when nothing is left to do for a job's result.
            delayed: called after the first failed round of a job.
            clock: for the age of results.
        """
        self._settings = settings
        self._delivered = delivered
        self._delayed = delayed
        self._clock = clock
        self._ready: deque[Job] = deque()
        self._waiting: dict[int, tuple[Job, asyncio.TimerHandle]] = {}
        self._unreached: set[int] = set()  #: rows of those waiting because nobody was reached
        self._deaf_until = 0.0  #: monotonic; before this, hearing from a server changes nothing
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def held(self) -> int:
        """Return the number of results that are not delivered yet."""
        return len(self._ready) + len(self._waiting) + len(self._tasks)

    def send(self, job: Job) -> None:
        """Deliver a job's result as soon as a connection is free."""
        self._ready.append(job)
        self._fill()

    def heard_from(self, address: str) -> None:
        """A server has spoken to us: what waits for it is due now, at most once in a while."""
        now = asyncio.get_running_loop().time()
        if not self._unreached or now < self._deaf_until:
            return
        self._deaf_until = now + CLOSE_PAUSE_SECONDS
        self._retry(row for row in self._unreached if self._waiting[row][0].order.peer == address)

    async def close(self, grace: float) -> None:
        """Begin no more deliveries, let those under way end for `grace` seconds."""
        for _, timer in self._waiting.values():
            timer.cancel()
        self._ready.clear()
        self._waiting.clear()
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=grace)
            for task in pending:
                task.cancel()

    def _fill(self) -> None:
        while self._ready and len(self._tasks) < PARALLEL:
            task = asyncio.get_running_loop().create_task(self._safely(self._ready.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._freed)

    def _freed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._fill()

    async def _safely(self, job: Job) -> None:
        """Make one round; a fault of ours must not lose the result either."""
        try:
            await self._round(job)
        except Exception:
            log.exception("delivering the result of job %d failed", job.order.job_id)
            if job.row not in self._waiting:
                self._put_off(job, Answer.LATER)

    async def _round(self, job: Job) -> None:
        """Try every destination once."""
        assert job.outcome is not None
        payload = result_telegram(job, job.outcome, self._settings)
        failpoint("agent.send")
        heard = Answer.NONE
        for address in self._destinations(job):
            answer = await self._offer(job, payload, address)
            if answer is Answer.REFUSED and address != job.order.peer:
                answer = Answer.LATER
            if answer in {Answer.ACCEPTED, Answer.REFUSED}:
                failpoint("agent.sent")
                self._delivered(job)
                self._retry_unreached()
                return
            heard = answer if heard is Answer.NONE else heard
        self._put_off(job, heard)

    def _destinations(self, job: Job) -> list[str]:
        others = [each for each in self._settings.destinations if each != job.order.peer]
        return [job.order.peer, *others]

    async def _offer(self, job: Job, payload: bytes, address: str) -> Answer:
        settings = self._settings
        try:
            reply = await exchange(
                address,
                settings.port,
                payload,
                source=settings.source,
                connect_timeout=settings.timeout,
                reply_timeout=settings.timeout,
            )
        except WireError as error:
            answer, message = Answer.NONE, str(error)
        else:
            answer, message = read_answer(reply.payload)
        if answer is Answer.REFUSED:
            log.warning("%s refused the result of job %d: %s", address, job.order.job_id, message)
        elif answer is not Answer.ACCEPTED and job.tries == 0:
            log.warning(
                "the result of job %d cannot be delivered to %s now: %s",
                *(job.order.job_id, address, message),
            )
        return answer

    def _put_off(self, job: Job, heard: Answer) -> None:
        job.tries += 1
        if job.tries == 1:
            self._delayed(job)
        if (
            job.ended_at is not None
            and self._clock.now_ms() - job.ended_at > self._settings.keep_ms
        ):
            log.error(
                "the result of job %d is given up: it is too old", job.order.job_id, extra=KEEP
            )
            self._delivered(job)
            return
        pause = pause_after(
            job.tries, close_tries=self._settings.close_tries, longest=self._settings.longest_pause
        )
        timer = asyncio.get_running_loop().call_later(pause, self._due, job.row)
        self._waiting[job.row] = (job, timer)
        if heard is Answer.NONE:
            self._unreached.add(job.row)

    def _due(self, row: int) -> None:
        job, _ = self._waiting.pop(row)
        self._unreached.discard(row)
        self.send(job)

    def _retry_unreached(self) -> None:
        """A server answers again: what waited for that is due now."""
        self._retry(self._unreached)

    def _retry(self, rows: Iterable[int]) -> None:
        for row in list(rows):
            self._waiting[row][1].cancel()
            self._due(row)
