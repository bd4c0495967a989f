"""Telegrams between commands and server, and the replies that agents get too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import msgspec

from ipc.dialects import Json, dump_job, dump_old, number, old_text, text
from ipc.telegrams.base import (
    VERSION,
    Telegram,
    add,
    data_of,
    environment,
    need,
    reply_payload,
    strings,
)


class Response(Telegram, frozen=True, kw_only=True):
    """Server's reply to `jobresult`, `job.release` and `job.logput`."""

    kind: ClassVar[str] = "response"
    version: int = VERSION
    serverid: str = ""
    inner_jobnet_id: list[str] | None = None  #: released runs
    joblog: list[str] | None = None  #: CSV lines, the header first
    result: int | None = None  #: 0, or -1; absent when `joblog` was asked for and is there
    message: str | None = None
    retry: int | None = None  #: extension: 1 = cannot be taken now, keep it and come again

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; nothing but `data` is mandatory."""
        data = data_of(message)
        return cls(
            version=number(message, "version") or 0,
            serverid=text(message, "serverid") or "",
            inner_jobnet_id=strings(data, "inner_jobnet_id"),
            joblog=strings(data, "joblog"),
            result=number(data, "result"),
            message=text(data, "message"),
            retry=number(data, "retry"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {}
        add(
            data,
            inner_jobnet_id=self.inner_jobnet_id,
            joblog=self.joblog,
            result=self.result,
            message=self.message,
            retry=self.retry,
        )
        head: dict[str, Json] = {"data": data, "kind": self.kind, "version": self.version}
        return dump_job({**head, "serverid": self.serverid})


class JobnetRun(Telegram, frozen=True, kw_only=True):
    """Client to server: start a jobnet."""

    kind: ClassVar[str] = "jobnetrun"
    version: int = VERSION
    username: str
    password: str
    jobnetid: str
    start_time: str | None = None  #: YYYYMMDDHHMM in the server's zone
    deterrence: int | None = None  #: 1 = refuse a second registration for the same time
    env: dict[str, str] | None = None

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; keys are checked in the original's order."""
        data = data_of(message)
        return cls(
            version=number(message, "version") or 0,
            username=need(old_text, data, "username"),
            password=need(old_text, data, "password"),
            jobnetid=need(old_text, data, "jobnetid"),
            start_time=old_text(data, "start_time"),
            deterrence=number(data, "deterrence"),
            env=environment(data) if data.get("env") is not None else None,
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {
            "username": self.username,
            "password": self.password,
            "jobnetid": self.jobnetid,
        }
        deterrence = None if self.deterrence is None else str(self.deterrence)
        add(data, start_time=self.start_time, deterrence=deterrence, env=self.env)
        return dump_old({"kind": self.kind, "version": self.version, "data": data})


class JobnetRunReply(Telegram, frozen=True, kw_only=True):
    """Server to client: the registry line, or why not."""

    kind: ClassVar[str] = "jobnetrun-res"
    version: int = VERSION
    serverid: str = ""
    result: int  #: 0, or 1
    message: str = ""

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; `version` and `result` are mandatory."""
        data = data_of(message)
        return cls(
            version=need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            result=need(number, data, "result"),
            message=old_text(data, "message") or "",
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result, "message": self.message}
        return reply_payload(self.kind, self.version, self.serverid, data)


class ErrorReply(JobnetRunReply, frozen=True, kw_only=True):
    """Server's answer to what it does not know."""

    kind: ClassVar[str] = "jobresult-res"


class StatusRequest(Telegram, frozen=True, kw_only=True):
    """Client to server: how is this run?"""

    kind: ClassVar[str] = "jobnetstatusrq"
    version: int = VERSION
    username: str
    password: str
    registrynumber: str

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; all keys are mandatory."""
        data = data_of(message)
        return cls(
            version=number(message, "version") or 0,
            username=need(old_text, data, "username"),
            password=need(old_text, data, "password"),
            registrynumber=need(old_text, data, "registrynumber"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {
            "username": self.username,
            "password": self.password,
            "registrynumber": self.registrynumber,
        }
        return dump_old({"kind": self.kind, "version": self.version, "data": data})


class StatusFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one run in a status reply; the names are those on the wire."""

    jobnetid: str
    jobnetname: str
    scheduled_time: int  #: 0, or YYYYMMDDHHMM
    start_time: int  #: 0, or YYYYMMDDHHMMSS
    end_time: int
    jobnetruntype: int
    jobentstatus: int  #: misspelt on the wire since ever
    jobstatus: int
    lastexitcd: str = ""
    laststdout: str = ""
    laststderr: str = ""


class StatusReply(Telegram, frozen=True, kw_only=True):
    """Server to client: the state of a run, or why not."""

    kind: ClassVar[str] = "jobnetstatusrq-res"
    version: int = VERSION
    serverid: str = ""
    result: int
    message: str | None = None  #: on failure only
    status: StatusFacts | None = None  #: on success only

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; with `result` 0 all keys of the status are mandatory."""
        data = data_of(message)
        result = need(number, data, "result")
        return cls(
            version=need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            result=result,
            message=old_text(data, "message"),
            status=_run_status(data) if result == 0 else None,
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result}
        if self.status is not None:
            data.update(msgspec.structs.asdict(self.status))
        add(data, message=self.message)
        return reply_payload(self.kind, self.version, self.serverid, data)


class Release(Telegram, frozen=True, kw_only=True):
    """Client to server: release a held icon."""

    kind: ClassVar[str] = "job.release"
    version: int = VERSION
    username: str
    password: str
    jobid: str | None = None  #: <jobnet id>/[<jobnet icon id>/...]<job id>
    start_time: str | None = None
    inner_jobnet_id: str | None = None

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; user name and password are mandatory here."""
        data = data_of(message)
        return cls(
            version=number(message, "version") or 0,
            username=need(text, data, "username"),
            password=need(text, data, "password"),
            jobid=text(data, "jobid"),
            start_time=text(data, "start_time"),
            inner_jobnet_id=text(data, "inner_jobnet_id"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"username": self.username, "password": self.password}
        add(
            data,
            jobid=self.jobid,
            start_time=self.start_time,
            inner_jobnet_id=self.inner_jobnet_id,
        )
        return dump_job({"data": data, "kind": self.kind, "version": self.version})


class LogRequest(Telegram, frozen=True, kw_only=True):
    """Client to server: rows of the run log."""

    kind: ClassVar[str] = "job.logput"
    version: int = VERSION
    username: str
    password: str
    from_time: str | None = None  #: 8 or 12 digits
    to_time: str | None = None
    jobnetid: str | None = None  #: regular expressions
    jobid: str | None = None
    target_user: str | None = None
    registry_number: str | None = None

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; user name and password are mandatory here."""
        data = data_of(message)
        return cls(
            version=number(message, "version") or 0,
            username=need(text, data, "username"),
            password=need(text, data, "password"),
            from_time=text(data, "from_time"),
            to_time=text(data, "to_time"),
            jobnetid=text(data, "jobnetid"),
            jobid=text(data, "jobid"),
            target_user=text(data, "target_user"),
            registry_number=text(data, "registry_number"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"username": self.username, "password": self.password}
        add(
            data,
            from_time=self.from_time,
            to_time=self.to_time,
            jobnetid=self.jobnetid,
            jobid=self.jobid,
            target_user=self.target_user,
            registry_number=self.registry_number,
        )
        return dump_job({"data": data, "kind": self.kind, "version": self.version})


def _run_status(data: Mapping[str, object]) -> StatusFacts:
    return StatusFacts(
        jobnetid=need(old_text, data, "jobnetid"),
        jobnetname=need(old_text, data, "jobnetname"),
        scheduled_time=need(number, data, "scheduled_time"),
        start_time=need(number, data, "start_time"),
        end_time=need(number, data, "end_time"),
        jobnetruntype=need(number, data, "jobnetruntype"),
        jobentstatus=need(number, data, "jobentstatus"),
        jobstatus=need(number, data, "jobstatus"),
        lastexitcd=old_text(data, "lastexitcd") or "",
        laststdout=old_text(data, "laststdout") or "",
        laststderr=old_text(data, "laststderr") or "",
    )
