"""What a child knows: who it is, its configuration, and how to reach the others."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipc.queues import Sender
from jobarranger.clock import Clock
from jobarranger.hint_sender import HintSender
from jobarranger.wakes import Role
from processes.link import ParentLink
from processes.title import Title

if TYPE_CHECKING:
    from jobarranger.config import ServerConfig
    from jobarranger.db.engine import Database


@dataclass(slots=True, kw_only=True)
class ChildContext:
    """Given to a child's duty after the fork."""

    config: ServerConfig
    clock: Clock
    role: Role
    number: int  #: counts from 1 within the role
    counts: Mapping[Role, int]  #: children of each role
    server_id: str  #: 17 digits; changes with every start of the server
    runtime_dir: Path
    interval: float  #: seconds between two sweeps
    hang_limit: float  #: seconds without a sign of life until the parent kills this child
    link: ParentLink
    sender: Sender
    title: Title
    held: Callable[[], bool] = lambda: False  #: locks anew what was removed from `runtime_dir`
    listeners: tuple[socket.socket, ...] = ()  #: bound by the parent; for the trapper

    @property
    def name(self) -> str:
        """Return the name as in titles and logs: `run #1`."""
        return f"{self.role} #{self.number}"

    @property
    def count(self) -> int:
        """Return how many children share this role."""
        return self.counts[self.role]

    def owns(self, slot: int) -> bool:
        """Return whether a slot's work belongs to this child (see `jobarranger.hint_sender`)."""
        return slot % self.count == self.number - 1

    def hint_sender(self) -> HintSender:
        """Return what sends wakes to the other children."""
        return HintSender(self.sender, self.counts)

    def database(self) -> Database:
        """Return a new `Database` whose wakes go to the other children after each commit."""
        from jobarranger.db.engine import Database

        return Database.from_config(self.config, clock=self.clock, on_wake=self.hint_sender())

    def beat(self) -> None:
        """Give a sign of life between two units of work; only from the main loop's thread."""
        self.link.beat()

    def status(self, text: str) -> None:
        """Show `text` between the brackets of the title."""
        self.link.figures.status = text
        self.title.set(text)
