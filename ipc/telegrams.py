"""Every telegram of the product as a record, read from and written to its exact form.

`Envelope.of(loads(payload))` gives the top level without judging it. `X.from_json(message)` reads
one kind and raises `ProtocolError` with the name of the key that is missing; unknown keys are
ignored. `x.to_json()` gives the payload in the layout and key order of the original (frame it with
`frames.encode`). `parse` finds the record by `kind`.

Our extensions under version 1 are marked below; a 3.0.0 peer ignores the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self, TypeVar

import msgspec

from ipc.dialects import Json, dump_job, dump_old, loads, mapping, number, old_text, text
from ipc.errors import ProtocolError

VERSION = 1
T = TypeVar("T")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The top level of any telegram; what is absent or of a wrong type is None."""

    is_object: bool = True
    kind: str | None = None
    version: int | None = None
    serverid: str | None = None
    hostname: str | None = None
    data: dict[str, object] | None = None

    @classmethod
    def of(cls, message: object) -> Envelope:
        """Read the keys of the top level out of a decoded JSON value; never raises."""
        if not isinstance(message, dict):
            return cls(is_object=False)
        return cls(
            kind=text(message, "kind"),
            version=number(message, "version"),
            serverid=text(message, "serverid"),
            hostname=text(message, "hostname"),
            data=mapping(message, "data"),
        )


