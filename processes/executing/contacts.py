"""Makes connections where the host allows one, and notes what they show about the host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jobarranger.clock import Clock
from jobarranger.requests import hosts
from jobarranger.requests.hosts import Health
from jobarranger.requests.request import RUNS, Request
from jobarranger.requests.steps import (
    Answered,
    Event,
    Held,
    Original,
    Query,
    Reported,
    Send,
    SendLimits,
    View,
)
from jobarranger.states import AgentKind
from processes.executing.channels import RequestCarrier
from processes.executing.host_table import HostTable
from processes.executing.places import ConnectionPlace, ConnectionPlaces
from processes.executing.reports import report_answer, report_recovery, report_trouble


class Contacts:
    """Belongs to the event loop."""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: SendLimits,
        table: HostTable,
        channel: RequestCarrier,
        places: ConnectionPlaces,
        recovered: Callable[[], None],
    ) -> None:
        """Have met nobody.

        Args:
            clock: gives the time.
            limits: the rules that an operator sets.
            table: remembers the hosts.
            channel: carries the requests.
            places: says who may connect.
            recovered: is called when a host in trouble answers again.
        """
        self.sent = 0  #: telegrams since the last report
        self._clock = clock
        self._limits = limits
        self._table = table
        self._channel = channel
        self._places = places
        self._recovered = recovered
        self._news: dict[str, tuple[AgentKind, str | None]] = {}  #: of hosts, to be written

    async def make(self, request: Request, step: Send | Query) -> Event:
        """Make one connection, and note what it shows about the host."""
        place = await self._places.enter(request.host_name)
        if place is None:
            return Held()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(hosts.SLOW_AFTER, self._is_slow, request, place)
        try:
            if isinstance(step, Send):
                self.sent += 1
                event = await self._channel.send(request)
            else:
                event = await self._channel.query(request)
            self._observe(request, step, event)
        finally:
            timer.cancel()
            self._places.leave(place)
        return event

    def view(self, request: Request) -> View:
        """Return what is known of a request's host, for a decision."""
        health = self._table.health(request.host_name)
        troubled = health.is_troubled and health.state is not hosts.HostState.SLOW
        return View(
            now=self._clock.now_ms(),
            kind=self._table.kind(request.host_name),
            down_since=health.since if troubled else None,
            failures=health.failures,
        )

    def _is_slow(self, request: Request, place: ConnectionPlace) -> None:
        """An exchange takes long: nothing more goes to its host until it answers."""
        name = request.host_name
        health = self._table.slow(name, self._clock.now_ms())
        self._places.let_wait(place)
        if health.is_silent:
            self._places.turn_away(name)
        asyncio.get_running_loop().call_later(
            hosts.SLOW_REPORTED / 1000 - hosts.SLOW_AFTER, self._report, request
        )

    def _observe(self, request: Request, step: Send | Query, event: Event) -> None:
        """Note what an exchange shows about the host and of its agent."""
        name, now = request.host_name, self._clock.now_ms()
        run = isinstance(step, Send) and request.method in RUNS
        before, health = self._table.observe(name, event, now, run=run)
        self._follow(request, before, health)
        match event:
            case Answered(agent=str(agent)) | Reported(agent=agent):
                self._learn(request, AgentKind.OURS, agent)
            case Answered() | Original():
                self._learn(request, AgentKind.ORIGINAL, None)
            case _:
                pass
        report_answer(request, event)

    def _follow(self, request: Request, before: Health, health: Health) -> None:
        """Do what the state of a host asks for: reports, failures, or all that waits for it."""
        name = request.host_name
        if health.is_silent:
            self._places.turn_away(name)
        if health.is_troubled:
            self._report(request)
        elif before.is_troubled:
            report_recovery(request, before, health)
            self._recovered()

    def _report(self, request: Request) -> None:
        """Report the trouble at a host, once and if it is worth it."""
        health = self._table.health(request.host_name)
        if hosts.is_worth_reporting(health, self._clock.now_ms(), self._limits):
            report_trouble(request, health, self._limits)
            self._table.reported(request.host_name)

    def _learn(self, request: Request, kind: AgentKind, version: str | None) -> None:
        if self._table.learn(request.host_name, kind, version):
            self._news[request.host_name] = (kind, version)

    def news(self, name: str) -> tuple[AgentKind, str | None] | None:
        """Return, once, what was learnt of a host's agent and is to be written."""
        return self._news.pop(name, None)
