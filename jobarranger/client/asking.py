"""One server, asked as one user: every method is one connection."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar, Unpack

from ipc import telegrams
from ipc.blocking import exchange_sync
from ipc.dialects import loads, text
from ipc.errors import NoAnswer, ProtocolError, WireError
from ipc.telegrams import ErrorReply, Telegram
from jobarranger.client.errors import (
    BadAnswer,
    ClientError,
    RequestRefused,
    ServerUnreachable,
    StillRunning,
)
from jobarranger.client.joblog import LogChoice, LogEntry
from jobarranger.client.status import RunStatus
from jobarranger.clock import Clock, SystemClock

T = TypeVar("T", bound=Telegram)

DEFAULT_PORT = 10061
#: Seconds for resolving, connecting, asking and answering together.
TIMEOUT = 60.0
#: Seconds between the first two looks of `wait`; then twice as many each time.
_FIRST_PAUSE = 0.05
_NUMBER = re.compile(r"Registry number :\s+\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Whom to ask, as whom, and for how long; its methods ask.

    All of them raise `RequestRefused`, `ServerUnreachable` or `BadAnswer`. An object keeps no
    connection and may be used by many threads.
    """

    server: str  #: name or address; every address of a name is tried
    port: int = DEFAULT_PORT
    user: str
    password: str = field(repr=False)  #: goes over the wire in clear text
    timeout: float = TIMEOUT  #: seconds for one exchange, everything together
    clock: Clock = field(default_factory=SystemClock, repr=False, compare=False)

    @classmethod
    def with_password_file(
        cls, file: str | Path, *, server: str, port: int = DEFAULT_PORT, user: str
    ) -> Self:
        """Return a client whose password is the first line of a file.

        Raises:
            ClientError: the file cannot be read.
        """
        return cls(server=server, port=port, user=user, password=read_password(file))

    def start_jobnet(
        self,
        jobnet_id: str,
        *,
        start_time: datetime | str | None = None,
        deterrence: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Start a jobnet and return its registry number.

        Args:
            jobnet_id: which jobnet.
            start_time: YYYYMMDDHHMM, or a time without zone: the server's counts. None = at once.
            deterrence: with `start_time`: refuse if the jobnet is registered for then already.
            env: variables for the run.

        Raises:
            ClientError: it was not started; with `ServerUnreachable.sent` and with `BadAnswer` it
                is not known whether it was.
        """
        return registry_number(
            self.start_line(jobnet_id, start_time=start_time, deterrence=deterrence, env=env)
        )

    def start_line(
        self,
        jobnet_id: str,
        *,
        start_time: datetime | str | None = None,
        deterrence: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Like `start_jobnet`, but return the server's line with the number in it."""
        reply = self._ask(
            telegrams.JobnetRun(
                username=self.user,
                password=self.password,
                jobnetid=jobnet_id,
                start_time=None if start_time is None else minute(start_time),
                deterrence=int(deterrence) if start_time is not None else None,
                env=dict(env) if env is not None else None,
            ),
            telegrams.JobnetRunReply,
        )
        if reply.result != 0:
            raise RequestRefused(reply.message)
        if not reply.message:
            raise BadAnswer("the server's answer has no [message]")
        return reply.message

    def status(self, number: int | str) -> RunStatus:
        """Return the state of a run.

        Raises:
            ClientError: there is no such run, or it may not be seen.
        """
        return self._status(number, self.timeout)

    def wait(
        self,
        number: int | str,
        timeout: float | None = None,
        *,
        interval: float = 1.0,
        until_error: bool = True,
    ) -> RunStatus:
        """Wait for the end of a run and return its state, whether it ended well or not.

        A server that cannot be reached meanwhile, because it is restarted for instance, is asked
        again for as long as one exchange may take (`self.timeout`).

        Args:
            number: of the run.
            timeout: seconds; None = without end.
            interval: longest time between two looks, in seconds; the first ones are closer.
            until_error: come back, too, when the run stands in error until an operator acts.

        Raises:
            StillRunning: the time is over; the run goes on.
            ClientError: it cannot be asked for.
        """
        begun = reached = self.clock.monotonic()
        end = math.inf if timeout is None else begun + timeout
        pause = min(_FIRST_PAUSE, interval)
        status = None
        while True:
            rest = max(end - self.clock.monotonic(), _FIRST_PAUSE)
            try:
                status = self._status(number, min(self.timeout, rest))
                reached = self.clock.monotonic()
            except ServerUnreachable:
                if self.clock.monotonic() - reached >= self.timeout:
                    raise
            else:
                if status.has_ended or (until_error and status.has_error):
                    return status
            rest = end - self.clock.monotonic()
            if rest <= 0:
                raise StillRunning(number, end - begun, status)
            self.clock.sleep(min(pause, rest))
            pause = min(pause * 2, interval)

    def release(
        self, path: str, *, start_time: str | None = None, number: int | str | None = None
    ) -> list[int]:
        """Release held icons and return the registry numbers of their runs.

        Args:
            path: `<jobnet id>/[<jobnet icon id>/...]<job id>`.
            start_time: leading 8 or 12 digits of the runs' start times.
            number: of one run; None = all running ones.

        Raises:
            ClientError: nothing was released; or it is not known, as with `start_jobnet`.
        """
        reply = self._ask(
            telegrams.Release(
                username=self.user,
                password=self.password,
                jobid=path,
                start_time=start_time,
                inner_jobnet_id=None if number is None else str(number),
            ),
            telegrams.Response,
        )
        _check(reply, needs_result=True)
        try:
            return [int(one) for one in reply.inner_jobnet_id or []]
        except ValueError:
            raise BadAnswer("the server's list of runs holds something else than numbers") from None

    def job_log_lines(self, **choice: Unpack[LogChoice]) -> list[str]:
        """Return the run log as CSV lines, the header first.

        Raises:
            ClientError: the choice is refused.
        """
        number = choice.get("number")
        reply = self._ask(
            telegrams.LogRequest(
                username=self.user,
                password=self.password,
                from_time=choice.get("from_time"),
                to_time=choice.get("to_time"),
                jobnetid=choice.get("jobnet_id"),
                jobid=choice.get("job_id"),
                target_user=choice.get("target_user"),
                registry_number=None if number is None else str(number),
            ),
            telegrams.Response,
        )
        _check(reply, needs_result=False)
        if reply.joblog is None:
            raise BadAnswer("the server's answer has no [joblog]")
        return reply.joblog

    def job_log(self, **choice: Unpack[LogChoice]) -> list[LogEntry]:
        """Return the run log as records; the choice is that of `job_log_lines`."""
        lines = self.job_log_lines(**choice)
        return [LogEntry.from_line(line) for line in lines[1:]]

    def _status(self, number: int | str, timeout: float) -> RunStatus:
        request = telegrams.StatusRequest(
            username=self.user, password=self.password, registrynumber=str(number)
        )
        reply = self._ask(request, telegrams.StatusReply, timeout)
        if reply.status is None:
            raise RequestRefused(reply.message or "")
        return RunStatus.of(reply.status)

    def _ask(self, request: Telegram, kind: type[T], timeout: float | None = None) -> T:
        seconds = self.timeout if timeout is None else timeout
        try:
            reply = exchange_sync(
                self.server,
                self.port,
                request.to_json(),
                timeout=seconds,
                monotonic=self.clock.monotonic,
            )
            return read_reply(reply.payload, kind)
        except ProtocolError as error:
            raise BadAnswer(f"the server's answer cannot be understood: {error}") from error
        except WireError as error:
            if isinstance(error.__cause__, ProtocolError):
                raise BadAnswer(f"the server's answer cannot be understood: {error}") from error
            sent = isinstance(error, NoAnswer)
            raise ServerUnreachable(str(error), sent=sent, timed_out=error.timed_out) from error


def minute(at: datetime | str) -> str:
    """Return a start time as YYYYMMDDHHMM; texts are left to the server. Pure.

    Raises:
        ValueError: the time has a zone. The server's is not known here.
    """
    if isinstance(at, str):
        return at
    if at.tzinfo is not None:
        raise ValueError("a start time is in the server's zone and must not have one of its own")
    return at.strftime("%Y%m%d%H%M")


def read_password(file: str | Path) -> str:
    """Return the first line of a file.

    Raises:
        ClientError: it cannot be read.
    """
    try:
        content = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ClientError(f"password file [{file}] cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ClientError(f"password file [{file}] is not UTF-8 text") from error
    return content.partition("\n")[0].rstrip("\r")


def registry_number(line: str) -> int:
    """Return the number in the server's line. Pure.

    Raises:
        BadAnswer: there is none.
    """
    found = _NUMBER.search(line)
    if found is None:
        raise BadAnswer("the server's answer has no registry number")
    return int(found[1])


def read_reply(payload: bytes, kind: type[T]) -> T:
    """Read a reply of the expected kind. Pure.

    Raises:
        RequestRefused: the server does not know the request.
        BadAnswer: the reply is of another kind, or of another version of the protocol.
        ProtocolError: the reply cannot be understood.
    """
    message = loads(payload)
    if not isinstance(message, dict):
        raise BadAnswer("the server's answer is not a JSON object")
    reported = text(message, "kind")
    if reported == ErrorReply.kind:
        raise RequestRefused(ErrorReply.from_json(message).message)
    if reported != kind.kind:
        raise BadAnswer(
            f"the server's answer is of kind [{reported or ''}] instead of [{kind.kind}]"
        )
    reply = kind.from_json(message)
    version = getattr(reply, "version", telegrams.VERSION)
    if version != telegrams.VERSION:
        raise BadAnswer(f"the server speaks version {version} of the protocol")
    return reply


def _check(reply: telegrams.Response, *, needs_result: bool) -> None:
    """Raise what a `response` says instead of success."""
    if reply.result == -1:
        raise RequestRefused(reply.message or "")
    if reply.result != 0 and (needs_result or reply.result is not None):
        reported = "no [result]" if reply.result is None else f"the unknown [result] {reply.result}"
        raise BadAnswer(f"the server's answer has {reported}")
