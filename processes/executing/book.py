"""What the executor knows of its hosts at this moment; memory only, losing it costs nothing.

It says how many requests to a host may be in hand: one at a time for an agent not known to be
ours, since what was committed as SENDING to a 3.0.0 agent can never be repeated and a crash should
catch as few as possible; many for ours. A host that cannot be connected gets one probe at a time.

Used by the event loop and by the database thread, hence the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from jobarranger.dispatching import decide
from jobarranger.dispatching.request import Key, Request
from jobarranger.dispatching.steps import Limits
from jobarranger.states import AgentKind

#: Requests to one of our agents in hand at once.
MOST_IN_HAND = 200


@dataclass(slots=True)
class _Host:
    """One host."""

    kind: AgentKind | None = None  #: None: nothing learnt since the start
    version: str | None = None
    active: int = 0  #: requests in hand
    down_since: int | None = None  #: first failed connection of the present run (UTC ms)
    down_until: int = 0  #: no connection before (UTC ms)
    failures: int = 0  #: failed connections in a row
    waiting: dict[Key, Request] = field(default_factory=dict)  #: NEW rows that must wait


class HostBook:
    """Counts and remembers, host by host."""

    def __init__(self, limits: Limits) -> None:
        """Start knowing nothing."""
        self._limits = limits
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._in_hand: set[Key] = set()

    # -- requests in hand ----------------------------------------------------------------------

    def in_hand(self, key: Key) -> bool:
        """Tell whether a request is being worked on."""
        with self._lock:
            return key in self._in_hand

    def count(self) -> int:
        """Return the number of requests in hand."""
        with self._lock:
            return len(self._in_hand)

    def take(self, requests: Iterable[Request]) -> None:
        """Take requests in hand."""
        with self._lock:
            for request in requests:
                self._in_hand.add(request.key)
                host = self._host(request.host_name)
                host.active += 1
                host.waiting.pop(request.key, None)

    def release(self, request: Request) -> None:
        """The exchange is over: another request may go to the host."""
        with self._lock:
            self._host(request.host_name).active -= 1

    def forget(self, key: Key) -> None:
        """The outcome is committed: the row alone counts again."""
        with self._lock:
            self._in_hand.discard(key)

    # -- room ----------------------------------------------------------------------------------

    def meet(self, request: Request) -> None:
        """Take over what the database remembers of a host, unless more is known by now."""
        with self._lock:
            host = self._host(request.host_name)
            if host.kind is None and request.agent_kind is not AgentKind.UNKNOWN:
                host.kind, host.version = request.agent_kind, request.agent_version

    def room(self, name: str, now: int) -> int:
        """Return how many more requests to a host may be taken in hand."""
        with self._lock:
            return self._room(self._host(name), now)

    def full(self, now: int) -> list[str]:
        """Return the hosts that have no room, so that a sweep can leave them out."""
        with self._lock:
            return [
                name
                for name, host in self._hosts.items()
                if (host.active or host.waiting or host.failures) and self._room(host, now) <= 0
            ]

    def wait(self, requests: Iterable[Request]) -> None:
        """Remember requests for which there is no room."""
        with self._lock:
            for request in requests:
                self._host(request.host_name).waiting.setdefault(request.key, request)

    def next_waiting(self, name: str) -> tuple[list[int], int]:
        """Return the icons whose turn may come now, and not before which instant (UTC ms)."""
        with self._lock:
            host = self._host(name)
            room = self._room(host, host.down_until)
            chosen = list(host.waiting)[: max(room, 0)]
            for key in chosen:
                del host.waiting[key]
            return [key.job_id for key in chosen], host.down_until

    # -- what was learnt -----------------------------------------------------------------------

    def kind(self, name: str) -> AgentKind:
        """Return what answers at a host, as far as it is known."""
        with self._lock:
            return self._host(name).kind or AgentKind.UNKNOWN

    def learn(self, name: str, kind: AgentKind, version: str | None) -> bool:
        """Note what answered; tell whether that is news to this process."""
        with self._lock:
            host = self._host(name)
            news = (host.kind, host.version) != (kind, version)
            host.kind, host.version = kind, version
            return news

    def connected(self, name: str) -> None:
        """Note that a connection could be made."""
        with self._lock:
            host = self._host(name)
            host.down_since, host.down_until, host.failures = None, 0, 0

    def unreachable(self, name: str, now: int) -> tuple[int, int, list[Request]]:
        """Note a connection that failed.

        Returns:
            since when the host is down, failures in a row, and the waiting requests that have
            waited long enough: they fail too, each without a connection of its own.
        """
        with self._lock:
            host = self._host(name)
            if host.down_since is None:
                host.down_since = now
            if now >= host.down_until:  # several at once count as one failure
                host.failures += 1
                pause = decide.pause(host.failures, decide.CONNECT_FIRST, decide.CONNECT_MOST)
                host.down_until = now + pause
            over = [
                request
                for request in host.waiting.values()
                if decide.expired(request.created_at, host.down_since, now, self._limits)
            ]
            for request in over:
                del host.waiting[request.key]
                self._in_hand.add(request.key)
            return host.down_since, host.failures, over

    def is_down(self, name: str, now: int) -> bool:
        """Tell whether a connection has just failed and the next is not due."""
        with self._lock:
            return now < self._host(name).down_until

    def down(self, name: str) -> tuple[int | None, int]:
        """Return since when a host is down (None: it is not), and the failures in a row."""
        with self._lock:
            host = self._host(name)
            return host.down_since, host.failures

    def _host(self, name: str) -> _Host:
        return self._hosts.setdefault(name, _Host())

    @staticmethod
    def _room(host: _Host, now: int) -> int:
        if now < host.down_until:
            return 0
        most = 1 if host.failures or host.kind is not AgentKind.OURS else MOST_IN_HAND
        return most - host.active
