"""The trapper: answers agents and commands on the port that the parent bound.

The event loop does sockets only. Two database threads take what is waiting in batches: one for
results, so that those that arrive together are one transaction, and one for commands. The first
trapper also works in what waits in the spool and the inbox (`trapping.replay`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from ipc import descriptors, heap
from ipc.budget import SMALL
from ipc.crowds import KnownAddresses
from ipc.frames import FrameLimits
from ipc.pool import Pool
from ipc.server import ServerSettings, TelegramServer
from ipc.shape import FLAT
from jobarranger import directory
from jobarranger.clock import zone_named
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.errors import JobArrangerError
from jobarranger.failpoints import failpoint
from jobarranger.flow.engine import Engine
from jobarranger.flow.results import Judged
from jobarranger.loading.requests import Answer
from jobarranger.operations.starting import AskedStart, start
from processes.aio import AsyncContext, DatabaseThread, Lane
from processes.context import ChildContext
from processes.trapping import replay
from processes.trapping.authentication import Authenticator
from processes.trapping.clients import ClientHandler
from processes.trapping.operators import OperatorHandler
from processes.trapping.request_handler import RequestHandler
from processes.trapping.results import COMMIT_LIMIT, ReceivedResult, ResultHandler, ResultWork
from processes.trapping.senders import DirectorySenders
from processes.trapping.spool import Spool

log = logging.getLogger(__name__)
T = TypeVar("T")

_MEBIBYTE = 1 << 20
#: Longest requests of the kinds that may be large, in bytes: a start has up to 1,024 variables, a
#: result two outputs of 64,000 bytes, each of them perhaps an escape of six.
KIND_LIMITS = {"jobnetrun": 4 * _MEBIBYTE, "jobresult": 2 * _MEBIBYTE}
#: Threads that read large requests, and that write results to the spool.
READERS, WRITERS = 1, 4
#: Part of the places that is kept for known addresses.
RESERVE = 4
#: Share of JaStopTimeout that exchanges in progress may take to end.
STOP_SHARE = 0.1
#: Clients wait for each other's answers: a lost database is tried again for a moment only, and who
#: has not had his turn in time gets that answer. Results go to the spool instead (COMMIT_LIMIT).
COMMANDS = Lane(patience=1.0, turn=10.0, most=1000)
RESULTS = Lane(patience=COMMIT_LIMIT)
#: Seconds between two titles.
TITLE_INTERVAL = 5.0


async def main(context: AsyncContext) -> None:
    """Serve until the context is stopping."""
    child = context.child
    descriptors.allow_most()
    heap.return_large_blocks()
    trapper = Trapper(context)
    server = TelegramServer(trapper.handler.handle, settings(child), trapper.known)
    server.start(child.listeners)
    child.link.ready()
    duties = [asyncio.create_task(_show(context, server))]
    if child.number == 1:
        duties.append(asyncio.create_task(trapper.keep_replaying()))
    try:
        await context.stopping.wait()
        await server.stop(child.config.ja_stop_timeout * STOP_SHARE)
    finally:
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        await trapper.close()


def settings(child: ChildContext) -> ServerSettings:
    """Return how much a peer may take of us."""
    config = child.config
    return ServerSettings(
        request_timeout=config.timeout,
        reply_timeout=config.timeout,
        connections=config.ja_max_connections,
        per_address=config.ja_max_connections_per_address,
        reserve=config.ja_max_connections // RESERVE,
        becomes=FLAT.becomes,
        limits=FrameLimits(
            frame=max(KIND_LIMITS.values()), plain=SMALL, by_kind=KIND_LIMITS, other=SMALL
        ),
        before_reply=lambda: failpoint("trapper.before_reply"),
        after_reply=lambda: failpoint("trapper.after_reply"),
    )


class Trapper:
    """The handlers and the threads behind them."""

    def __init__(self, context: AsyncContext) -> None:
        """Start the database threads."""
        child = context.child
        engine = Engine.from_config(child.config, child.clock)
        self.known = KnownAddresses()  #: addresses that have shown who they are
        self._child = child
        self._directory = directory.open(child.config)
        self._senders = DirectorySenders(self._directory, child.clock)
        self._spool = Spool(Path(child.config.ja_state_dir) / "spool")
        self._readers = Pool(READERS, "reader")
        self._writers = Pool(WRITERS, "spool")
        self._work = ResultWork(engine, self._senders)
        self._starts = Starts(child)
        self._results: DatabaseThread[ReceivedResult, Judged] = context.thread(
            self._take_results, lane=RESULTS
        )
        self._commands: DatabaseThread[AskedStart, Answer] = context.thread(
            self._starts.take, lane=COMMANDS
        )
        self._authenticator = Authenticator(self._directory, self._read, child.clock)
        self.handler = self._make_handler()

    async def keep_replaying(self) -> None:
        """Look after the spool and the inbox, again and again."""
        look = replay.Replay(self._work, self._spool, self._child.clock)
        while True:
            more = False
            try:
                more = await self._results.call(look.look)
            except JobArrangerError as error:
                log.warning("kept results cannot be processed now: %s", error)
            except Exception:
                log.exception("kept results cannot be processed")
            await asyncio.sleep(0 if more else replay.INTERVAL)

    async def close(self) -> None:
        """End the threads after what waits in them."""
        self._authenticator.close()
        for thread in (self._commands, self._results):
            await thread.close()
        self._senders.close()
        self._readers.close()
        self._writers.close()

    def _make_handler(self) -> RequestHandler:
        child = self._child
        clients = ClientHandler(
            authenticator=self._authenticator,
            directory=self._directory,
            read=self._read,
            register=self._register,
            clock=child.clock,
            zone=zone_named(child.config.ja_time_zone),
            server_id=child.server_id,
        )
        operators = OperatorHandler(
            authenticator=self._authenticator,
            directory=self._directory,
            call=self._commands.call,
            clock=child.clock,
            server_id=child.server_id,
        )
        results = ResultHandler(
            self._submit,
            self._spool,
            child.clock,
            child.server_id,
            readers=self._readers,
            disk=self._writers,
            vouch=self.known.add,
        )
        return RequestHandler(
            results=results,
            clients=clients,
            operators=operators,
            server_id=child.server_id,
            readers=self._readers,
            vouch=self.known.add,
        )

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._commands.call(lambda db: db.read(work))

    async def _register(self, asked: AskedStart) -> Answer:
        return await self._commands.submit(asked)

    async def _submit(self, arrived: ReceivedResult) -> Judged:
        return await self._results.submit(arrived)

    def _take_results(self, db: Database, arrivals: list[ReceivedResult]) -> Sequence[Judged]:
        return self._work.take(db, arrivals)


class Starts:
    """Registers start requests that arrived together in one transaction."""

    def __init__(self, child: ChildContext) -> None:
        """Take ids in blocks."""
        self._child = child
        self._ids: IdPool | None = None

    def take(self, db: Database, asked: list[AskedStart]) -> Sequence[Answer]:
        """Return the number of each request's run, or why it is refused."""
        self._ids = self._ids or IdPool(db)
        failpoint("trapper.before_commit")
        answers = start(db, self._ids, asked, self._child.clock)
        failpoint("trapper.after_commit")
        return answers


async def _show(context: AsyncContext, server: TelegramServer) -> None:
    """Keep the title up to date."""
    while True:
        with contextlib.suppress(OSError):
            context.child.status(f"{server.served} requests, {server.connections} open")
        await asyncio.sleep(TITLE_INTERVAL)
