"""The handler for client commands: start a jobnet, ask for its state.

Who asks is checked before anything is said about runs. A wrong password, a disabled user, an
unknown jobnet and a missing right all give the same words; so do a run that does not exist and one
that the user may not see. The log distinguishes them.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Row

from ipc import telegrams
from ipc.pool import to_the_end
from jobarranger import messages as m
from jobarranger import names
from jobarranger.clock import Clock
from jobarranger.db import inquiries
from jobarranger.db.definitions import valid_header
from jobarranger.directory import Directory, User
from jobarranger.errors import DatabaseUnavailable, StateConflict
from jobarranger.icons import types_with
from jobarranger.loading.requests import StartRefusal, StartRequest
from jobarranger.operations.actor import Actor
from jobarranger.operations.starting import AskedStart
from jobarranger.states import JobnetStatus, JobStatus, RunType
from processes.trapping.authentication import Authenticator
from processes.trapping.client_requests import StartCommand, read_start, read_status
from processes.trapping.refusals import NO_SUCH_RUN, NOT_AUTHENTICATED, Refused

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Longest output in a status reply, in bytes.
OUTPUT_LIMIT = 64_000
_BUSY = "the database cannot be reached now; try again later"


class Read(Protocol):
    """Runs a select on the database thread."""

    async def __call__(self, work: Callable[[Connection], T], /) -> T:
        """Return what `work` returns."""


#: Reads the variables of a start request.
Rest = Callable[[], Awaitable[dict[str, str]]]
Register = Callable[[AskedStart], Awaitable[int | StartRefusal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHandler:
    """Answers `jobnetrun` and `jobnetstatusrq`."""

    authenticator: Authenticator
    directory: Directory
    read: Read
    register: Register
    clock: Clock
    zone: tzinfo
    server_id: str

    async def start(
        self, message: Mapping[str, object], peer: str, *, rest: Rest | None = None
    ) -> bytes:
        """Answer a `jobnetrun` with the registry line, or with why not.

        After the log-in it goes on to its end, even if the client has gone, so that what was
        registered is written to the log.

        Args:
            message: the request, perhaps without its variables.
            peer: the address of the client.
            rest: reads the variables if they are not in `message`.

        Raises:
            Refused: the text of the reply.
        """
        command = read_start(message, self.clock.now_ms(), self.zone)
        user = await self.authenticator.identify(command.username, command.password, peer)
        if rest is not None:
            command = replace(command, env=await rest())
        return await to_the_end(self._started(command, user, peer))

    async def _started(self, command: StartCommand, user: User, peer: str) -> bytes:
        number = await self._register(command, user, peer)
        m.log_message(
            m.JATRAPPER000002,
            jobnet_id=names.shown(command.jobnet_id, names.ID),
            inner_jobnet_id=number,
            user_name=names.shown(user.name),
            peer=peer,
        )
        return telegrams.JobnetRunReply(
            serverid=self.server_id, result=0, message=f"Registry number :  [{number}]"
        ).to_json()

    def start_refused(self, refused: Refused) -> bytes:
        """Return the reply to a start that was refused."""
        return telegrams.JobnetRunReply(
            serverid=self.server_id, result=1, message=str(refused)
        ).to_json()

    async def status(self, message: Mapping[str, object], peer: str) -> bytes:
        """Answer a `jobnetstatusrq` with the state of a run.

        Raises:
            Refused: the text of the reply.
        """
        command = read_status(message)
        user = await self.authenticator.identify(command.username, command.password, peer)
        number = command.number
        if number is None:
            raise Refused(NO_SUCH_RUN)
        found = await self.read(lambda conn: self._run(conn, user, number))
        return telegrams.StatusReply(serverid=self.server_id, result=0, status=found).to_json()

    def status_refused(self, refused: Refused) -> bytes:
        """Return the reply to a question that was refused."""
        return telegrams.StatusReply(
            serverid=self.server_id, result=1, message=str(refused)
        ).to_json()

    async def _register(self, command: StartCommand, user: User, peer: str) -> int:
        shown = names.shown(command.jobnet_id, names.ID)
        if not names.can_be(command.jobnet_id, names.ID):
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200046, jobnet_id=shown)
        request = StartRequest(
            jobnet_id=command.jobnet_id,
            execution_user_name=command.username,
            run_type=RunType.TIME if command.scheduled_time else RunType.IMMEDIATE,
            scheduled_time=command.scheduled_time,
            deterrence=command.deterrence,
            env=command.env,
        )
        actor = Actor.user(user, self.directory, f"jobarg_exec {peer}")
        try:
            answer = await self.register(AskedStart(request, actor))
        except (DatabaseUnavailable, StateConflict) as error:
            log.warning("jobnet %s could not be registered: %s", shown, error)
            raise Refused(_BUSY, m.JATRAPPER200016, jobnet_id=shown) from error
        if answer is StartRefusal.ALREADY_REGISTERED:
            raise Refused(
                f"jobnet [{request.jobnet_id}] is already registered for [{request.scheduled_time}]"
            )
        if answer is StartRefusal.NOT_PERMITTED:
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200047, jobnet_id=shown)
        if isinstance(answer, StartRefusal):
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200046, jobnet_id=shown)
        return answer

    def _run(self, conn: Connection, user: User, number: int) -> telegrams.StatusFacts:
        """Return the state of a run if the user may see it."""
        loaded = inquiries.summary(conn, number)
        row = loaded if loaded is not None else inquiries.registered(conn, number)
        if row is None:
            raise Refused(NO_SUCH_RUN)
        header = valid_header(conn, row.jobnet_id)
        owner, public = (
            (row.user_name, row.public_flag)
            if header is None
            else (header["user_name"], header["public_flag"])
        )
        if not self.directory.may_use(conn, user, owner, public):
            raise Refused(NO_SUCH_RUN, m.JATRAPPER200047, jobnet_id=row.jobnet_id)
        if loaded is None:
            return _waiting(row)
        ends = types_with(lambda traits: traits.ends_jobnet)
        return _state(row, inquiries.last_values(conn, number, ends))


def _waiting(row: Row[Any]) -> telegrams.StatusFacts:
    """Return the state of a run that the loader has not seen yet: it has not begun."""
    return telegrams.StatusFacts(
        jobnetid=row.jobnet_id,
        jobnetname=row.jobnet_name,
        scheduled_time=row.scheduled_time,
        start_time=0,
        end_time=0,
        jobnetruntype=row.run_type,
        jobentstatus=int(JobnetStatus.BEGIN),
        jobstatus=int(JobStatus.NORMAL),
    )


def _state(row: Row[Any], values: Mapping[str, str]) -> telegrams.StatusFacts:
    return telegrams.StatusFacts(
        jobnetid=row.jobnet_id,
        jobnetname=row.jobnet_name,
        scheduled_time=row.scheduled_time,
        start_time=row.start_time,
        end_time=row.end_time,
        jobnetruntype=row.run_type,
        jobentstatus=row.status,
        jobstatus=row.job_status,
        lastexitcd=cut(values.get("JOB_EXIT_CD", "")),
        laststdout=cut(values.get("STD_OUT", "")),
        laststderr=cut(values.get("STD_ERR", "")),
    )


def cut(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """Return `text` cut to `limit` bytes of UTF-8, never inside a character."""
    if len(text) * 4 <= limit:
        return text
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
