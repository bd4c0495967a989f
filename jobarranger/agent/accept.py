"""From the bytes of a request to a decision, and from a decision to the bytes of a reply.

Pure: the same text gives the same decision. The order of the checks and the numbers in the
replies are those that servers know (docs/agent.md, "Requests"). Replies name keys, never their
values, except job ids, host names, kinds and types: scripts, environments and passwords are never
echoed.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ipc import dialects
from ipc.errors import ProtocolError, ShapeTooLarge
from ipc.shape import Shape
from jobarranger.agent.jobs import Order
from jobarranger.states import Method

PROTOCOL_VERSION = 1

#: `data.result` of a reply.
ACCEPTED = 0
REFUSED = 2
UNFINISHED = 3

KNOWN_KINDS = frozenset(
    {"jobrun", "jobresult", "jobrun-res", "jobresult-res", "fcopy", "fcopy-res"}
)
REPLY_KINDS = {"fcopy": "fcopy-res", "jobquery": "jobquery-res"}

#: Job ids are kept in signed 64-bit columns.
MAX_JOB_ID = 2**63 - 1
MAX_ATTEMPT = 2**31 - 1

#: The largest request: thousands of variables, and structures as their values.
SHAPE = Shape(depth=8, parts=65_536)

_JOB_ID = re.compile(r"\s*(\d{1,20})\s*([KMGT]?)\s*")
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_PROGRAM = re.compile(r"[\w.+-]+")
#: How a database null in the server's tables arrives.
_NULL_TEXT = "(null)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHead:
    """What of a request is echoed in its reply; parts that were not reached stay empty."""

    reply_kind: str = "jobrun-res"
    version: int = 0
    server_id: str = ""
    hostname: str = ""
    attempt: int | None = None  #: echoed, with our name, only to a server that sent one


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Store and run a job."""

    envelope: ReplyHead
    order: Order


@dataclass(frozen=True, slots=True)
class KillRequest:
    """KillRequest a job."""

    envelope: ReplyHead
    job_id: int
    attempt: int | None


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """Say how far a job is."""

    envelope: ReplyHead
    job_id: int
    attempt: int | None


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """Answer with result 2 and the reason."""

    envelope: ReplyHead
    message: str


