"""The database thread of asynchronous children: batches, errors, order, end."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ipc import budget
from ipc.budget import Budget, Claim, Shares
from ipc.client import _Asking
from ipc.errors import NoAnswer
from ipc.frames import FrameLimits
from jobarranger.db.engine import Database
from processes.aio import AsyncContext, DatabaseThread, _unhandled, _until_fatal
from processes.exhaustion import Listener

log = logging.getLogger("processes.test")


class FakeDatabase:
    """Remembers on which thread it was made, and that it was closed."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.closed = False

    def close(self) -> None:
        """Note the end."""
        assert threading.current_thread() is self.thread
        self.closed = True


class Recorder:
    """Handles batches; the first waits until the test opens the gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.batches: list[list[int]] = []

    def handle(self, database: Database, items: list[int]) -> Sequence[int | BaseException]:
        """Double each item; 13 is refused, 0 fails the whole batch."""
        self.gate.wait(5)
        self.batches.append(items)
        if 0 in items:
            raise ZeroDivisionError("a whole batch")
        return [ValueError("unlucky") if item == 13 else 2 * item for item in items]


def started(recorder: Recorder, made: list[FakeDatabase]) -> DatabaseThread[int, int]:
    """Return a running thread with a fake database."""

    def make() -> Database:
        made.append(FakeDatabase())
        return cast("Database", made[0])

    thread: DatabaseThread[int, int] = DatabaseThread(make, recorder.handle)
    thread.start()
    return thread


def test_what_waits_is_one_batch() -> None:
    """Items that came while the thread was busy are handled together, each with its answer."""

    async def scene() -> None:
        recorder, made = Recorder(), list[FakeDatabase]()
        thread = started(recorder, made)
        first = asyncio.create_task(thread.submit(1))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(thread.submit(item)) for item in (2, 13, 3)]
        await asyncio.sleep(0)
        recorder.gate.set()
        answers: list[Any] = await asyncio.gather(first, *others, return_exceptions=True)
        assert (answers[0], answers[1], answers[3]) == (2, 4, 6)
        assert str(answers[2]) == "unlucky"
        assert recorder.batches == [[1], [2, 13, 3]]
        await thread.close()
        assert made[0].closed

    asyncio.run(scene())


def test_a_failed_batch_fails_all_of_it_and_no_more() -> None:
    """The next batch is handled as if nothing had been."""

    async def scene() -> None:
        recorder = Recorder()
        recorder.gate.set()
        thread = started(recorder, [])
        with pytest.raises(ZeroDivisionError):
            await thread.submit(0)
        assert await thread.submit(4) == 8
        await thread.close()

    asyncio.run(scene())


def test_calls_keep_their_place() -> None:
    """A call runs after the items before it and before those after it."""

    async def scene() -> None:
        recorder = Recorder()
        thread = started(recorder, [])
        work = [
            asyncio.ensure_future(thread.submit(1)),
            asyncio.ensure_future(thread.submit(2)),
            asyncio.ensure_future(thread.call(lambda database: recorder.batches.append([-1]))),
            asyncio.ensure_future(thread.submit(3)),
        ]
        await asyncio.sleep(0)
        recorder.gate.set()
        await asyncio.gather(*work)
        assert [item for batch in recorder.batches for item in batch] == [1, 2, -1, 3]
        await thread.close()

    asyncio.run(scene())


def test_the_age_shows_a_hanging_thread() -> None:
    """It grows while one piece of work is in progress; a dead thread is infinitely old."""

    async def scene() -> None:
        recorder = Recorder()
        thread = started(recorder, [])
        assert thread.age() == 0
        task = asyncio.create_task(thread.submit(1))
        await asyncio.sleep(0.05)
        assert thread.age() > 0
        recorder.gate.set()
        await task
        await thread.close()
        assert thread.age() == 0

    asyncio.run(scene())


@pytest.mark.parametrize("where", ["thread", "task", "log"])
def test_a_process_that_cannot_work_ends(where: str) -> None:
    """Out of memory on the database thread, in a forgotten task, or only logged: main is ended."""
    ended: list[str] = []

    async def scene() -> None:
        child: Any = SimpleNamespace(name="trapper #1", database=FakeDatabase)
        context = AsyncContext(child, asyncio.Event(), cast("Any", None), [])
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, reported: _unhandled(context, reported))

        def fail(*given: object) -> None:
            raise MemoryError

        async def main() -> None:
            try:
                if where == "thread":
                    thread: DatabaseThread[int, int] = context.thread(cast("Any", fail))
                    with suppress(MemoryError):
                        await thread.call(fail)
                    await thread.close()
                elif where == "task":
                    loop.call_soon(fail)
                else:
                    log.error("one request failed", exc_info=MemoryError())
                await asyncio.sleep(60)
            finally:
                ended.append(where)

        with Listener(context.heard):
            await _until_fatal(main(), context.fatal)

    with pytest.raises(MemoryError):
        asyncio.run(scene())
    assert ended == [where]


def test_a_main_loop_that_ends_by_itself_is_heard() -> None:
    """Its result and its error are passed on; nothing that is not fatal ends it."""

    async def scene() -> None:
        child: Any = SimpleNamespace(name="trapper #1")
        context = AsyncContext(child, asyncio.Event(), cast("Any", None), [])

        async def well() -> None:
            context.heard(ValueError("not fatal"))
            await asyncio.sleep(0)

        async def badly() -> None:
            raise ValueError("its own")

        await _until_fatal(well(), context.fatal)
        with pytest.raises(ValueError, match="its own"):
            await _until_fatal(badly(), context.fatal)

    asyncio.run(scene())


def test_a_connection_lost_after_giving_up_is_reported_to_nobody() -> None:
    """The asker had no time left when the connection was made: no unretrieved exception."""
    reported: list[object] = []

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
        asking = _Asking(FrameLimits())
        asking.connection_lost(ConnectionResetError("reset"))
        with pytest.raises(NoAnswer, match="connection lost"):
            await asking.reply
        forgotten = _Asking(FrameLimits())
        forgotten.connection_lost(ConnectionResetError("reset"))
        del forgotten
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(scene())
    assert reported == []


def test_work_that_nobody_waits_for_is_left_out() -> None:
    """Unless it has begun; its claim on memory lasts until the thread has come to it."""

    async def scene() -> None:
        recorder, made = Recorder(), list[FakeDatabase]()
        thread = started(recorder, made)
        held = Budget(Shares.of(1000))

        def submit(item: int) -> asyncio.Task[int]:
            claim = Claim(held, stranger=True)
            claim.resize(100)
            budget.current.set(claim)
            task = asyncio.create_task(thread.submit(item))
            task.add_done_callback(lambda _: claim.release())
            return task

        first = submit(1)
        while not thread.age():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.001)
        given_up, kept = submit(2), submit(3)
        await asyncio.sleep(0)
        first.cancel()
        given_up.cancel()
        await asyncio.wait([first, given_up])
        assert held.held == 300
        recorder.gate.set()
        assert await kept == 6
        await thread.close()
        await asyncio.sleep(0)
        assert recorder.batches == [[1], [3]]
        assert held.held == 0

    asyncio.run(scene())
