"""What the executor knows of its hosts at this moment; memory only, losing it costs nothing.

For each host: what answers there, how it is (`jobarranger.requests.hosts`), what is in progress,
and which requests wait for it. The rules of how much may be in progress are pure functions; this
table counts. Used by the event loop and by the database thread, hence the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from jobarranger.requests import hosts
from jobarranger.requests.hosts import Health
from jobarranger.requests.request import Key, Request
from jobarranger.requests.steps import Event, Fail, SendLimits
from jobarranger.states import AgentKind

#: A host whose waiting request was just looked up is left alone for so long (ms).
LOOKED_UP = 1_000


@dataclass(slots=True)
class _Host:
    """One host."""

    kind: AgentKind | None = None  #: None: nothing learnt since the start
    version: str | None = None
    active: int = 0  #: requests in progress
    health: Health = field(default_factory=Health)
    looked_up: int = 0  #: no waiting request is looked up before (UTC ms)
    left_out: bool = False  #: a sweep has left out its runs, since it was full
    waiting: dict[Key, int] = field(default_factory=dict)  #: NEW rows, with `created_at`


class HostTable:
    """Counts and remembers, host by host."""

    def __init__(self, limits: SendLimits) -> None:
        """Start knowing nothing."""
        self._limits = limits
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._troubled: set[str] = set()
        self._in_flight: set[Key] = set()

    # -- requests in progress ----------------------------------------------------------------------

    def in_flight(self, key: Key) -> bool:
        """Return whether a request is being worked on."""
        with self._lock:
            return key in self._in_flight

    def count(self) -> int:
        """Return the number of requests in progress."""
        with self._lock:
            return len(self._in_flight)

    def acquire(self, requests: Iterable[Request]) -> None:
        """Acquire requests."""
        with self._lock:
            for request in requests:
                self._in_flight.add(request.key)
                host = self._host(request.host_name)
                host.active += 1
                host.waiting.pop(request.key, None)

    def release(self, request: Request) -> None:
        """The exchange is over: another request may go to the host."""
        with self._lock:
            self._host(request.host_name).active -= 1

    def settle(self, key: Key) -> None:
        """The outcome is committed: the row alone counts again."""
        with self._lock:
            self._in_flight.discard(key)

    # -- room ----------------------------------------------------------------------------------

    def room(self, name: str, now: int, *, run: bool) -> int:
        """Return how many more requests to a host may be acquired."""
        with self._lock:
            return self._room(self._host(name), now, run=run)

    def full(self, now: int) -> list[str]:
        """Return the hosts whose new runs a sweep leaves out; remember which these are."""
        with self._lock:
            full = [name for name, host in self._hosts.items() if self._is_full(host, now)]
            for name in full:
                self._hosts[name].left_out = True
            return full

    def probed(self) -> list[str]:
        """Return the hosts that do not answer and are being asked just now."""
        with self._lock:
            return [name for name in self._troubled if self._hosts[name].active]

    def wait(self, requests: Iterable[Request]) -> None:
        """Remember requests for which there is no room."""
        with self._lock:
            for request in requests:
                host = self._host(request.host_name)
                host.waiting.setdefault(request.key, request.created_at)

    def wait_until(self, request: Request, at: int) -> bool:
        """Remember a request that is to be sent again later, if its host is in trouble.

        Returns:
            whether it is: then the prober sees to it, from the instant `at` (UTC ms).
        """
        with self._lock:
            host = self._host(request.host_name)
            if request.host_name not in self._troubled:
                return False
            host.waiting.setdefault(request.key, request.created_at)
            host.looked_up = max(host.looked_up, at)
            return True

    def next_waiting(self, name: str, now: int) -> list[int]:
        """Return the icons whose turn has come at a host without trouble."""
        with self._lock:
            host = self._host(name)
            if name in self._troubled:
                return []
            return self._pop(host, self._room(host, now, run=True))

    def wants_more(self, name: str, now: int) -> bool:
        """Report, once, that a host has room again and a sweep had left out what it may have."""
        with self._lock:
            host = self._host(name)
            if not host.left_out or host.waiting or name in self._troubled:
                return False
            host.left_out = self._room(host, now, run=True) * 2 <= host.active
            return not host.left_out

    def due(self, now: int, most: int) -> tuple[list[int], int | None]:
        """Return icons with which troubled hosts are to be tried now, one for each host.

        And when the next is due (UTC ms; None: there is none).
        """
        with self._lock:
            waiting = [self._hosts[name] for name in self._troubled]
            waiting = [host for host in waiting if host.waiting and not host.active]
            waiting.sort(key=_due_at)
            ids: list[int] = []
            for host in waiting:
                if _due_at(host) > now or len(ids) >= most:
                    return ids, max(_due_at(host), now + 1)
                ids += self._pop(host, 1)
                host.looked_up = now + LOOKED_UP
            return ids, min(map(_due_at, waiting)) if waiting else None

    def expired(self, name: str, now: int) -> list[int]:
        """Return the waiting icons whose patience with their host is over."""
        with self._lock:
            host = self._host(name)
            over = [
                key
                for key, created_at in host.waiting.items()
                if hosts.failure(host.health, created_at, now, self._limits)
            ]
            for key in over:
                del host.waiting[key]
            return [key.job_id for key in over]

    # -- what was learnt -----------------------------------------------------------------------

    def learn_from_row(self, request: Request) -> None:
        """Take over what the database remembers of a host, unless more is known by now."""
        with self._lock:
            host = self._host(request.host_name)
            if host.kind is None and request.agent_kind is not AgentKind.UNKNOWN:
                host.kind, host.version = request.agent_kind, request.agent_version

    def kind(self, name: str) -> AgentKind:
        """Return what answers at a host, as far as it is known."""
        with self._lock:
            return self._host(name).kind or AgentKind.UNKNOWN

    def learn(self, name: str, kind: AgentKind, version: str | None) -> bool:
        """Note what answered; return whether that is news to this process."""
        with self._lock:
            host = self._host(name)
            news = (host.kind, host.version) != (kind, version)
            host.kind, host.version = kind, version
            return news

    def health(self, name: str) -> Health:
        """Return how a host is."""
        with self._lock:
            return self._host(name).health

    def failure(self, request: Request, now: int) -> Fail | None:
        """Return how a request that was never sent fails by its host; None: not yet."""
        health = self.health(request.host_name)
        return hosts.failure(health, request.created_at, now, self._limits)

    def observe(self, name: str, event: Event, now: int, *, run: bool) -> tuple[Health, Health]:
        """Note how an exchange has ended; return the health before and after."""
        return self._change(name, lambda health: hosts.after(health, event, now, run=run))

    def slow(self, name: str, now: int) -> Health:
        """Note that an exchange takes long."""
        return self._change(name, lambda health: hosts.overdue(health, now))[1]

    def reported(self, name: str) -> None:
        """Note that operators have a report of the trouble."""
        self._change(name, lambda health: replace(health, reported=True))

    def is_silent(self, name: str) -> bool:
        """Return whether a host does not answer."""
        return self.health(name).is_silent

    def connections(self, name: str, now: int) -> int:
        """Return how many connections to a host may be open at once."""
        with self._lock:
            host = self._host(name)
            return hosts.most_connections(host.health, host.kind or AgentKind.UNKNOWN, now)

    # -- within the lock -----------------------------------------------------------------------

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host()
        return host

    def _change(self, name: str, rule: Callable[[Health], Health]) -> tuple[Health, Health]:
        with self._lock:
            host = self._host(name)
            before, host.health = host.health, rule(host.health)
            if host.health.is_troubled:
                self._troubled.add(name)
            else:
                self._troubled.discard(name)
            return before, host.health

    @staticmethod
    def _room(host: _Host, now: int, *, run: bool) -> int:
        kind = host.kind or AgentKind.UNKNOWN
        return hosts.most_requests(host.health, kind, now, run=run) - host.active

    def _is_full(self, host: _Host, now: int) -> bool:
        """A troubled host with something that waits is the prober's, which takes its time."""
        if host.health.is_troubled:
            return bool(host.active or host.waiting)
        return bool(host.active) and self._room(host, now, run=True) <= 0

    @staticmethod
    def _pop(host: _Host, count: int) -> list[int]:
        chosen = list(host.waiting)[: max(count, 0)]
        for key in chosen:
            del host.waiting[key]
        return [key.job_id for key in chosen]


def _due_at(host: _Host) -> int:
    return max(host.health.not_before, host.looked_up)
