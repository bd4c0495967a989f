"""What an icon type is to the engine: its settings, its start, its stop and its result.

An icon never calls the engine and never touches the database beyond reading its settings: it
returns an outcome, the engine acts on it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection

from jobarranger.db import icons as rows
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.messages import Raised
from jobarranger.model.records import Icon
from jobarranger.requests.request import Payload
from jobarranger.states import Channel, FlowType, Method


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
    """The icon's work is done outside, as a rule by an agent; it stays RUN until then."""

    host: str
    method: Method
    payload: Mapping[str, object]  #: what the telegram is made of (docs/requests.md)
    warn_after_ms: int | None = None  #: run time from which on it counts as overdue
    channel: Channel = Channel.AGENT  #: who does it
    part: int = 0  #: of an attempt that asks for several things; 0: it is all


@dataclass(frozen=True, slots=True)
class Entered:
    """The icon's work is a sub-jobnet; the icon follows it to its end."""

    instance_id: int


Outcome = Done | Failed | Dispatched | Entered


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An icon at work on an agent that is to be stopped."""

    run: Payload  #: what the agent was asked to do
    stop_flag: int | None  #: of its settings
    stop_command: str | None
    stop_id: int  #: number of its stop command, 0: it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What an agent reports of an icon's work."""

    result: int  #: other than 0: the agent could not run it
    aborted: bool  #: a stop was asked
    signal: int  #: 1: a signal ended it
    return_code: int
    message: str | None
    stop_code: str  #: of its settings


class IconType(ABC):
    """One kind of icon."""

    job_type: int  #: its number in the tables
    traits: Traits
    tables: tuple[SettingsTable, ...] = ()  #: where its settings stand

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, Any]:
        """Read the settings of some icons of this kind; an icon without any has no entry."""
        if not self.tables:
            return {}
        found = rows.settings(conn, self.tables[0].run, ids)
        return {row.inner_job_id: row for row in found}

    @abstractmethod
    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Do the icon's work, or say what is to be done.

        Args:
            icon: the icon, already RUN.
            settings: what `settings` found for it, None if nothing.
            values: its input variables.
        """

    def stop(self, running: Running) -> tuple[Method, Payload]:
        """Say how an agent is to stop the icon's work; as a rule it kills it."""
        kind = self.traits.kill_telegram
        return Method.KILL, Payload(type=kind, argument=running.run.argument)

    def judge(self, done: Finished) -> tuple[Failure, str] | None:
        """Return why work that an agent has done counts as failed, with a text for people.

        The first that applies: the agent could not run it; a stop was asked; a signal ended it.
        None: it has not failed.
        """
        if done.result != 0:
            return Failure.ERROR, done.message or "the agent could not run the job"
        if done.aborted:
            return Failure.ERROR, "the job was stopped on request"
        if done.signal == 1:
            return Failure.ERROR, f"the job was ended by signal {done.return_code}"
        return None
