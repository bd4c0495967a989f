"""Telegrams between server and agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

from ipc.dialects import Json, number, text
from ipc.errors import ProtocolError
from ipc.telegrams.base import (
    MAX_ID,
    MAX_NUMBER,
    VERSION,
    Telegram,
    add,
    agent_payload,
    data_of,
    environment,
    need,
    within,
)


class JobRun(Telegram, frozen=True, kw_only=True):
    """Server to agent: run, test, stop or kill a job."""

    kind: ClassVar[str] = "jobrun"
    version: int = VERSION
    serverid: str
    hostname: str | None
    jobid: int
    type: str = ""  #: command, extjob, reboot, or empty
    method: int = 0  #: 0 run, 1 test, 2 stop command, 3 kill
    script: str = ""
    argument: dict[str, object] | list[object] = msgspec.field(default_factory=dict)
    env: dict[str, str] = msgspec.field(default_factory=dict)
    run_user: str = ""
    run_user_password: str = ""
    attempt: int | None = None  #: extension: which try of the icon this is

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; the keys an original agent insists on are mandatory."""
        data = data_of(message)
        jobid = need(number, data, "jobid")
        if jobid <= 0:
            raise ProtocolError("key [jobid] must be greater than 0")
        argument = data.get("argument")
        return cls(
            serverid=need(text, message, "serverid"),
            version=need(number, message, "version"),
            hostname=text(message, "hostname"),
            jobid=jobid,
            type=text(data, "type") or "",
            method=need(number, data, "method"),
            script=text(data, "script") or "",
            argument=argument if isinstance(argument, (dict, list)) else {},
            env=environment(data),
            run_user=text(data, "run_user") or "",
            run_user_password=text(data, "run_user_password") or "",
            attempt=number(data, "attempt"),
        )

    def to_json(self) -> bytes:
        """Return the payload; all eight keys of the original are always written."""
        data: dict[str, Json] = {
            "jobid": str(self.jobid),
            "type": self.type,
            "method": self.method,
            "script": self.script,
            "argument": self.argument,  # type: ignore[dict-item]
            "env": self.env,
            "run_user": self.run_user,
            "run_user_password": self.run_user_password,
        }
        add(data, attempt=self.attempt)
        return agent_payload(self.kind, self.version, self.serverid, self.hostname, data)


class FileCopy(JobRun, frozen=True, kw_only=True):
    """Server to agent: take part in a file copy; `type` is putfile or getfile."""

    kind: ClassVar[str] = "fcopy"


