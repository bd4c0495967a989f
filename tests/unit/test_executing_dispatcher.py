"""The executor's dispatcher when the database goes away at an awkward moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest

from jobarranger.clock import SystemClock
from jobarranger.errors import DatabaseUnavailable
from jobarranger.requests.request import Payload, Request
from jobarranger.requests.rows.due import Share
from jobarranger.requests.steps import (
    Fail,
    FailureReason,
    JobStanding,
    Pursue,
    Reported,
    SendLimits,
)
from jobarranger.states import Channel, DispatchState, Method
from processes.executing.dispatcher import Dispatcher
from processes.executing.host_table import HostTable
from processes.executing.store import Store
from processes.executing.work import Begin, Record, Scan, Task, WorkItem

LIMITS = SendLimits(connect_retry=60_000, unknown=300_000)


class Thread:
    """Hands out one task; every other question finds the database away."""

    def __init__(self, task: Task, table: HostTable) -> None:
        self.task: Task | None = task
        self.table = table
        self.noted = asyncio.Event()
        self.jobs: list[WorkItem] = []

    async def submit(self, job: WorkItem) -> list[Task]:
        """Take notes; return the task at the first time."""
        self.jobs.append(job)
        if job.records:
            self.noted.set()
        task, self.task = self.task, None
        if task is None:
            return []
        self.table.acquire([task.request])
        return [task]

    async def call(self, work: Any) -> Any:
        """Find nobody."""
        raise DatabaseUnavailable("gone")


class AgentClient:
    """An agent of ours that has never heard of the request."""

    async def query(self, request: Request) -> Reported:
        """Answer."""
        return Reported(JobStanding.UNKNOWN, "jobarranger-py test")


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
    table = HostTable(LIMITS)
    thread = Thread(Task(request, Begin.FOLLOW), table)
    store: Any = SimpleNamespace(table=table, more=False)
    client: Any = AgentClient()
    kept: Any = thread
    dispatcher = Dispatcher(
        clock=SystemClock(), limits=LIMITS, store=store, channel=client, thread=kept
    )
    dispatcher.scan(Scan(left=True))
    async with asyncio.timeout(5):
        await thread.noted.wait()
    (record,) = (record for job in thread.jobs for record in job.records)
    assert isinstance(record.step, Pursue)
    assert record.request.key == request.key
    await dispatcher.close(0.1)
    assert not table.in_flight(request.key)


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
    store = Store.of(
        clock=SystemClock(),
        engine=cast("Any", None),
        directory=cast("Any", None),
        table=HostTable(LIMITS),
        share=Share(slots=(0,), channels={Channel.AGENT}),
        agent_port=0,
        wording=cast("Any", None),
    )
    with patch("processes.executing.scanning.due.due_of", return_value=[request]):
        scans = [Scan(ids=frozenset({1}))]
        assert store.candidates(cast("Any", None), scans) == [request]
        store.failures._kept = [Record(request=request, step=Fail(FailureReason.UNREACHABLE), at=0)]
        assert store.candidates(cast("Any", None), scans) == []
