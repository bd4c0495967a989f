"""The event loop's side of the executor: takes tasks, carries them out, notes what came of them.

Each request in hand is one asyncio task. Notes that nobody waits for (an agent has accepted) are
kept back a moment and written with whatever comes next; all others are written at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from dataclasses import replace
from typing import Any

from jobarranger.clock import Clock
from jobarranger.dispatching import decide, hosts
from jobarranger.dispatching.hosts import Health
from jobarranger.dispatching.request import RUNS, Request
from jobarranger.dispatching.steps import (
    Accept,
    Answered,
    Event,
    Held,
    Later,
    Limits,
    Original,
    Pursue,
    Query,
    Reported,
    Send,
    Step,
    View,
)
from jobarranger.errors import DatabaseUnavailable
from jobarranger.states import AgentKind, DispatchState
from processes.aio import DatabaseThread
from processes.executing.channels import Channel, telegrams
from processes.executing.host_table import HostTable
from processes.executing.pace import Pace
from processes.executing.places import Place, Places
from processes.executing.prober import Prober
from processes.executing.reports import report_answer, report_recovery, report_trouble
from processes.executing.store import Store
from processes.executing.work import Begin, Record, Scan, Task, WorkItem

log = logging.getLogger(__name__)

#: How long the note that an agent has accepted may be kept back (seconds).
LAZY = 0.03
#: Connections open at once, unless the system allows less.
MOST = 8_192
#: A time that is nearer than this gets a timer; a sweep is soon enough for the others (seconds).
TIMER = 5.0
#: Times in rows may be rounded up by so much (ms).
ROUNDED = 60
#: Pause before the database is tried again (seconds).
DATABASE_PAUSE = 1.0
#: Pause before what one scan has left (seconds): what is hinted at meanwhile comes first.
MORE_PAUSE = 0.02
#: Pause before another sweep for the sake of hosts that have room, or answer again (seconds).
SWEEP_PAUSE, RECOVERY_PAUSE = 0.1, 0.25


class Dispatcher:
    """Joins store, book and client."""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        store: Store,
        channel: Channel,
        thread: DatabaseThread[WorkItem, list[Task]],
        most: int = MOST,
    ) -> None:
        """Start with an empty desk.

        Args:
            clock: gives the time.
            limits: the rules that an operator sets.
            store: does the work on the database thread.
            channel: carries the requests.
            thread: the database thread.
            most: connections open at once.
        """
        self.sent = 0  #: telegrams since the last report
        self._clock = clock
        self._limits = limits
        self._store = store
        self._channel = channel
        self._thread = thread
        self._notes: list[Record] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._pace = Pace(self._begin, self._rank)
        self._places = Places(store.table, clock.now_ms, most)
        self._prober = Prober(store.table, clock, self.hint, lambda: self._places.probes_left)
        self._news: dict[str, tuple[AgentKind, str | None]] = {}  #: of hosts, to be written
        self._sweeps_again = False
        self._closed = False
        self._away = False  #: the database was away at the last try

    @property
    def table(self) -> HostTable:
        """Return what is known of the hosts."""
        return self._store.table

    # -- taking work -----------------------------------------------------------------------------

    def scan(self, scan: Scan) -> None:
        """Have a scan taken; tasks begin as soon as they are claimed."""
        self._start(self._scan(scan))

    def hint(self, ids: Collection[int], *, urgent: bool = False) -> None:
        """Scan at some icons; those that another process asks for are urgent."""
        if ids and not self._closed:
            self.scan(Scan(ids=frozenset(ids), urgent=urgent))

    async def call(self, work: Any) -> Any:
        """Run something on the database thread."""
        return await self._thread.call(work)

    async def _scan(self, scan: Scan | None) -> None:
        """Hand notes and a scan to the database thread, and begin what it returns."""
        notes, self._notes = self._notes, []
        self._cancel_timer()
        try:
            tasks = await self._thread.submit(WorkItem(records=tuple(notes), scan=scan))
        except DatabaseUnavailable as error:
            self._database_is_away(error, notes)
            self._again(scan)
            return
        except Exception:
            log.exception("%d notes and a scan have failed", len(notes))
            self._keep(notes)
            self._again(scan)
            return
        self._away = False
        for note in notes:
            self._written(note)
        self._pace.add(tasks)
        self._prober.wake()
        if self._store.more:
            self._sweep_again(MORE_PAUSE)

    def _sweep_again(self, delay: float = 0.0) -> None:
        """Sweep once more: there is more than one scan takes."""
        if not self._sweeps_again and not self._closed:
            self._sweeps_again = True
            asyncio.get_running_loop().call_later(delay, self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweeps_again = False
        if not self._closed:
            self.scan(Scan(sweep=True))

    def _database_is_away(self, error: DatabaseUnavailable, notes: list[Record]) -> None:
        if not self._away:
            log.error("%s", error)
        self._away = True
        self._keep(notes)

    def _again(self, scan: Scan | None) -> None:
        """Repeat what no sweep would find."""
        if scan is not None and scan.left and not self._closed:
            asyncio.get_running_loop().call_later(DATABASE_PAUSE, self.scan, scan)

    def _keep(self, notes: list[Record]) -> None:
        """Keep notes that could not be written; what they say is true all the same."""
        if notes:
            self._notes[:0] = notes
            self._flush_in(DATABASE_PAUSE)

    def _written(self, note: Record) -> None:
        """A note is committed: the row may be looked at again when its time comes."""
        request, step = note.request, note.step
        self.table.settle(request.key)
        if not isinstance(step, Later | Pursue):
            return
        again = isinstance(step, Later) and request.method in RUNS
        if again and self.table.wait_until(request, step.at + ROUNDED):
            return
        delay = (step.at - self._clock.now_ms() + ROUNDED) / 1000
        if delay <= TIMER:
            self._later(delay, [request.job_id])

    # -- carrying --------------------------------------------------------------------------------

    def _begin(self, task: Task) -> None:
        self._start(self._carry(task))

    def _rank(self, task: Task) -> int:
        """Let what was just asked for come first, and hosts that answer before all others."""
        if not self.table.health(task.request.host_name).answers:
            return 2
        return 0 if task.urgent else 1

    async def _carry(self, task: Task) -> None:
        """Do what one request needs until nothing can be done for it now."""
        request, name = task.request, task.request.host_name
        noted = False
        try:
            if task.begin is Begin.PROBE:
                await self._meet(request, Query())
            else:
                request, step = await self._exchange(task)
                if step is not None:
                    self._note(request, step)
                    noted = True
        except DatabaseUnavailable as error:  # so nobody could say whether to send it again
            self._database_is_away(error, [])
            self._note(request, Pursue(self._clock.now_ms() + decide.QUERY_FIRST))
            noted = True
        except Exception:
            log.exception("request %s: looked at again later", request.key)
            self._note(request, Pursue(self._clock.now_ms() + decide.QUERY_MOST))
            noted = True
        finally:
            self.table.release(request)
            if not noted:
                self.table.settle(request.key)
        if task.begin is Begin.PROBE:
            self.table.wait([request])
        self._next_for(name)

    async def _exchange(self, task: Task) -> tuple[Request, Step | None]:
        """Send and ask as the rules say; return the request as it is then, and the last step.

        No step: somebody else has concluded the request meanwhile.
        """
        request = task.request
        oversized = telegrams.too_large(request.payload) is not None
        unsent = task.begin is Begin.SEND
        if unsent:
            step = decide.first_step(request, oversized=oversized)
        else:
            step = decide.when_due(request, self._view(request), self._limits)
        sends = 0
        while isinstance(step, Send | Query):
            if isinstance(step, Query):
                asked = replace(request, state=DispatchState.NEW) if unsent else request
                event = await self._meet(asked, step)
                view = self._view(request)
                step = decide.after_query(asked, event, view, self._limits, oversized=oversized)
                continue
            if not unsent and not await self._may_repeat(request):
                return request, None
            if sends:
                pause = decide.pause(request.tries, decide.QUERY_FIRST, decide.QUERY_MOST)
                return request, Pursue(self._clock.now_ms() + pause)
            sends += 1
            event = await self._meet(request, step)
            step = decide.after_sending(
                request, event, self._view(request), self._limits, again=not unsent
            )
            unsent = False
        return request, step

    async def _may_repeat(self, request: Request) -> bool:
        """Ask the database before anything is sent a second time."""
        return await self._thread.call(lambda db: self._store.recheck(db, request))

    async def _meet(self, request: Request, step: Send | Query) -> Event:
        """Make one connection, and note what it tells of the host."""
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

    def _view(self, request: Request) -> View:
        health = self.table.health(request.host_name)
        troubled = health.is_troubled and health.state is not hosts.HostState.SLOW
        return View(
            now=self._clock.now_ms(),
            kind=self.table.kind(request.host_name),
            down_since=health.since if troubled else None,
            failures=health.failures,
        )

    # -- what connections tell -------------------------------------------------------------------

    def _is_slow(self, request: Request, place: Place) -> None:
        """An exchange takes long: nothing more goes to its host until it answers."""
        name = request.host_name
        health = self.table.slow(name, self._clock.now_ms())
        self._places.let_wait(place)
        if health.is_silent:
            self._places.turn_away(name)
        asyncio.get_running_loop().call_later(
            hosts.SLOW_REPORTED / 1000 - hosts.SLOW_AFTER, self._report, request
        )

    def _observe(self, request: Request, step: Send | Query, event: Event) -> None:
        """Note what an exchange tells of the host and of its agent."""
        name, now = request.host_name, self._clock.now_ms()
        run = isinstance(step, Send) and request.method in RUNS
        before, health = self.table.observe(name, event, now, run=run)
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
            self._sweep_again(RECOVERY_PAUSE)

    def _report(self, request: Request) -> None:
        """Tell operators of the trouble at a host, once and if it is worth it."""
        health = self.table.health(request.host_name)
        if hosts.is_worth_reporting(health, self._clock.now_ms(), self._limits):
            report_trouble(request, health, self._limits)
            self.table.reported(request.host_name)

    def _learn(self, request: Request, kind: AgentKind, version: str | None) -> None:
        if self.table.learn(request.host_name, kind, version):
            self._news[request.host_name] = (kind, version)

    # -- notes -----------------------------------------------------------------------------------

    def _note(self, request: Request, step: Step) -> None:
        """Have a step written: soon if somebody may wait for it, else with the next one."""
        name = request.host_name
        learnt = self._news.pop(name, None)
        kind = self.table.kind(name)
        request = replace(request, agent_kind=kind)
        at = self._clock.now_ms()
        self._notes.append(Record(request=request, step=step, at=at, learnt=learnt))
        self._flush_in(LAZY if isinstance(step, Accept) else 0.0)

    def _flush_in(self, delay: float) -> None:
        """See that notes are written within `delay` seconds."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay, self._flush)

    def _flush(self) -> None:
        self._timer = None
        if self._notes:
            self._start(self._scan(None))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_for(self, name: str) -> None:
        """Let the next requests for a host come; if it is in trouble they come when it is tried."""
        now = self._clock.now_ms()
        self.hint([*self.table.next_waiting(name, now), *self.table.expired(name, now)])
        if self.table.wants_more(name, now):
            self._sweep_again(SWEEP_PAUSE)
        self._prober.wake()

    def _later(self, delay: float, ids: Collection[int]) -> None:
        if not self._closed:
            asyncio.get_running_loop().call_later(max(delay, 0), self.hint, ids)

    # -- life ------------------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a request was given up", exc_info=error)

    async def close(self, patience: float) -> None:
        """Let what is in hand end, `patience` seconds long; the rest stays SENDING."""
        self._closed = True
        self._prober.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while (self._running or self._notes or self._pace) and loop.time() < until:
            self._flush()
            if self._running:
                left = max(until - loop.time(), 0)
                await asyncio.wait(self._running, timeout=min(left, 0.5))
            elif self._away:
                break
            else:
                await asyncio.sleep(0)
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
