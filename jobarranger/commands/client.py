"""A job server's clients' interface, for the commands and for Python programs.

    client = Client("jobserver", 10061, "oper", "secret")
    number = client.start_jobnet("NIGHTLY", env={"DAY": "31"})
    client.status(number).jobentstatus

Every method is one connection. Refusals and failures are `ClientError`s with one line of text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ipc import telegrams
from ipc.client import exchange_sync
from ipc.dialects import loads
from ipc.errors import WireError
from ipc.telegrams import ErrorReply, RunStatus, Telegram
from jobarranger.errors import JobArrangerError

T = TypeVar("T", bound=Telegram)

DEFAULT_PORT = 10061
#: Seconds for connecting, asking and answering together.
TIMEOUT = 60.0
_NUMBER = re.compile(r"Registry number :\s+\[(\d+)\]")


class ClientError(JobArrangerError):
    """The server could not be asked, or did not answer as it should."""


class RequestRefused(ClientError):
    """The server refuses the request; `message` holds its words."""

    def __init__(self, message: str) -> None:
        """Keep the server's words."""
        super().__init__(f"the server refuses the request: message [{message}]")
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Asks one server as one user."""

    server: str
    port: int = DEFAULT_PORT
    user: str
    password: str
    timeout: float = TIMEOUT

    def start_jobnet(
        self,
        jobnet_id: str,
        *,
        start_time: str | None = None,
        deterrence: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Start a jobnet and return its registry number.

        Args:
            jobnet_id: which jobnet.
            start_time: YYYYMMDDHHMM in the server's zone; None = at once.
            deterrence: refuse if the jobnet is registered for that time already.
            env: variables for the run.

        Raises:
            ClientError: it was not started, or it is not known whether it was.
        """
        return registry_number(
            self.start_line(jobnet_id, start_time=start_time, deterrence=deterrence, env=env)
        )

    def start_line(
        self,
        jobnet_id: str,
        *,
        start_time: str | None = None,
        deterrence: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Like `start_jobnet`, but return the server's line."""
        reply = self._ask(
            telegrams.JobnetRun(
                username=self.user,
                password=self.password,
                jobnetid=jobnet_id,
                start_time=start_time,
                deterrence=int(deterrence) if start_time is not None else None,
                env=dict(env) if env is not None else None,
            ),
            telegrams.JobnetRunReply,
        )
        if reply.result != 0:
            raise RequestRefused(reply.message)
        return reply.message

    def status(self, number: int | str) -> RunStatus:
        """Return the state of a run.

        Raises:
            ClientError: there is no such run, or it may not be seen.
        """
        reply = self._ask(
            telegrams.StatusRequest(
                username=self.user, password=self.password, registrynumber=str(number)
            ),
            telegrams.StatusReply,
        )
        if reply.result != 0 or reply.status is None:
            raise RequestRefused(reply.message or "")
        return reply.status

    def release(
        self, path: str, *, start_time: str | None = None, number: int | str | None = None
    ) -> list[int]:
        """Release held icons and return the registry numbers of their runs.

        Args:
            path: `<jobnet id>/[<jobnet icon id>/...]<job id>`.
            start_time: leading 8 or 12 digits of the runs' start times.
            number: of one run; None = all running ones.

        Raises:
            ClientError: nothing was released.
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
        if reply.result != 0:
            raise RequestRefused(reply.message or "")
        return [int(one) for one in reply.inner_jobnet_id or []]

    def log(
        self,
        *,
        from_time: str | None = None,
        to_time: str | None = None,
        jobnet_id: str | None = None,
        job_id: str | None = None,
        target_user: str | None = None,
        number: int | str | None = None,
    ) -> list[str]:
        """Return CSV lines of the run log, the header first.

        Raises:
            ClientError: the choice is refused.
        """
        reply = self._ask(
            telegrams.LogRequest(
                username=self.user,
                password=self.password,
                from_time=from_time,
                to_time=to_time,
                jobnetid=jobnet_id,
                jobid=job_id,
                target_user=target_user,
                registry_number=None if number is None else str(number),
            ),
            telegrams.Response,
        )
        if reply.result not in {None, 0} or reply.joblog is None:
            raise RequestRefused(reply.message or "")
        return reply.joblog

    def _ask(self, request: Telegram, kind: type[T]) -> T:
        try:
            reply = exchange_sync(self.server, self.port, request.to_json(), timeout=self.timeout)
            return read_reply(reply.payload, kind)
        except WireError as error:
            raise ClientError(str(error)) from error


def registry_number(line: str) -> int:
    """Return the number in the server's line.

    Raises:
        ClientError: there is none.
    """
    found = _NUMBER.search(line)
    if found is None:
        raise ClientError("the server's answer has no registry number")
    return int(found[1])


def read_reply(payload: bytes, kind: type[T]) -> T:
    """Read a reply of the expected kind.

    Raises:
        ClientError: the server does not know the request, or speaks another version.
        ProtocolError: the reply cannot be understood.
    """
    message = loads(payload)
    if not isinstance(message, dict):
        raise ClientError("the server's answer is not a JSON object")
    if message.get("kind") == ErrorReply.kind:
        raise RequestRefused(ErrorReply.from_json(message).message)
    reply = kind.from_json(message)
    version = getattr(reply, "version", telegrams.VERSION)
    if version != telegrams.VERSION:
        raise ClientError(f"the server speaks version {version} of the protocol")
    return reply
