"""Hints between the processes: "look at these ids".

A `Wake` is collected while a transaction runs and handed over after its commit. It carries no
state and may be lost, doubled or late; the receiver's sweep finds the same work
(docs/architecture.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobarranger.states import Channel


class Role(StrEnum):
    """The duties of the server's children; the value is the name in titles and logs."""

    LOADER = "loader"
    BOOT = "boot"
    RUN = "run"
    EXECUTOR = "job-executor"
    SESSION = "session"
    TRAPPER = "trapper"
    NOTIFIER = "notifier"
    HOUSEKEEPER = "housekeeper"
    MONITOR = "monitor"


#: Who carries out the requests of a channel.
CARRIED_OUT_BY = {
    Channel.AGENT: Role.EXECUTOR,
    Channel.SSH: Role.SESSION,
    Channel.LOCAL: Role.EXECUTOR,
}


@dataclass(frozen=True, slots=True)
class Wake:
    """Ask one child to look at some ids."""

    role: Role
    ids: tuple[int, ...]
    slot: int = 0  #: the child's number is slot % count of its role
