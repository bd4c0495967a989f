"""Whoever waits for the database thread waits for a bounded time, and giving up leaves no trace."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jobarranger.errors import CannotStore, DatabaseBusy, DatabaseUnavailable
from processes.databasethread import DatabaseThread, Lane
from processes.exhaustion import HelperDied
from tests.services import wait_until


class NoDatabase:
    """Stands where the thread's own database stands; remembers the patience it was given."""

    patience = 10.0

    def close(self):
        """Close nothing."""


class Recorder:
    """Handles numbers; 0 waits until the test opens the gate, negative ones are poison."""

    def __init__(self):
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.batches: list[list[int]] = []

    def handle(self, database, items):
        """Double each item."""
        del database
        self.batches.append(items)
        if 0 in items:
            self.wait()
        if min(items) < 0:
            raise CannotStore(f"{min(items)} is too small")
        return [2 * item for item in items]

    def wait(self, database=None):
        """Stand still until the gate opens, as in front of a frozen database."""
        del database
        self.begun.set()
        assert self.gate.wait(20)


class Scene:
    """A thread, its recorder, and what asyncio's exception handler was given."""

    def __init__(self, lane):
        self.recorder = Recorder()
        self.reported: list[dict[str, Any]] = []
        self.errors: list[BaseException] = []
        self.database: Any = NoDatabase()
        asyncio.get_running_loop().set_exception_handler(
            lambda _, reported: self.reported.append(reported)
        )
        self.thread: DatabaseThread[int, int] = DatabaseThread(
            lambda: self.database, self.recorder.handle, lane=lane, on_error=self.errors.append
        )
        self.thread.start()

    async def stand_still(self):
        """Occupy the thread; return the task that waits for it."""
        held = asyncio.create_task(self.thread.submit(0))
        await asyncio.to_thread(self.recorder.begun.wait, 10)
        return held


@asynccontextmanager
async def scene(**limits):
    """Give a running thread; in the end nothing may have been given to the exception handler."""
    made = Scene(Lane(**limits))
    yield made
    made.recorder.gate.set()
    await made.thread.close()
    await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert made.reported == []


def test_what_was_given_up_is_never_run():
    """A cancelled item and a cancelled call are dropped from the line; those behind them go on."""

    async def play():
        async with scene() as at:
            held = await at.stand_still()
            ran: list[str] = []
            dropped = [
                asyncio.create_task(at.thread.submit(5)),
                asyncio.create_task(at.thread.call(lambda db: ran.append("call"))),
            ]
            kept = asyncio.create_task(at.thread.submit(7))
            await asyncio.sleep(0)
            for task in dropped:
                task.cancel()
            await asyncio.gather(*dropped, return_exceptions=True)
            at.recorder.gate.set()
            assert (await held, await kept) == (0, 14)
            assert at.recorder.batches == [[0], [7]]
            assert ran == []

    asyncio.run(play())


def test_a_turn_that_does_not_come_is_refused():
    """While the database stands still all others get an error after the limit, and are not run."""

    async def play():
        async with scene(turn=0.05) as at:
            held = await at.stand_still()
            calls = [at.thread.call(lambda db: at.recorder.batches.append([-9])) for _ in range(50)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(answer) for answer in answers} == {DatabaseBusy}
            assert not held.done()  # one that has begun is waited for
            at.recorder.gate.set()
            assert await held == 0
            assert await at.thread.submit(4) == 8
            assert at.recorder.batches == [[0], [4]]

    asyncio.run(play())


def test_a_line_has_an_end():
    """When so many wait the next one is refused at once, as a database that is away."""

    async def play():
        async with scene(most=3) as at:
            held = await at.stand_still()
            waiting = [asyncio.create_task(at.thread.submit(number)) for number in (1, 2, 3)]
            await asyncio.sleep(0)
            with pytest.raises(DatabaseUnavailable, match="3 others wait"):
                await at.thread.submit(4)
            at.recorder.gate.set()
            assert await asyncio.gather(held, *waiting) == [0, 2, 4, 6]
            assert await at.thread.submit(4) == 8

    asyncio.run(play())


def test_one_poisoned_item_spoils_no_others():
    """A batch with what can never be stored is handled one by one: only that one is refused."""

    async def play():
        async with scene() as at:
            held = await at.stand_still()
            numbers = [1, -1, 2, -2, 3]
            waiting = [asyncio.create_task(at.thread.submit(number)) for number in numbers]
            await asyncio.sleep(0)
            at.recorder.gate.set()
            await held
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            kinds = [2, CannotStore, 4, CannotStore, 6]
            assert [a if isinstance(a, int) else type(a) for a in answers] == kinds
            assert at.errors == []

    asyncio.run(play())


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), ValueError("a bug")])
def test_an_error_for_one_who_has_gone_is_reported_to_nobody(error):
    """The waiter gave up after the work had begun: its late error is no unretrieved exception."""

    async def play():
        async with scene() as at:

            def fail(database):
                at.recorder.wait()
                raise error

            gone = [asyncio.create_task(at.thread.call(fail))]
            await asyncio.to_thread(at.recorder.begun.wait, 10)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await gone[0]
            gone.clear()
            at.recorder.gate.set()
            assert await at.thread.submit(2) == 4
            assert at.errors == [error]

    asyncio.run(play())


@pytest.mark.parametrize("order", ["error-first", "giving-up-first"])
def test_giving_up_and_an_error_at_the_same_moment(order):
    """After a freeze both are due in one turn of the loop: nothing is left behind."""

    async def play():
        async with scene(turn=5) as at:

            def fail(database):
                at.recorder.wait()
                raise DatabaseUnavailable("away")

            waiting = asyncio.create_task(at.thread.call(fail))
            await asyncio.to_thread(at.recorder.begun.wait, 10)
            if order == "giving-up-first":
                waiting.cancel()
            at.recorder.gate.set()
            wait_until(
                lambda: at.thread._busy_since is None, "the thread is done"
            )  # loop stands still
            if order == "error-first":
                asyncio.get_running_loop().call_soon(waiting.cancel)
            with pytest.raises((asyncio.CancelledError, DatabaseUnavailable)):
                await waiting

    asyncio.run(play())


def test_the_lane_sets_for_its_database_how_patient_to_be():
    """Clients wait for each other, so a lost database is tried again for a moment only."""

    async def play():
        async with scene(patience=1.5) as at:
            await at.thread.submit(1)
            assert at.database.patience == 1.5

    asyncio.run(play())


def test_a_thread_that_dies_is_heard():
    """Nobody would ever be answered again: the process hears of it at once."""

    async def play():
        errors: list[BaseException] = []

        def fail():
            raise RuntimeError("no database object")

        thread: DatabaseThread[int, int] = DatabaseThread(
            fail, Recorder().handle, name="t", on_error=errors.append
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading, "excepthook", lambda reported: None)
            thread.start()
            await asyncio.to_thread(thread._thread.join, 10)
        (died,) = errors
        assert isinstance(died, HelperDied)
        assert str(died) == "t database: RuntimeError: no database object"
        assert thread.age() == float("inf")

    asyncio.run(play())
