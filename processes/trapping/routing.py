"""Which desk a request goes to: the order of checks of the original's trapper. Pure.

1. Not JSON: close without a reply.
2. `data`, `kind` and `version` are present and the kind is one of agents' or the newer commands':
   that desk, which answers with kind `response`.
3. `jobnetrun`, `jobnetstatusrq`: their desks check version and data themselves.
4. Everything else is told in a `jobresult-res`; a `jobresult` without the keys of step 2 is closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc.dialects import loads
from ipc.errors import ProtocolError
from ipc.server import Ending
from ipc.telegrams import (
    Envelope,
    JobnetRun,
    JobResult,
    LogRequest,
    Release,
    StatusRequest,
)
from jobarranger import messages as m
from processes.trapping.refusals import Refused

_RESPONDED = frozenset({JobResult.kind, Release.kind, LogRequest.kind})
_CHECKED_LATER = frozenset({JobnetRun.kind, StatusRequest.kind})


@dataclass(frozen=True, slots=True)
class Routed:
    """A request that has a desk."""

    kind: str
    message: dict[str, object]


def route(payload: bytes) -> Routed | Refused | Ending:
    """Return where a request belongs, why nowhere, or how to end the connection."""
    try:
        message = loads(payload)
    except ProtocolError:
        return Ending.CLOSE
    if not isinstance(message, dict):
        return Refused("the request is not a JSON object", m.JATRAPPER200037)
    kind = Envelope.of(message).kind
    complete = message.get("data") is not None and message.get("version") is not None
    if kind is None:
        return Refused("the request has no kind", m.JATRAPPER200036)
    if kind in _CHECKED_LATER or (kind in _RESPONDED and complete):
        return Routed(kind, message)
    if kind == JobResult.kind:
        return Ending.CLOSE
    return Refused("the kind of the request is not known", m.JATRAPPER200035)
