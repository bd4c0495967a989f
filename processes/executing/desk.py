"""The event loop's side of the executor: takes tasks, carries them out, notes what came of them.

Each request in hand is one asyncio task. Notes that nobody waits for (an agent has accepted) are
kept back a moment and written with whatever comes next; all others are written at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.dispatching import decide
from jobarranger.dispatching.request import RUNS, Request
from jobarranger.dispatching.steps import (
    Accept,
    Answered,
    Event,
    Fail,
    Later,
    Limits,
    Original,
    Pursue,
    Query,
    Reason,
    Send,
    Step,
    Told,
    Unreachable,
    View,
)
from jobarranger.errors import DatabaseUnavailable
from jobarranger.states import AgentKind, DispatchState
from processes.aio import DatabaseThread
from processes.executing import telegrams
from processes.executing.book import HostBook
from processes.executing.courier import Courier
from processes.executing.store import Job, Look, Record, Store, Task

log = logging.getLogger(__name__)

#: How long the note that an agent has accepted may be kept back (seconds).
LAZY = 0.03
#: Connections to one of our agents, and to all agents, at once.
MOST_TO_HOST, MOST = 16, 256
#: A time that is nearer than this gets a timer; a sweep is soon enough for the others (seconds).
TIMER = 5.0
#: Pause before the database is tried again (seconds).
DATABASE_PAUSE = 1.0


@dataclass(slots=True)
class _Gate:
    """Lets so many connections to a host through as its agent allows."""

    single: asyncio.Lock = field(default_factory=asyncio.Lock)
    wide: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_TO_HOST))


class Desk:
    """Joins store, book and courier."""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        store: Store,
        courier: Courier,
        thread: DatabaseThread[Job, list[Task]],
    ) -> None:
        """Start with an empty desk."""
        self.sent = 0  #: telegrams since the last report
        self._clock = clock
        self._limits = limits
        self._store = store
        self._courier = courier
        self._thread = thread
        self._notes: list[Record] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._gates: dict[str, _Gate] = {}
        self._news: dict[str, tuple[AgentKind, str | None]] = {}  #: of hosts, to be written
        self._all = asyncio.Semaphore(MOST)
        self._closed = False
        self._away = False  #: the database was away at the last try

    @property
    def book(self) -> HostBook:
        """Return what is known of the hosts."""
        return self._store.book

    # -- taking work -----------------------------------------------------------------------------

    def look(self, look: Look) -> None:
        """Have a look taken; tasks begin as soon as they are claimed."""
        self._start(self._look(look))

    def hint(self, ids: Collection[int]) -> None:
        """Look at some icons."""
        if ids and not self._closed:
            self.look(Look(ids=frozenset(ids)))

    async def call(self, work: Any) -> Any:
        """Run something on the database thread."""
        return await self._thread.call(work)

    async def _look(self, look: Look | None) -> None:
        """Hand notes and a look to the database thread, and begin what it returns."""
        notes, self._notes = self._notes, []
        self._cancel_timer()
        try:
            tasks = await self._thread.submit(Job(records=tuple(notes), look=look))
        except DatabaseUnavailable as error:
            self._database_is_away(error, notes)
            self._again(look)
            return
        except Exception:
            log.exception("%d notes and a look have failed", len(notes))
            self._keep(notes)
            self._again(look)
            return
        self._away = False
        for note in notes:
            self._written(note)
        for task in tasks:
            self._start(self._carry(task))

    def _database_is_away(self, error: DatabaseUnavailable, notes: list[Record]) -> None:
        if not self._away:
            log.error("%s", error)
        self._away = True
        self._keep(notes)

    def _again(self, look: Look | None) -> None:
        """Repeat what no sweep would find."""
        if look is not None and look.left and not self._closed:
            asyncio.get_running_loop().call_later(DATABASE_PAUSE, self.look, look)

    def _keep(self, notes: list[Record]) -> None:
        """Keep notes that could not be written; what they say is true all the same."""
        if notes:
            self._notes[:0] = notes
            self._flush_in(DATABASE_PAUSE)

    def _written(self, note: Record) -> None:
        """A note is committed: the row may be looked at again when its time comes."""
        self.book.forget(note.request.key)
        if isinstance(note.step, Later | Pursue):
            delay = (note.step.at - self._clock.now_ms() + 60) / 1000
            if delay <= TIMER:
                self._later(delay, [note.request.job_id])

    # -- carrying --------------------------------------------------------------------------------

    async def _carry(self, task: Task) -> None:
        """Do what one request needs until nothing can be done for it now."""
        request, name = task.request, task.request.host_name
        noted = False
        try:
            gate = self._gates.setdefault(name, _Gate())
            ours = self.book.kind(name) is AgentKind.OURS
            async with gate.wide if ours else gate.single, self._all:
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
            self.book.release(request)
            if not noted:
                self.book.forget(request.key)
        self._next_for(name)

    async def _exchange(self, task: Task) -> tuple[Request, Step | None]:
        """Send and ask as the rules say; return the request as it is then, and the last step.

        No step: somebody else has concluded the request meanwhile.
        """
        request = task.request
        oversized = telegrams.too_large(request.payload) is not None
        if task.fresh:
            step = decide.first_step(request, oversized=oversized)
        else:
            step = decide.when_due(request, self._view(request), self._limits)
        unsent = task.fresh
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
        name = request.host_name
        if self.book.is_down(name, self._clock.now_ms()):
            return Unreachable("another connection to the host has just failed")
        if isinstance(step, Send):
            self.sent += 1
            event = await self._courier.send(request)
        else:
            event = await self._courier.query(request)
        if isinstance(event, Unreachable):
            self._unreachable(request, event)
        else:
            self._reached(request, event)
        return event

    def _view(self, request: Request) -> View:
        down_since, failures = self.book.down(request.host_name)
        return View(
            now=self._clock.now_ms(),
            kind=self.book.kind(request.host_name),
            down_since=down_since,
            failures=failures,
        )

    # -- what connections tell -------------------------------------------------------------------

    def _unreachable(self, request: Request, event: Unreachable) -> None:
        """Say so once, and fail what has waited too long for this host."""
        now = self._clock.now_ms()
        _, failures, over = self.book.unreachable(request.host_name, now)
        if failures == 1 and self._limits.connect_retry:
            m.log_message(
                m.JACONNECT300002,
                host=request.host_name,
                host_address=request.address,
                port=request.port,
                error_text=event.text,
                seconds=self._limits.connect_retry // 1000,
            )
        for waiting in over:
            failing = replace(waiting, address=request.address, port=request.port)
            self._note(failing, Fail(Reason.UNREACHABLE, event.text))

    def _reached(self, request: Request, event: Event) -> None:
        """Note which agent it is, and that the host is back."""
        name = request.host_name
        _, failures = self.book.down(name)
        if failures and self._limits.connect_retry:
            m.log_message(
                m.JACONNECT000001, host=name, host_address=request.address, port=request.port
            )
        self.book.connected(name)
        match event:
            case Answered(agent=str(agent)) | Told(agent=agent):
                self._learn(request, AgentKind.OURS, agent)
            case Answered() | Original():
                self._learn(request, AgentKind.ORIGINAL, None)
            case _:
                pass
        if isinstance(event, Told) and request.state is not DispatchState.ACCEPTED:
            m.log_message(
                m.JADISPATCH000001,
                inner_job_id=request.job_id,
                host=name,
                state=event.standing.value,
            )

    def _learn(self, request: Request, kind: AgentKind, version: str | None) -> None:
        if self.book.learn(request.host_name, kind, version):
            self._news[request.host_name] = (kind, version)

    # -- notes -----------------------------------------------------------------------------------

    def _note(self, request: Request, step: Step) -> None:
        """Have a step written: soon if somebody may wait for it, else with the next one."""
        name = request.host_name
        learnt = self._news.pop(name, None)
        kind = self.book.kind(name)
        request = replace(request, agent_kind=kind)
        if _waits_for_older(request, step) and not self.book.down(name)[1]:
            m.log_message(m.JADISPATCH300001, inner_job_id=request.job_id, host=name)
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
            self._start(self._look(None))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_for(self, name: str) -> None:
        """Let the next requests for a host come, now or when it may be tried again."""
        ids, not_before = self.book.next_waiting(name)
        if ids:
            delay = (not_before - self._clock.now_ms()) / 1000
            if delay > 0:
                self._later(delay + 0.01, ids)
            else:
                self.hint(ids)

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
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while (self._running or self._notes) and loop.time() < until:
            self._flush()
            if self._running:
                left = max(until - loop.time(), 0)
                await asyncio.wait(self._running, timeout=min(left, 0.5))
            elif self._away:
                break
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def _waits_for_older(request: Request, step: Step) -> bool:
    """Tell whether an agent has just said for the first time that an older attempt lives."""
    later = isinstance(step, Later) and request.method in RUNS
    return later and request.attempt > 1 and request.tries == 1
