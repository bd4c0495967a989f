"""Who may connect now: no host can take the places of the others.

Every host has one place of its own, so the first connection to a host waits for nobody. Further
connections to our agents share `SHARED` places, given to the hosts in turn; one that is slow to
answer gives its place back and goes on without. To a host that does not answer only one connection
is made at a time, and whoever else wants one is turned away at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: Connections beyond the first to each host, to all hosts together.
SHARED = 256
#: Of these so many may go on without a place because they wait for an answer.
LATE = 512


class Hosts(Protocol):
    """What must be known of hosts."""

    def connections(self, name: str, now: int) -> int:
        """Return how many connections to a host may be open at once."""

    def is_silent(self, name: str) -> bool:
        """Return whether a host does not answer."""


@dataclass(eq=False, slots=True)
class ConnectionPlace:
    """The right to one connection."""

    name: str
    shared: bool
    probe: bool  #: the host does not answer
    late: bool = False


class ConnectionPlaces:
    """Gives places; belongs to the event loop."""

    def __init__(self, hosts: Hosts, now: Callable[[], int], most: int) -> None:
        """Start with all places free.

        Args:
            hosts: says how many connections each may have.
            now: gives the instant (UTC ms).
            most: connections open at once, because of what the system allows.
        """
        self._hosts = hosts
        self._now = now
        self._most = most
        self._open: Counter[str] = Counter()
        self._all = self._shared = self._late = self._probes = 0
        self._queues: dict[str, deque[asyncio.Future[ConnectionPlace | None]]] = {}
        #: Hosts with a queue that may have more connections when there are places, in their turn.
        self._turns: dict[str, None] = {}

    @property
    def probes_left(self) -> int:
        """Return how many more hosts that do not answer may be asked: half of all places."""
        return self._most // 2 - self._probes

    async def enter(self, name: str) -> ConnectionPlace | None:
        """Wait for a place; None: the host does not answer, and this is not the time to ask it."""
        if self._hosts.is_silent(name):
            return self._take(name, probe=True) if self._may_probe(name) else None
        if name not in self._queues and self._may_connect(name):
            return self._take(name)
        future = asyncio.get_running_loop().create_future()
        self._queues.setdefault(name, deque()).append(future)
        self._turns[name] = None
        try:
            place: ConnectionPlace | None = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and (given := future.result()):
                self.leave(given)
            raise
        return place

    def leave(self, place: ConnectionPlace) -> None:
        """Give a place back; others that wait get theirs."""
        self._open[place.name] -= 1
        if not self._open[place.name]:
            del self._open[place.name]
        self._all -= 1
        self._shared -= place.shared
        self._late -= place.late
        self._probes -= place.probe
        if place.name in self._queues:
            self._turns[place.name] = None
        self._serve()

    def let_wait(self, place: ConnectionPlace) -> None:
        """An answer takes its time: what it is waited for does not hold others up."""
        if place.shared and self._late < LATE:
            place.shared, place.late = False, True
            self._shared -= 1
            self._late += 1
            self._serve()

    def turn_away(self, name: str) -> None:
        """Let nobody wait any more for a host that has proved not to answer."""
        self._turns.pop(name, None)
        for future in self._queues.pop(name, ()):
            if not future.done():
                future.set_result(None)

    def _may_probe(self, name: str) -> bool:
        free = not self._open[name] and self.probes_left > 0
        return free and self._hosts.connections(name, self._now()) > 0

    def _may_connect(self, name: str) -> bool:
        return not self._is_wide(name) and not self._is_short(name)

    def _is_wide(self, name: str) -> bool:
        """Return whether a host has as many connections as it may have."""
        return self._open[name] >= self._hosts.connections(name, self._now())

    def _is_short(self, name: str) -> bool:
        """Return whether there is no place for one more connection to a host."""
        return self._all >= self._most or (self._open[name] > 0 and self._shared >= SHARED)

    def _take(self, name: str, *, probe: bool = False) -> ConnectionPlace:
        place = ConnectionPlace(name, shared=self._open[name] > 0, probe=probe)
        self._open[name] += 1
        self._all += 1
        self._shared += place.shared
        self._probes += probe
        return place

    def _serve(self) -> None:
        """Give what is free, one place to each host in turn."""
        while True:
            name = next((one for one in self._turns if not self._is_short(one)), None)
            if name is None:
                return
            del self._turns[name]
            if not self._is_wide(name):  # else it comes again when one of its own ends
                self._grant(name)

    def _grant(self, name: str) -> None:
        """Give the first that still waits a place, and let other hosts come before the next."""
        queue = self._queues[name]
        while queue:
            future = queue.popleft()
            if not future.done():
                future.set_result(self._take(name))
                break
        if queue:
            self._turns[name] = None
        else:
            del self._queues[name]
