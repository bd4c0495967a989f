"""The job-executor: everything between a committed request and the agent that takes it.

Executor number k of n owns the requests whose slot is in its share (docs/requests.md). It answers
hints at once and looks at everything every `JaJobInterval` seconds; it also turns stop requests
into requests to agents, and executor number 1 warns of icons that run too long.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Callable
from typing import TypeVar

from jobarranger import directory
from jobarranger.db.engine import Database
from jobarranger.errors import JobArrangerError
from jobarranger.flow.engine import Engine
from jobarranger.flow.stopping import request_stops
from jobarranger.flow.timeouts import warn_overdue
from jobarranger.requests.rows.due import Share
from jobarranger.requests.steps import SendLimits
from jobarranger.states import HOST_SLOTS, Channel
from processes.aio import AsyncContext
from processes.executing.channels.agent import AgentClient
from processes.executing.dispatcher import MOST, Dispatcher
from processes.executing.host_table import HostTable
from processes.executing.store import Store
from processes.executing.wording import Wording
from processes.executing.work import Scan

T = TypeVar("T")

log = logging.getLogger(__name__)

#: What an executor sends; requests on other channels are left to others.
CHANNELS = frozenset({Channel.AGENT})
#: Every so many seconds accepted jobs that have been silent for long are asked after.
SILENT_INTERVAL = 10.0
#: Share of JaStopTimeout that requests in progress may take to end.
STOP_SHARE = 0.2
#: Open files that are not connections to agents.
OTHER_FILES = 100


async def main(context: AsyncContext) -> None:
    """Serve until the server stops."""
    executor = Executor(context)
    await executor.run()


class Executor:
    """One executor's main loop."""

    def __init__(self, context: AsyncContext) -> None:
        """Make the parts; nothing is opened yet."""
        child, config = context.child, context.child.config
        self._context = context
        self._engine = Engine.from_config(config, child.clock)
        self._slots = tuple(slot for slot in range(HOST_SLOTS) if child.owns(slot))
        limits = SendLimits(
            connect_retry=config.ja_connect_retry * 1000,
            unknown=config.ja_unknown_timeout * 1000,
            started_at=child.clock.now_ms(),
        )
        store = Store.of(
            clock=child.clock,
            engine=self._engine,
            directory=directory.open(config),
            table=HostTable(limits),
            share=Share(slots=self._slots, channels=CHANNELS),
            agent_port=config.ja_agent_listen_port,
            wording=Wording(limits=limits, timeout=config.timeout, source=config.source_ip),
        )
        client = AgentClient(
            server_id=child.server_id, timeout=config.timeout, source=config.source_ip
        )
        self._thread = context.thread(store.handle)
        self._dispatcher = Dispatcher(
            clock=child.clock,
            limits=limits,
            store=store,
            channel=client,
            thread=self._thread,
            most=_connections(),
        )
        self._silent_at = child.clock.monotonic()
        self._overdue_at = child.clock.monotonic()
        self._left = True  #: what an earlier executor left has still to be looked at

    async def run(self) -> None:
        """Answer hints, sweep, and end in good order."""
        child = self._context.child
        stopping = asyncio.create_task(self._context.stopping.wait())
        sweeping = asyncio.create_task(self._sweep_regularly())
        listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({stopping, sweeping, listening}, return_when=asyncio.FIRST_COMPLETED)
            for helper in (sweeping, listening):
                if helper.done():
                    helper.result()
        finally:
            for task in (stopping, sweeping, listening):
                task.cancel()
            await asyncio.gather(stopping, sweeping, listening, return_exceptions=True)
            await self._dispatcher.close(child.config.ja_stop_timeout * STOP_SHARE)
            await self._thread.close()

    async def _listen(self) -> None:
        """Look at what others hint at, at once."""
        while True:
            ids = await self._context.hints.wait(3600.0)
            if ids:
                self._dispatcher.hint(ids, urgent=True)

    async def _sweep_regularly(self) -> None:
        """Scan at everything at each interval, whatever was hinted."""
        child = self._context.child
        while True:
            await self._sweep()
            in_flight, sent = self._dispatcher.table.count(), self._dispatcher.take_sent()
            child.link.figures.turns += 1
            child.link.figures.done += sent
            child.status(f"{sent} telegrams, {in_flight} in progress, idle {child.interval:g} s")
            await asyncio.sleep(child.interval)

    async def _sweep(self) -> None:
        """Stops first, so that what they write is found by the scan."""
        now = self._context.child.clock.monotonic()
        await self._guarded(
            lambda db: request_stops(db, self._engine, self._slots), "stop requests"
        )
        silent = now >= self._silent_at
        if silent:
            self._silent_at = now + SILENT_INTERVAL
        self._dispatcher.scan(Scan(sweep=True, silent=silent, left=self._left))
        self._left = False
        if self._context.child.number == 1 and now >= self._overdue_at:
            self._overdue_at = now + self._context.child.config.ja_job_timeout
            at = self._context.child.clock.now_ms()
            await self._guarded(lambda db: warn_overdue(db, self._engine, at), "overdue icons")

    async def _guarded(self, work: Callable[[Database], T], what: str) -> T | None:
        """Run a part of the sweep; its failure must not keep the others from theirs."""
        try:
            return await self._thread.call(work)
        except JobArrangerError as error:
            log.warning("%s: %s", what, error)
        except Exception:
            log.exception("%s", what)
        return None


def _connections() -> int:
    """Allow as many open files as are wanted and possible; return the connections that makes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed - OTHER_FILES
