"""The event loop's side of the executor: has scans made, begins tasks, notes what came of them.

Each request in progress is one asyncio task. Notes that nobody waits for (an agent has accepted)
are kept back a moment and written with whatever comes next; all others are written at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from jobarranger.clock import Clock
from jobarranger.errors import DatabaseUnavailable
from jobarranger.requests import decide
from jobarranger.requests.request import RUNS, Request
from jobarranger.requests.steps import (
    Accept,
    Later,
    Pursue,
    Query,
    SendLimits,
    Step,
)
from processes.aio import DatabaseThread
from processes.executing.channels import RequestCarrier
from processes.executing.contacts import Contacts
from processes.executing.exchange import carry_out
from processes.executing.host_table import HostTable
from processes.executing.notes import Notes
from processes.executing.pace import Pace
from processes.executing.places import ConnectionPlaces
from processes.executing.prober import Prober
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
    """Joins the store with what goes on outside."""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: SendLimits,
        store: Store,
        channel: RequestCarrier,
        thread: DatabaseThread[WorkItem, list[Task]],
        most: int = MOST,
    ) -> None:
        """Start with no request in progress.

        Args:
            clock: gives the time.
            limits: the rules that an operator sets.
            store: does the work on the database thread.
            channel: carries the requests.
            thread: the database thread.
            most: connections open at once.
        """
        self._clock = clock
        self._limits = limits
        self._store = store
        self._thread = thread
        self._notes = Notes(self._flush)
        self._running: set[asyncio.Task[None]] = set()
        self._pace = Pace(self._begin, self._rank)
        places = ConnectionPlaces(store.table, clock.now_ms, most)
        self._prober = Prober(store.table, clock, self.hint, lambda: places.probes_left)
        self._contacts = Contacts(
            clock=clock,
            limits=limits,
            table=store.table,
            channel=channel,
            places=places,
            recovered=lambda: self._sweep_again(RECOVERY_PAUSE),
        )
        self._sweeps_again = False
        self._closed = False
        self._away = False  #: the database was away at the last try

    @property
    def table(self) -> HostTable:
        """Return what is known of the hosts."""
        return self._store.table

    def take_sent(self) -> int:
        """Return how many telegrams were sent since the last time."""
        sent, self._contacts.sent = self._contacts.sent, 0
        return sent

    # -- taking work -----------------------------------------------------------------------------

    def scan(self, scan: Scan) -> None:
        """Have a scan taken; tasks begin as soon as they are claimed."""
        self._start(self._scan(scan))

    def hint(self, ids: Collection[int], *, urgent: bool = False) -> None:
        """Look at some icons; those that another process asks for are urgent."""
        if ids and not self._closed:
            self.scan(Scan(ids=frozenset(ids), urgent=urgent))

    async def call(self, work: Any) -> Any:
        """Run something on the database thread."""
        return await self._thread.call(work)

    async def _scan(self, scan: Scan | None) -> None:
        """Hand notes and a scan to the database thread, and begin what it returns."""
        notes = self._notes.take()
        try:
            tasks = await self._thread.submit(WorkItem(records=notes, scan=scan))
        except DatabaseUnavailable as error:
            self._database_is_away(error, notes)
            self._again(scan)
            return
        except Exception:
            log.exception("%d notes and a scan have failed", len(notes))
            self._notes.keep(notes, DATABASE_PAUSE)
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

    def _database_is_away(self, error: DatabaseUnavailable, notes: Sequence[Record]) -> None:
        if not self._away:
            log.error("%s", error)
        self._away = True
        self._notes.keep(notes, DATABASE_PAUSE)

    def _again(self, scan: Scan | None) -> None:
        """Repeat what no sweep would find."""
        if scan is not None and scan.left and not self._closed:
            asyncio.get_running_loop().call_later(DATABASE_PAUSE, self.scan, scan)

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
                await self._contacts.make(request, Query())
            else:
                request, step = await self._carried_out(task)
                if step is not None:
                    self._note(request, step)
                    noted = True
        except DatabaseUnavailable as error:  # so nobody could say whether to send it again
            self._database_is_away(error, ())
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

    async def _carried_out(self, task: Task) -> tuple[Request, Step | None]:
        return await carry_out(task, self._contacts, self._limits, self._may_repeat)

    async def _may_repeat(self, request: Request) -> bool:
        """Ask the database before anything is sent a second time."""
        return await self._thread.call(lambda db: self._store.recheck(db, request))

    # -- notes -----------------------------------------------------------------------------------

    def _note(self, request: Request, step: Step) -> None:
        """Have a step written: soon if somebody may wait for it, else with the next one."""
        name = request.host_name
        record = Record(
            request=replace(request, agent_kind=self.table.kind(name)),
            step=step,
            at=self._clock.now_ms(),
            learnt=self._contacts.news(name),
        )
        self._notes.add(record, LAZY if isinstance(step, Accept) else 0.0)

    def _flush(self) -> None:
        self._start(self._scan(None))

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
        """Let what is in progress end, `patience` seconds long; the rest stays SENDING."""
        self._closed = True
        self._prober.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while (self._running or self._notes or self._pace) and loop.time() < until:
            if self._notes:
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
