"""What an icon type is to the engine: how to read its settings and what its start yields.

An icon never calls the engine and never touches the database beyond reading its settings: it
returns an outcome, the engine acts on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from sqlalchemy import Connection

from jobarranger.messages import Raised
from jobarranger.model.records import Icon
from jobarranger.states import FlowType, JobType, Method


class Failure(IntEnum):
    """Variable `ICON_STATUS` of an icon that failed."""

    STOP_CODE = 1  #: its exit code is among the stop codes
    ERROR = 2  #: anything else


@dataclass(frozen=True, slots=True)
class Done:
    """The icon has done its work."""

    values: Mapping[str, str] = field(default_factory=dict)  #: added to its output
    kind: FlowType = FlowType.NORMAL  #: which arrows fire


@dataclass(frozen=True, slots=True)
class Failed:
    """The icon cannot do its work; it becomes RUNERR."""

    messages: tuple[Raised, ...]
    failure: Failure = Failure.ERROR


@dataclass(frozen=True, slots=True)
class Dispatched:
    """The icon's work is done by an agent; the icon stays RUN until its result comes."""

    host: str
    method: Method
    payload: Mapping[str, object]  #: what the telegram is made of (docs/dispatch.md)
    warn_after_ms: int | None = None  #: run time from which on it counts as overdue


@dataclass(frozen=True, slots=True)
class Entered:
    """The icon's work is a sub-jobnet; the icon follows it to its end."""

    instance_id: int


Outcome = Done | Failed | Dispatched | Entered


class IconType(Protocol):
    """One kind of icon."""

    @property
    def job_type(self) -> JobType:
        """Its number in the tables."""

    @property
    def can_skip(self) -> bool:
        """An operator may have it passed over."""

    @property
    def has_outcome(self) -> bool:
        """ICON_STATUS tells how it ended."""

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, Any]:
        """Read the settings of some icons of this kind; an icon without any has no entry."""

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Do the icon's work, or say what is to be done.

        Args:
            icon: the icon, already RUN.
            settings: what `settings` found for it, None if nothing.
            values: its input variables.
        """