class JobRunReply(Telegram, frozen=True, kw_only=True):
    """Agent to server: whether the request was taken."""

    kind: ClassVar[str] = "jobrun-res"
    version: int = VERSION
    serverid: str = ""
    hostname: str = ""
    result: int  #: 0 accepted, 2 refused, 3 known and not finished
    message: str | None = None
    agent: str | None = None  #: extension: name and version of our agent
    attempt: int | None = None  #: extension: echo of the request's
    retry: int | None = None  #: extension: 1 = not taken for now, to be sent again later

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; `result` and `version` are mandatory."""
        data = data_of(message)
        return cls(
            version=need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            hostname=text(message, "hostname") or "",
            result=need(number, data, "result"),
            message=text(data, "message"),
            agent=text(data, "agent"),
            attempt=number(data, "attempt"),
            retry=number(data, "retry"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result}
        add(
            data,
            message=self.message,
            agent=self.agent,
            attempt=self.attempt,
            retry=self.retry,
        )
        return agent_payload(self.kind, self.version, self.serverid, self.hostname, data)


class FileCopyReply(JobRunReply, frozen=True, kw_only=True):
    """Agent to server: ready for a copy, or its verdict."""

    kind: ClassVar[str] = "fcopy-res"


class JobQuery(Telegram, frozen=True, kw_only=True):
    """Extension, server to our agent: how far is an attempt? An original answers result 2."""

    kind: ClassVar[str] = "jobquery"
    version: int = VERSION
    serverid: str
    hostname: str | None
    jobid: int
    attempt: int

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; all keys but `hostname` are mandatory."""
        data = data_of(message)
        return cls(
            version=need(number, message, "version"),
            serverid=need(text, message, "serverid"),
            hostname=text(message, "hostname"),
            jobid=need(number, data, "jobid"),
            attempt=need(number, data, "attempt"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"jobid": str(self.jobid), "attempt": self.attempt}
        return agent_payload(self.kind, self.version, self.serverid, self.hostname, data)


class JobQueryReply(Telegram, frozen=True, kw_only=True):
    """Extension, our agent to server: the state of one attempt."""

    kind: ClassVar[str] = "jobquery-res"
    version: int = VERSION
    serverid: str = ""
    hostname: str = ""
    result: int = 0
    state: str | None = None  #: unknown, accepted, running, ended, closed
    message: str | None = None
    agent: str | None = None

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; `result` is mandatory."""
        data = data_of(message)
        return cls(
            version=need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            hostname=text(message, "hostname") or "",
            result=need(number, data, "result"),
            state=text(data, "state"),
            message=text(data, "message"),
            agent=text(data, "agent"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result}
        add(data, agent=self.agent, state=self.state, message=self.message)
        return agent_payload(self.kind, self.version, self.serverid, self.hostname, data)


class JobResult(Telegram, frozen=True, kw_only=True):
    """Agent to server: how a job ended."""

    kind: ClassVar[str] = "jobresult"
    version: int = VERSION
    serverid: str = ""
    hostname: str  #: of `data`: this one is checked against the sender's address
    jobid: int
    method: int = 0
    result: int  #: 0 ran to an end, 1 could not be run or its end is not known
    std_out: str | None = None
    std_err: str | None = None
    return_code: int | None = None
    signal: int | None = None
    run_user: str | None = None
    run_user_password: str | None = None
    message: str | None = None
    attempt: int | None = None  #: extension
    agent: str | None = None  #: extension

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; which keys are mandatory depends on `result`.

        A number that no database could keep is refused here: it can never become right.
        """
        data = data_of(message)
        result = _small(data, "result") or 0
        failed = result == 1
        return cls(
            version=number(message, "version") or 0,
            serverid=text(message, "serverid") or "",
            hostname=need(text, data, "hostname"),
            jobid=within(need(number, data, "jobid"), "jobid", 0, MAX_ID),
            method=_small(data, "method", optional=True) or 0,
            result=result,
            std_out=text(data, "std_out") if failed else need(text, data, "std_out"),
            std_err=text(data, "std_err") if failed else need(text, data, "std_err"),
            return_code=None if failed else _small(data, "return_code"),
            signal=None if failed else _small(data, "signal"),
            run_user=text(data, "run_user"),
            run_user_password=text(data, "run_user_password"),
            message=need(text, data, "message") if failed else text(data, "message"),
            attempt=_small(data, "attempt", optional=True),
            agent=text(data, "agent"),
        )

    def to_json(self) -> bytes:
        """Return the payload; `hostname` stands at the top level too."""
        data: dict[str, Json] = {
            "jobid": str(self.jobid),
            "hostname": self.hostname,
            "method": self.method,
            "result": self.result,
        }
        add(
            data,
            std_out=self.std_out,
            std_err=self.std_err,
            return_code=self.return_code,
            signal=self.signal,
            run_user=self.run_user,
            run_user_password=self.run_user_password,
            message=self.message,
            attempt=self.attempt,
            agent=self.agent,
        )
        return agent_payload(self.kind, self.version, self.serverid, self.hostname, data)


def _small(data: Mapping[str, object], key: str, *, optional: bool = False) -> int | None:
    """Return a number of 32 bits."""
    value = number(data, key) if optional else need(number, data, key)
    return within(value, key, -MAX_NUMBER, MAX_NUMBER)