class Telegram(msgspec.Struct, frozen=True, kw_only=True):
    """What all telegrams share."""

    kind: ClassVar[str]

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram.

        Raises:
            ProtocolError: a key is missing or of a wrong type; its name is in the text.
        """
        raise NotImplementedError

    def to_json(self) -> bytes:
        """Return the payload."""
        raise NotImplementedError


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
    argument: dict[str, object] | list[object] = {}
    env: dict[str, str] = {}
    run_user: str = ""
    run_user_password: str = ""
    attempt: int | None = None  #: extension: which try of the icon this is

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; the keys an original agent insists on are mandatory."""
        data = _data(message)
        jobid = _need(number, data, "jobid")
        if jobid <= 0:
            raise ProtocolError("key [jobid] must be greater than 0")
        argument = data.get("argument")
        return cls(
            serverid=_need(text, message, "serverid"),
            version=_need(number, message, "version"),
            hostname=text(message, "hostname"),
            jobid=jobid,
            type=text(data, "type") or "",
            method=_need(number, data, "method"),
            script=text(data, "script") or "",
            argument=argument if isinstance(argument, (dict, list)) else {},
            env=_environment(data),
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
        _add(data, attempt=self.attempt)
        return _to_agent(self.kind, self.version, self.serverid, self.hostname, data)


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

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; `result` and `version` are mandatory."""
        data = _data(message)
        return cls(
            version=_need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            hostname=text(message, "hostname") or "",
            result=_need(number, data, "result"),
            message=text(data, "message"),
            agent=text(data, "agent"),
            attempt=number(data, "attempt"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result}
        _add(data, message=self.message, agent=self.agent, attempt=self.attempt)
        return _to_agent(self.kind, self.version, self.serverid, self.hostname, data)


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
        data = _data(message)
        return cls(
            version=_need(number, message, "version"),
            serverid=_need(text, message, "serverid"),
            hostname=text(message, "hostname"),
            jobid=_need(number, data, "jobid"),
            attempt=_need(number, data, "attempt"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"jobid": str(self.jobid), "attempt": self.attempt}
        return _to_agent(self.kind, self.version, self.serverid, self.hostname, data)


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
        data = _data(message)
        return cls(
            version=_need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            hostname=text(message, "hostname") or "",
            result=_need(number, data, "result"),
            state=text(data, "state"),
            message=text(data, "message"),
            agent=text(data, "agent"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result}
        _add(data, agent=self.agent, state=self.state, message=self.message)
        return _to_agent(self.kind, self.version, self.serverid, self.hostname, data)


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
        """Read the telegram; which keys are mandatory depends on `result`."""
        data = _data(message)
        result = _need(number, data, "result")
        failed = result == 1
        return cls(
            version=number(message, "version") or 0,
            serverid=text(message, "serverid") or "",
            hostname=_need(text, data, "hostname"),
            jobid=_need(number, data, "jobid"),
            method=number(data, "method") or 0,
            result=result,
            std_out=text(data, "std_out") if failed else _need(text, data, "std_out"),
            std_err=text(data, "std_err") if failed else _need(text, data, "std_err"),
            return_code=None if failed else _need(number, data, "return_code"),
            signal=None if failed else _need(number, data, "signal"),
            run_user=text(data, "run_user"),
            run_user_password=text(data, "run_user_password"),
            message=_need(text, data, "message") if failed else text(data, "message"),
            attempt=number(data, "attempt"),
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
        _add(
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
        return _to_agent(self.kind, self.version, self.serverid, self.hostname, data)


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
        data = _data(message)
        return cls(
            version=number(message, "version") or 0,
            serverid=text(message, "serverid") or "",
            inner_jobnet_id=_strings(data, "inner_jobnet_id"),
            joblog=_strings(data, "joblog"),
            result=number(data, "result"),
            message=text(data, "message"),
            retry=number(data, "retry"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {}
        _add(
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
        data = _data(message)
        return cls(
            version=number(message, "version") or 0,
            username=_need(old_text, data, "username"),
            password=_need(old_text, data, "password"),
            jobnetid=_need(old_text, data, "jobnetid"),
            start_time=old_text(data, "start_time"),
            deterrence=number(data, "deterrence"),
            env=_environment(data) if data.get("env") is not None else None,
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {
            "username": self.username,
            "password": self.password,
            "jobnetid": self.jobnetid,
        }
        deterrence = None if self.deterrence is None else str(self.deterrence)
        _add(data, start_time=self.start_time, deterrence=deterrence, env=self.env)
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
        data = _data(message)
        return cls(
            version=_need(number, message, "version"),
            serverid=text(message, "serverid") or "",
            result=_need(number, data, "result"),
            message=old_text(data, "message") or "",
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"result": self.result, "message": self.message}
        return _old_reply(self.kind, self.version, self.serverid, data)


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
        data = _data(message)
        return cls(
            version=number(message, "version") or 0,
            username=_need(old_text, data, "username"),
            password=_need(old_text, data, "password"),
            registrynumber=_need(old_text, data, "registrynumber"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {
            "username": self.username,
            "password": self.password,
            "registrynumber": self.registrynumber,
        }
        return dump_old({"kind": self.kind, "version": self.version, "data": data})


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
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
    status: RunStatus | None = None  #: on success only

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram; with `result` 0 all keys of the status are mandatory."""
        data = _data(message)
        result = _need(number, data, "result")
        return cls(
            version=_need(number, message, "version"),
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
        _add(data, message=self.message)
        return _old_reply(self.kind, self.version, self.serverid, data)


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
        data = _data(message)
        return cls(
            version=number(message, "version") or 0,
            username=_need(text, data, "username"),
            password=_need(text, data, "password"),
            jobid=text(data, "jobid"),
            start_time=text(data, "start_time"),
            inner_jobnet_id=text(data, "inner_jobnet_id"),
        )

    def to_json(self) -> bytes:
        """Return the payload."""
        data: dict[str, Json] = {"username": self.username, "password": self.password}
        _add(
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
        data = _data(message)
        return cls(
            version=number(message, "version") or 0,
            username=_need(text, data, "username"),
            password=_need(text, data, "password"),
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
        _add(
            data,
            from_time=self.from_time,
            to_time=self.to_time,
            jobnetid=self.jobnetid,
            jobid=self.jobid,
            target_user=self.target_user,
            registry_number=self.registry_number,
        )
        return dump_job({"data": data, "kind": self.kind, "version": self.version})


KINDS: Mapping[str, type[Telegram]] = {
    record.kind: record
    for record in (
        JobRun,
        FileCopy,
        JobRunReply,
        FileCopyReply,
        JobQuery,
        JobQueryReply,
        JobResult,
        Response,
        JobnetRun,
        JobnetRunReply,
        ErrorReply,
        StatusRequest,
        StatusReply,
        Release,
        LogRequest,
    )
}


def parse(payload: bytes) -> Telegram:
    """Read any telegram.

    Raises:
        ProtocolError: not JSON, no object, an unknown kind or a missing key.
    """
    message = loads(payload)
    if not isinstance(message, dict):
        raise ProtocolError("not a JSON object")
    record = KINDS.get(_need(text, message, "kind"))
    if record is None:
        raise ProtocolError("unknown kind of telegram")
    return record.from_json(message)


def _need(
    read: Callable[[Mapping[str, object], str], T | None], data: Mapping[str, object], key: str
) -> T:
    value = read(data, key)
    if value is None:
        raise ProtocolError(f"key [{key}] is missing or not usable")
    return value


def _data(message: Mapping[str, object]) -> dict[str, object]:
    return _need(mapping, message, "data")


def _add(data: dict[str, Json], **members: Json) -> None:
    """Add the members that are there."""
    data.update({key: value for key, value in members.items() if value is not None})


def _environment(data: Mapping[str, object]) -> dict[str, str]:
    """Return `env` as texts: null is empty, other things than scalars keep their JSON text."""
    value = data.get("env")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtocolError("key [env] must be an object")
    return {str(name): _value_text(value, name) for name in value}


def _value_text(data: Mapping[str, object], name: str) -> str:
    scalar = old_text(data, name)
    return dump_job(data[name]).decode() if scalar is None else scalar  # type: ignore[arg-type]


def _strings(data: Mapping[str, object], key: str) -> list[str] | None:
    value: object = data.get(key)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    return [item if isinstance(item, str) else str(item) for item in value]


def _run_status(data: Mapping[str, object]) -> RunStatus:
    return RunStatus(
        jobnetid=_need(old_text, data, "jobnetid"),
        jobnetname=_need(old_text, data, "jobnetname"),
        scheduled_time=_need(number, data, "scheduled_time"),
        start_time=_need(number, data, "start_time"),
        end_time=_need(number, data, "end_time"),
        jobnetruntype=_need(number, data, "jobnetruntype"),
        jobentstatus=_need(number, data, "jobentstatus"),
        jobstatus=_need(number, data, "jobstatus"),
        lastexitcd=old_text(data, "lastexitcd") or "",
        laststdout=old_text(data, "laststdout") or "",
        laststderr=old_text(data, "laststderr") or "",
    )


def _to_agent(
    kind: str, version: int, serverid: str, hostname: str | None, data: dict[str, Json]
) -> bytes:
    head: dict[str, Json] = {"kind": kind, "version": version, "serverid": serverid}
    _add(head, hostname=hostname)
    return dump_job({**head, "data": data})


def _old_reply(kind: str, version: int, serverid: str, data: dict[str, Json]) -> bytes:
    return dump_old({"kind": kind, "version": version, "serverid": serverid, "data": data})