Decision = RunRequest | KillRequest | QueryRequest | RefusedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the agent is, as far as requests depend on it."""

    hostname: str
    extjob_path: Path


class _Refusal(Exception):
    """Ends the checks: the reason and what had been read so far."""

    def __init__(self, message: str, envelope: ReplyHead) -> None:
        super().__init__(message)
        self.decision = RefusedRequest(envelope, message)


def decide(payload: bytes, peer: str, me: Identity) -> Decision:
    """Check a request completely and say what to do."""
    try:
        return _decide(payload.rstrip(b"\r\n"), peer, me)
    except _Refusal as refusal:
        return refusal.decision


def understands_retry(envelope: ReplyHead) -> bool:
    """Return whether the server can be asked to come again: it counts attempts, or queries."""
    return envelope.attempt is not None or envelope.reply_kind == "jobquery-res"


def reply(
    envelope: ReplyHead,
    result: int,
    message: str = "",
    *,
    agent: str,
    state: str = "",
    retry: bool = False,
) -> bytes:
    """Return the text of a reply in the original's layout.

    `message` goes out with a refusal only. `agent` (our name and version) and the attempt are
    added for servers that count attempts. `retry` marks a refusal that is not final: nothing was
    done, and the same request may be sent again.
    """
    data: dict[str, dialects.Json] = {"result": result}
    if result != ACCEPTED:
        data["message"] = message
    if retry:
        data["retry"] = 1
    if understands_retry(envelope):
        data["agent"] = agent
    if state:
        data["state"] = state
    if envelope.attempt is not None:
        data["attempt"] = envelope.attempt
    return dialects.dump_job(
        {
            "kind": envelope.reply_kind,
            "version": envelope.version,
            "serverid": envelope.server_id,
            "hostname": envelope.hostname,
            "data": data,
        }
    )


def _decide(payload: bytes, peer: str, me: Identity) -> Decision:
    nothing = ReplyHead(version=PROTOCOL_VERSION)
    if not payload:
        raise _Refusal("nothing was received", nothing)
    try:
        top = dialects.loads(payload, SHAPE)
    except ShapeTooLarge as error:
        raise _Refusal(f"the request is too large: {error}", nothing) from error
    except ProtocolError as error:
        raise _Refusal(f"the request is not JSON: {error}", nothing) from error
    if not isinstance(top, dict):
        raise _Refusal("the request is not a JSON object", nothing)
    kind = dialects.text(top, "kind")
    if kind is None:
        raise _Refusal("the request has no key 'kind'", nothing)
    envelope, data = _read_envelope(top, kind, me)
    if kind not in KNOWN_KINDS and kind != "jobquery":
        raise _Refusal(f"the kind {kind[:64]!r} is not supported", envelope)
    job_id = _job_id(data, envelope)
    if kind == "jobquery":
        return QueryRequest(envelope, job_id, envelope.attempt)
    return _by_method(kind, data, job_id, envelope, peer, me)


def _read_envelope(
    top: dict[str, object], kind: str, me: Identity
) -> tuple[ReplyHead, dict[str, object]]:
    """Read the top level in the order in which its parts are echoed."""
    reply_kind = REPLY_KINDS.get(kind, "jobrun-res")
    server_id = dialects.text(top, "serverid")
    if server_id is None:
        raise _Refusal("the request has no key 'serverid'", ReplyHead(reply_kind=reply_kind))
    version = dialects.number(top, "version")
    if version is None:
        reached = ReplyHead(reply_kind=reply_kind, server_id=server_id)
        raise _Refusal("the request has no number 'version'", reached)
    hostname = dialects.text(top, "hostname")
    data = dialects.mapping(top, "data")
    envelope = ReplyHead(
        reply_kind=reply_kind,
        version=version,
        server_id=server_id,
        hostname=me.hostname if hostname is None else hostname,
        attempt=dialects.number(data, "attempt") if data is not None else None,
    )
    if version != PROTOCOL_VERSION:
        message = f"version {version} is not supported, mine is {PROTOCOL_VERSION}"
        raise _Refusal(message, envelope)
    if envelope.hostname != me.hostname:
        raise _Refusal(f"this is not the host {envelope.hostname[:127]!r}", envelope)
    if data is None:
        raise _Refusal("the request has no object 'data'", envelope)
    if envelope.attempt is not None and not 0 <= envelope.attempt <= MAX_ATTEMPT:
        raise _Refusal("'attempt' in 'data' is not the number of an attempt", envelope)
    return envelope, data


def _job_id(data: dict[str, object], envelope: ReplyHead) -> int:
    text = dialects.text(data, "jobid")
    if text is None:
        raise _Refusal("'data' has no key 'jobid'", envelope)
    found = _JOB_ID.fullmatch(text)
    value = int(found[1]) * _FACTORS[found[2]] if found else 0
    if not 0 < value <= MAX_JOB_ID:
        raise _Refusal(f"{text[:32]!r} is not a job id", envelope)
    return value


def _by_method(
    kind: str,
    data: dict[str, object],
    job_id: int,
    envelope: ReplyHead,
    peer: str,
    me: Identity,
) -> Decision:
    if data.get("method") is None:
        raise _Refusal("'data' has no key 'method'", envelope)
    env = data.get("env")
    if env is not None and not isinstance(env, dict):
        raise _Refusal("'env' in 'data' is not an object", envelope)
    if kind == "fcopy":
        raise _Refusal("file copy is not supported by this agent yet", envelope)
    if kind != "jobrun":
        raise _Refusal(f"the kind {kind!r} is not a request to an agent", envelope)
    number = dialects.number(data, "method")
    if number is None or number not in {member.value for member in Method}:
        raise _Refusal(f"unknown method for job {job_id}", envelope)
    method = Method(number)
    if method is Method.KILL:
        return KillRequest(envelope, job_id, envelope.attempt)
    job_type = dialects.text(data, "type") or ""
    order = Order(
        job_id=job_id,
        attempt=envelope.attempt,
        method=method,
        type=job_type,
        script=_script(data, job_type, method, envelope, me),
        env={name: _env_text(value) for name, value in (env or {}).items()},
        run_user=_run_user(data, job_type),
        server_id=envelope.server_id,
        version=envelope.version,
        peer=peer,
    )
    return RunRequest(envelope, order)


def _script(
    data: dict[str, object], job_type: str, method: Method, envelope: ReplyHead, me: Identity
) -> str:
    """Return the text to run: without carriage returns, and empty for a test."""
    script = (dialects.text(data, "script") or "").replace("\r", "")
    if job_type == "extjob":
        script = _extended(script, data.get("argument"), envelope, me)
    elif job_type == "reboot":
        raise _Refusal("reboot jobs are not supported by this agent yet", envelope)
    elif job_type != "command":
        raise _Refusal(f"the type {job_type[:64]!r} is not supported", envelope)
    return "" if method is Method.TEST else script


def _extended(name: str, argument: object, envelope: ReplyHead, me: Identity) -> str:
    """Return the shell line of an extended job; its name cannot leave the directory."""
    if not isinstance(argument, list):
        raise _Refusal("'argument' of an extended job is not an array", envelope)
    if not _PROGRAM.fullmatch(name) or name.startswith("."):
        raise _Refusal(f"{name[:64]!r} is not the name of an extended job", envelope)
    words = [str(me.extjob_path / f"{name}.sh"), *(_env_text(item) for item in argument)]
    return " ".join(shlex.quote(word) for word in words)


def _run_user(data: dict[str, object], job_type: str) -> str:
    user = dialects.text(data, "run_user") or ""
    return "" if job_type != "command" or user == _NULL_TEXT else user


def _env_text(value: object) -> str:
    """Return a JSON value as the text that a job sees."""
    if isinstance(value, str):
        return value
    if value is None:
        return _NULL_TEXT
    return json.dumps(value, ensure_ascii=False)
