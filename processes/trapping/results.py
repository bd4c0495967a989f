"""The handler for agents' results: nothing that was answered 0 is ever lost.

A result is answered when it is durable: processed, parked in `ja_ext_inbox` (it cannot be judged
now), or, when the database does not commit in time, in the spool on disk. If none of these works
the connection is reset, so that the agent keeps the result: an original agent repeats after a
reset only. Our own agent gets `retry` instead. -1 is for what can never become true.

If the agent's connection is gone, a result that the database thread has not begun with is dropped:
nothing was answered, so the agent comes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ipc import telegrams
from ipc.dialects import loads
from ipc.errors import ProtocolError
from ipc.pool import Pool
from ipc.server import Answer, Ending, Peer
from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.db import inbox
from jobarranger.db.engine import Database
from jobarranger.errors import CannotStore, JobArrangerError
from jobarranger.flow.engine import Engine
from jobarranger.flow.results import Judged, ReportedResult, Senders, Verdict, complete
from processes.trapping.spool import Parcel, Spool

log = logging.getLogger(__name__)

#: Seconds for the database to commit; agents wait 5 s for their answer.
COMMIT_LIMIT = 3.0
#: Seconds for which results go straight to the spool after the database has failed.
AVOID_DATABASE = 2.0
#: Characters of the longest host name that a table can hold.
MAX_HOST_NAME = 128
#: Milliseconds until a parked result is tried again, the first time.
FIRST_RETRY_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedResult:
    """A result with what is needed to keep it as it is."""

    result: ReportedResult
    parcel: Parcel


def read_parcel(parcel: Parcel) -> ReceivedResult:
    """Return the result in a parcel.

    Raises:
        ProtocolError: it is none.
    """
    message = loads(parcel.telegram.encode())
    if not isinstance(message, dict):
        raise ProtocolError("not a JSON object")
    return arrival(message, parcel.peer, parcel.received_at, kept=True)


def arrival(
    message: Mapping[str, object], peer: str, received_at: int, *, kept: bool = False
) -> ReceivedResult:
    """Read a `jobresult`; passwords are left out of what is kept.

    Raises:
        ProtocolError: a key is missing, or the host's name is too long to be one.
    """
    telegram = telegrams.JobResult.from_json(message)
    if len(telegram.hostname) > MAX_HOST_NAME:
        raise ProtocolError(f"key [hostname] has more than {MAX_HOST_NAME} characters")
    clean = msgspec.structs.replace(telegram, run_user=None, run_user_password=None)
    result = ReportedResult(
        job_id=telegram.jobid,
        attempt=telegram.attempt,
        host_name=telegram.hostname,
        peer=peer,
        result=telegram.result,
        return_code=telegram.return_code or 0,
        signal=telegram.signal or 0,
        std_out=telegram.std_out or "",
        std_err=telegram.std_err or "",
        message=telegram.message,
        received_at=received_at,
        kept=kept,
    )
    text = clean.to_json().decode()
    return ReceivedResult(
        result=result, parcel=Parcel(received_at=received_at, peer=peer, telegram=text)
    )


class ResultWork:
    """What the database thread does with results; made for one process."""

    def __init__(self, engine: Engine, senders: Senders) -> None:
        """Work with `engine`, checking where results come from with `senders`."""
        self._engine = engine
        self._senders = senders

    def take(self, db: Database, arrivals: Sequence[ReceivedResult]) -> list[Judged]:
        """Work in results that came together; those that cannot be judged go to the inbox."""
        judged = self.judge(db, arrivals)
        now = self._engine.clock.now_ms()
        parked = [
            _inbox_row(arrived, judgement, now)
            for arrived, judgement in zip(arrivals, judged, strict=True)
            if judgement.verdict is Verdict.PARKED
        ]
        if parked:
            db.transaction(lambda unit: inbox.add(unit.conn, parked))
            for row in parked:
                m.log_message(
                    m.JATRAPPER300002,
                    inner_job_id=row["inner_job_id"],
                    host=row["host_name"],
                    reason=row["reason"],
                )
        return judged

    def judge(self, db: Database, arrivals: Sequence[ReceivedResult]) -> list[Judged]:
        """Work in results and leave parked ones to the caller."""
        return complete(db, self._engine, [one.result for one in arrivals], self._senders)


Submit = Callable[[ReceivedResult], Awaitable[Judged]]


class ResultHandler:
    """Answers `jobresult` telegrams."""

    def __init__(
        self,
        submit: Submit,
        spool: Spool,
        clock: Clock,
        server_id: str,
        *,
        readers: Pool,
        disk: Pool,
        vouch: Callable[[str], None],
    ) -> None:
        """Hand results to the database thread through `submit`.

        Args:
            submit: returns the verdict on a result.
            spool: where results go that the database does not take.
            clock: for instants and durations.
            server_id: of replies.
            readers: threads that read large results.
            disk: threads that write to the spool.
            vouch: called with the address of an agent whose result was taken.
        """
        self._submit = submit
        self._spool = spool
        self._clock = clock
        self._server_id = server_id
        self._readers = readers
        self._disk = disk
        self._vouch = vouch
        self._avoid_until = 0.0

    async def answer(
        self, message: Mapping[str, object], peer: Peer, *, large: bool = False
    ) -> Answer:
        """Take a result; return the reply, or a reset if it could not be kept."""
        now = self._clock.now_ms()
        try:
            if large:
                arrived = await self._readers.run(arrival, message, peer.address, now)
            else:
                arrived = arrival(message, peer.address, now)
        except ProtocolError as error:
            log.warning("result from %s refused: %.200s", peer.address, error)
            return self._reply(-1, str(error))
        judged = await self._judge(arrived)
        return await self._keep(arrived) if judged is None else self._answer(judged, peer)

    def _answer(self, judged: Judged, peer: Peer) -> bytes:
        if judged.verdict is Verdict.REFUSED:
            log.info("result from %s refused: %.200s", peer.address, judged.text)
            return self._reply(-1, judged.text)
        if judged.verdict is not Verdict.PARKED:  # who sent a parked one is not known yet
            self._vouch(peer.address)
        return self._reply(0)

    async def _judge(self, arrived: ReceivedResult) -> Judged | None:
        """Return the verdict, or None if the database does not give one in time."""
        if self._clock.monotonic() < self._avoid_until:
            return None
        try:
            async with asyncio.timeout(COMMIT_LIMIT):
                return await self._submit(arrived)
        except CannotStore as error:  # this one is set aside by the replay; others go their way
            log.warning("a result cannot be stored: %s", error)
            return None
        except TimeoutError:
            log.warning("the database did not take a result within %g s", COMMIT_LIMIT)
        except JobArrangerError as error:
            log.warning("the database did not take a result: %s", error)
        except Exception:
            log.exception("a result could not be processed")
        self._avoid_until = self._clock.monotonic() + AVOID_DATABASE
        return None

    async def _keep(self, arrived: ReceivedResult) -> Answer:
        """Put a result into the spool."""
        job_id, host = arrived.result.job_id, arrived.result.host_name
        try:
            await self._disk.run(self._spool.put, arrived.parcel)
        except OSError as error:
            m.log_message(m.JATRAPPER200058, inner_job_id=job_id, host=host, error_text=str(error))
            if arrived.result.attempt is None:
                return Ending.RESET
            return self._reply(-1, "the result cannot be taken now", retry=1)
        m.log_message(m.JATRAPPER300003, inner_job_id=job_id, host=host)
        return self._reply(0)

    def _reply(self, result: int, message: str | None = None, retry: int | None = None) -> bytes:
        return telegrams.Response(
            serverid=self._server_id, result=result, message=message, retry=retry
        ).to_json()


def _inbox_row(arrived: ReceivedResult, judged: Judged, now: int) -> dict[str, object]:
    result = arrived.result
    return {
        "received_at": result.received_at,
        "peer": result.peer[:255],
        "host_name": result.host_name[:128],
        "inner_job_id": result.job_id,
        "attempt": result.attempt,
        "telegram": arrived.parcel.telegram,
        "reason": judged.text,
        "tries": 0,
        "next_try_at": now + FIRST_RETRY_MS,
    }
