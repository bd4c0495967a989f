"""What goes to the database thread and comes back: plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jobarranger.requests.request import Request
from jobarranger.requests.steps import Step
from jobarranger.states import AgentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is to be written about a request."""

    request: Request
    step: Step
    at: int  #: UTC ms
    learnt: tuple[AgentKind, str | None] | None = None  #: news about its host


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What to scan for."""

    ids: frozenset[int] = frozenset()  #: icons that were hinted at
    urgent: bool = False  #: by another process, which has just asked for it
    sweep: bool = False  #: everything that is due
    silent: bool = False  #: accepted runs without a result, too
    left: bool = False  #: what an earlier executor was sending


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One piece of work for the database thread."""

    records: tuple[Record, ...] = ()
    scan: Scan | None = None


class Begin(Enum):
    """What to do first with a request."""

    SEND = "just claimed, no byte has been sent"
    FOLLOW = "sent before, its time has come again"
    PROBE = "still new: its host, which does not answer, is asked about it"


@dataclass(frozen=True, slots=True)
class Task:
    """One request to be worked on now."""

    request: Request
    begin: Begin
    urgent: bool = False  #: asked for by another process just now
