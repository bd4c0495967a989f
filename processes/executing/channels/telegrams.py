"""Requests in the words of the wire, and answers in the words of `jobarranger.requests`."""

from __future__ import annotations

from collections.abc import Mapping

from ipc import dialects
from ipc.errors import ProtocolError
from ipc.telegrams import Envelope, JobQuery, JobQueryReply, JobRun, JobRunReply
from jobarranger.requests.request import Payload, Request
from jobarranger.requests.steps import Answered, Event, JobStanding, Original, Reported, Silent

#: Bytes of script, argument and environment that a 3.0.0 agent keeps; it cuts what is longer.
ORIGINAL_LIMIT = 4095

#: Text that the original's Manager may leave in an empty user column.
_NO_USER = "(null)"


def jobrun(request: Request, server_id: str) -> bytes:
    """Return the telegram that asks the agent to run, test, stop or kill."""
    payload = request.payload
    return JobRun(
        serverid=server_id,
        hostname=request.host_name,
        jobid=request.telegram_job_id,
        type=payload.type,
        method=int(request.method),
        script=payload.script,
        argument=payload.argument if payload.argument is not None else {},
        env=dict(payload.env or {}),
        run_user="" if payload.run_user == _NO_USER else payload.run_user,
        run_user_password=payload.run_user_password,
        attempt=request.attempt,
    ).to_json()


def jobquery(request: Request, server_id: str) -> bytes:
    """Return the telegram that asks how far the agent is with an attempt."""
    return JobQuery(
        serverid=server_id,
        hostname=request.host_name,
        jobid=request.telegram_job_id,
        attempt=request.attempt,
    ).to_json()


def too_large(payload: Payload) -> tuple[str, int] | None:
    """Name what a 3.0.0 agent would cut, with its size in bytes; None if everything fits."""
    sizes = {
        "command": len(payload.script.encode("utf-8", "replace")),
        "argument": _size(payload.argument if payload.argument is not None else {}),
        "environment": _size(dict(payload.env or {})),
    }
    name, size = max(sizes.items(), key=lambda pair: pair[1])
    return (name, size) if size > ORIGINAL_LIMIT else None


def run_answer(payload: bytes) -> Event:
    """Read the answer to a jobrun; what cannot be read leaves the outcome open."""
    try:
        reply = JobRunReply.from_json(_object(payload))
    except ProtocolError as error:
        return Silent(f"unreadable answer: {error}")
    return Answered(reply.result, reply.message or "", reply.agent, retry=bool(reply.retry))


def query_answer(payload: bytes) -> Event:
    """Read the answer to a jobquery.

    A 3.0.0 agent refuses the kind with a `jobrun-res`; ours would name itself even in a refusal.
    """
    try:
        message = _object(payload)
        if Envelope.of(message).kind == JobQueryReply.kind:
            reply = JobQueryReply.from_json(message)
            if reply.result == 0 and reply.state in set(JobStanding):
                return Reported(JobStanding(reply.state), reply.agent)
            return Silent(f"the agent cannot tell: {reply.message or reply.state}")
        answer = JobRunReply.from_json(message)
    except ProtocolError as error:
        return Silent(f"unreadable answer: {error}")
    if answer.agent is None and answer.result in {1, 2}:
        return Original()
    return Silent(f"the agent does not know: {answer.message}")


def _object(payload: bytes) -> Mapping[str, object]:
    message = dialects.loads(payload)
    if not isinstance(message, dict):
        raise ProtocolError("not an object")
    return message


def _size(value: dialects.Json) -> int:
    """Return the bytes of a value as an original writes it back to text."""
    return len(dialects.dump_job(value))
