"""The executor's desk when the database goes away at an awkward moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest

from jobarranger.clock import SystemClock
from jobarranger.dispatching.request import Payload, Request
from jobarranger.dispatching.steps import Fail, Limits, Pursue, Reason, Standing, Told
from jobarranger.errors import DatabaseUnavailable
from jobarranger.states import DispatchState, Method
from processes.executing.book import HostBook
from processes.executing.desk import Desk
from processes.executing.store import Begin, Job, Look, Record, Store, Task

LIMITS = Limits(connect_retry=60_000, unknown=300_000)


class Thread:
    """Hands out one task; every other question finds the database away."""

    def __init__(self, task: Task, book: HostBook) -> None:
        self.task: Task | None = task
        self.book = book
        self.noted = asyncio.Event()
        self.jobs: list[Job] = []

    async def submit(self, job: Job) -> list[Task]:
        """Take notes; return the task at the first time."""
        self.jobs.append(job)
        if job.records:
            self.noted.set()
        task, self.task = self.task, None
        if task is None:
            return []
        self.book.take([task.request])
        return [task]

    async def call(self, work: Any) -> Any:
        """Find nobody."""
        raise DatabaseUnavailable("gone")


class Courier:
    """An agent of ours that has never heard of the request."""

    async def query(self, request: Request) -> Told:
        """Answer."""
        return Told(Standing.UNKNOWN, "jobarranger-py test")


@pytest.mark.asyncio
async def test_a_repetition_that_cannot_be_checked_is_looked_at_again() -> None:
    """Left SENDING by an earlier executor, unknown to the agent, and the database is away."""
    request = Request(
        job_id=1,
        attempt=1,
        method=Method.NORMAL,
        state=DispatchState.SENDING,
        host_name="web01",
        address="127.0.0.1",
        port=1,
        payload=Payload(type="command", script="date"),
        created_at=SystemClock().now_ms(),
        sending_at=SystemClock().now_ms(),
    )
    book = HostBook(LIMITS)
    thread = Thread(Task(request, Begin.FOLLOW), book)
    store: Any = SimpleNamespace(book=book, more=False)
    courier: Any = Courier()
    kept: Any = thread
    desk = Desk(clock=SystemClock(), limits=LIMITS, store=store, courier=courier, thread=kept)
    desk.look(Look(left=True))
    async with asyncio.timeout(5):
        await thread.noted.wait()
    (record,) = (record for job in thread.jobs for record in job.records)
    assert isinstance(record.step, Pursue)
    assert record.request.key == request.key
    await desk.close(0.1)
    assert not book.in_hand(request.key)


def test_what_has_failed_is_not_sent_after_all() -> None:
    """A failure that the database has not taken yet leaves an open row; nobody may claim it."""
    request = Request(
        job_id=1,
        attempt=1,
        method=Method.NORMAL,
        state=DispatchState.NEW,
        host_name="web01",
        payload=Payload(script="date"),
        created_at=0,
    )
    store = Store(
        clock=SystemClock(),
        engine=cast("Any", None),
        directory=cast("Any", None),
        book=HostBook(LIMITS),
        slots=(0,),
        agent_port=0,
        wording=cast("Any", None),
    )
    with patch("processes.executing.store.dispatch.due_of", return_value=[request]):
        looks = [Look(ids=frozenset({1}))]
        assert store._candidates(cast("Any", None), looks) == [request]
        store.unfailed = [Record(request=request, step=Fail(Reason.UNREACHABLE), at=0)]
        assert store._candidates(cast("Any", None), looks) == []
