"""Which handler a request goes to: the order of checks of the original's trapper. Pure.

0. A large `jobnetrun` is read without its variables: who asks is checked before they are.
1. Not JSON: close without a reply. Too deep, or of too many parts: answered with a `jobresult-res`.
2. `data`, `kind` and `version` are present and the kind is one of agents' or the newer commands':
   that handler, which answers with kind `response`.
3. `jobnetrun`, `jobnetstatusrq`: their handlers check version and data themselves.
4. Everything else is answered with a `jobresult-res`; a `jobresult` without the keys of step 2 is
   closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc.budget import SMALL
from ipc.dialects import loads
from ipc.errors import ProtocolError, ShapeTooLarge
from ipc.frames import leading_kind
from ipc.server import Ending
from ipc.shape import FLAT
from ipc.telegrams import (
    Envelope,
    JobnetRun,
    JobResult,
    LogRequest,
    Release,
    StatusRequest,
)
from ipc.telegrams.heads import start_head
from jobarranger import messages as m
from processes.trapping.refusals import Refused

_RESPONDED = frozenset({JobResult.kind, Release.kind, LogRequest.kind})
_CHECKED_LATER = frozenset({JobnetRun.kind, StatusRequest.kind})


@dataclass(frozen=True, slots=True)
class Routed:
    """A request that has a handler."""

    kind: str
    message: dict[str, object]
    unread: bytes | None = None  #: the whole request, if its variables have not been read yet


def route(payload: bytes) -> Routed | Refused | Ending:
    """Return where a request belongs, why nowhere, or how to end the connection.

    It takes milliseconds for a large request, so those are read in a thread.
    """
    if len(payload) > SMALL and leading_kind(payload) == JobnetRun.kind:
        return _large_start(payload)
    try:
        message = loads(payload, FLAT)
    except ShapeTooLarge as error:
        return Refused(f"the request is too large: {error}")
    except ProtocolError:
        return Ending.CLOSE
    return _by_kind(message)


def _large_start(payload: bytes) -> Routed | Ending:
    try:
        return Routed(JobnetRun.kind, start_head(payload), unread=payload)
    except ProtocolError:
        return Ending.CLOSE


def _by_kind(message: object) -> Routed | Refused | Ending:
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
