"""Clients do not wait for long because of what others ask, or because the database is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ipc import telegrams
from ipc.client import exchange
from ipc.errors import NoAnswer
from jobarranger.clock import SystemClock
from jobarranger.db import schema
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.states import DatabaseType, IconStatus, UserType
from processes import trapper as trapper_module
from processes.aio import Lane
from processes.trapping import replay
from tests import trapper_rig as rigs
from tests.services import PrivateServer
from tests.trapper_rig import Rig, trapper

START = telegrams.JobnetRun(username="Admin", password="zabbix", jobnetid="NET").to_json()


def with_admin(rig: Rig) -> None:
    """Make a super administrator and a jobnet."""
    rigs.add_user(rig, "Admin", "zabbix", "admins", user_type=UserType.SUPER)
    rigs.add_jobnet(rig, "NET", "Admin")


def started_by(name: str) -> bytes:
    """Return a start request of a user with any name."""
    request = telegrams.JobnetRun(username=name, password="x", jobnetid="NET")
    return request.to_json()


async def ask(rig: Rig, payload: bytes) -> tuple[Any, float]:
    """Send a request; return the reply and how long it took."""
    begun = time.monotonic()
    reply = await exchange("127.0.0.1", rig.port, payload, reply_timeout=60)
    return telegrams.parse(reply.payload), time.monotonic() - begun


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged with a traceback."""
    return [record.getMessage() for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("'" * 15_000_000, id="15-MB-of-quotes"),
        pytest.param("\\" * 7_500_000, id="7.5-MB-of-backslashes"),
    ],
)
@pytest.mark.alone
def test_a_request_too_large_for_the_database_keeps_nobody_waiting(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """It is no lost connection to be tried for 12 s on the only lane, where others wait 60 s."""

    async def main() -> list[float]:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            await ask(rig, START)
            poison = asyncio.create_task(ask(rig, started_by(name)))
            honest = [await ask(rig, START) for _ in range(10)]
            with pytest.raises(NoAnswer):  # the port takes nothing so large before a log-in
                await poison
            assert [reply.result for reply, _ in honest] == [0] * 10
            return [took for _, took in honest]

    assert max(asyncio.run(main())) < 3
    assert tracebacks(caplog) == []


@pytest.mark.parametrize("name", ["a\ud800b", "a\0b", "\udcff"])
def test_a_name_that_is_no_text_gives_one_line(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """A refusal like any other, no internal error and no traceback for each request."""
    caplog.set_level(logging.INFO)
    payload = (
        b'{"kind":"jobnetrun","version":1,"data":{"username":%s,"password":"x","jobnetid":"N"}}'
    )
    quoted = b'"' + b"".join(b"\\u%04x" % ord(sign) for sign in name) + b'"'

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            refused, _ = await ask(rig, payload % quoted)
            assert refused.result == 1
            assert "internal" not in refused.message

    asyncio.run(main())
    assert tracebacks(caplog) == []


def test_a_result_that_can_never_be_stored_is_set_aside(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has to be parked and is longer than a packet: answered when on disk, reported, kept.

    Results behind it are processed, those beside it straight away.
    """
    monkeypatch.setattr(replay, "INTERVAL", 0.05)
    # a result that the port would not let in: what is kept may be longer than what it came as
    monkeypatch.setitem(trapper_module.KIND_LIMITS, "jobresult", 16 << 20)

    def away(name: str) -> frozenset[str]:
        raise OSError("no name server")

    monkeypatch.setattr("processes.trapping.senders._resolve", away)

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            for icon, address in ((7, "agent1.example"), (8, "127.0.0.1")):
                await asyncio.to_thread(rigs.add_run, rig, 100 + icon, "NET")
                await asyncio.to_thread(rigs.add_sent_job, rig, icon, 100 + icon, address=address)
            poison = asyncio.create_task(ask(rig, result_of(7, "'" * 9_000_000)))
            honest, took = await ask(rig, result_of(8, "out"))
            assert (honest.result, (await poison)[0].result) == (0, 0)
            assert took < 3
            status = select(t.run_job.c.status).where(t.run_job.c.inner_job_id == 8)
            assert (await asyncio.to_thread(rig.rows, status))[0].status == IconStatus.END
            if database.kind is DatabaseType.MYSQL:
                spool = rig.state_dir / "spool"
                await until(lambda: [path.suffix for path in spool.iterdir()] == [".bad"])
            else:
                assert len(await asyncio.to_thread(rig.rows, t.ext_inbox.select())) == 1

    asyncio.run(main())


def result_of(icon: int, output: str) -> bytes:
    """Return a result of a job that ended well."""
    return telegrams.JobResult(
        jobid=icon,
        hostname="agent1",
        result=0,
        std_out=output,
        std_err="",
        return_code=0,
        signal=0,
        attempt=1,
    ).to_json()


async def until(condition: Any, seconds: float = 20.0) -> None:
    """Wait for a condition that a thread will bring about."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another thread's work
            await asyncio.sleep(0.02)


@pytest.fixture
def own_database(own_server: PrivateServer) -> Iterator[Database]:
    """Give a database on a server that may be killed and frozen."""
    settings = replace(own_server.create_database("own"), read_timeout=3, connect_timeout=3)
    db = Database(settings, clock=SystemClock())
    schema.create(db)
    yield db
    db.close()


@pytest.mark.alone
def test_while_the_database_is_away_clients_get_an_answer_soon(
    own_database: Database, own_server: PrivateServer, tmp_path: Path
) -> None:
    """30 starts in front of a dead server: the first tries for a moment, the others once each."""

    async def main() -> list[float]:
        async with trapper(own_database, tmp_path, number=2) as rig:
            await asyncio.to_thread(with_admin, rig)
            assert (await ask(rig, START))[0].result == 0
            await asyncio.to_thread(own_server.kill)
            asked = [ask(rig, START) for _ in range(30)]
            answers = await asyncio.gather(*asked)
            assert {reply.result for reply, _ in answers} == {1}
            assert {reply.message for reply, _ in answers} == {
                "the database cannot be reached now; try again later"
            }
            await asyncio.to_thread(own_server.restart)
            assert (await ask(rig, START))[0].result == 0
            return [took for _, took in answers]

    assert max(asyncio.run(main())) < 5


@pytest.mark.alone
def test_while_the_database_stands_still_clients_get_an_answer_in_time(
    own_database: Database,
    own_server: PrivateServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frozen server holds up one; the others have their answer when their turn was due.

    What was refused so is never carried out, also when the server goes on.
    """
    monkeypatch.setattr(trapper_module, "COMMANDS", Lane(patience=0.5, turn=0.5))

    async def main() -> list[float]:
        async with trapper(own_database, tmp_path, number=2) as rig:
            await asyncio.to_thread(with_admin, rig)
            assert (await ask(rig, START))[0].result == 0
            await asyncio.to_thread(own_server.freeze)
            first = asyncio.create_task(ask(rig, START))
            await asyncio.sleep(0)
            answers = await asyncio.gather(*(ask(rig, START) for _ in range(30)))
            await asyncio.to_thread(own_server.thaw)
            assert {reply.result for reply, _ in answers[1:]} == {1}
            made = 1 + sum(reply.result == 0 for reply, _ in (answers[0], await first))
            count = select(func.count()).select_from(t.run_jobnet)
            assert (await asyncio.to_thread(rig.rows, count))[0][0] <= made
            return sorted(took for _, took in answers)

    took = asyncio.run(main())
    assert took[25] < 3
