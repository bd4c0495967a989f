"""Every telegram of the product as a record, read from and written to its exact form.

`Envelope.of(loads(payload))` gives the top level without judging it. `X.from_json(message)` reads
one kind and raises `ProtocolError` with the name of the key that is missing; unknown keys are
ignored. `x.to_json()` gives the payload in the layout and key order of the original (frame it with
`frames.encode`). `parse` finds the record by `kind`.

Our extensions under version 1 are marked below; a 3.0.0 peer ignores the keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from ipc.dialects import loads, text
from ipc.errors import ProtocolError
from ipc.telegrams.agents import (
    FileCopy,
    FileCopyReply,
    JobQuery,
    JobQueryReply,
    JobResult,
    JobRun,
    JobRunReply,
)
from ipc.telegrams.base import VERSION, Envelope, Telegram, need
from ipc.telegrams.clients import (
    ErrorReply,
    JobnetRun,
    JobnetRunReply,
    LogRequest,
    Release,
    Response,
    StatusFacts,
    StatusReply,
    StatusRequest,
)

__all__ = [
    "KINDS",
    "VERSION",
    "Envelope",
    "ErrorReply",
    "FileCopy",
    "FileCopyReply",
    "JobQuery",
    "JobQueryReply",
    "JobResult",
    "JobRun",
    "JobRunReply",
    "JobnetRun",
    "JobnetRunReply",
    "LogRequest",
    "Release",
    "Response",
    "StatusFacts",
    "StatusReply",
    "StatusRequest",
    "Telegram",
    "parse",
]

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
    record = KINDS.get(need(text, message, "kind"))
    if record is None:
        raise ProtocolError("unknown kind of telegram")
    return record.from_json(message)
