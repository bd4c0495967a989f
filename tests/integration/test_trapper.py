"""The trapper under trouble: results are never lost, passwords are checked and slowed down."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ipc import telegrams
from ipc.client import exchange
from ipc.errors import NoAnswer
from jobarranger.client import Client, RequestRefused
from jobarranger.commands import exec as exec_command
from jobarranger.commands import get as get_command
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.directory.embedded import EmbeddedDirectory
from jobarranger.expressions import Fit, fit
from jobarranger.states import IconStatus, UserType
from jobarranger.wakes import Role
from processes.trapping import filters, replay, results
from tests import trapper_rig as rigs
from tests.trapper_rig import Rig, trapper


@pytest.fixture
def sqlite(sqlite_settings: object) -> Database:
    """Give a fresh SQLite database."""
    from jobarranger.clock import SystemClock

    return Database(sqlite_settings, clock=SystemClock())  # type: ignore[arg-type]


def jobresult(icon: int, **more: object) -> bytes:
    """Return a result of a job that ended well."""
    values: dict[str, Any] = {"hostname": "agent1", "result": 0, "std_out": "out", "std_err": ""}
    values |= {"return_code": 0, "signal": 0}
    return telegrams.JobResult(jobid=icon, **(values | more)).to_json()


async def ask(rig: Rig, payload: bytes) -> telegrams.Telegram:
    """Send a request and read the reply."""
    return telegrams.parse((await exchange("127.0.0.1", rig.port, payload)).payload)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition that a thread will bring about."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another thread's work
            await asyncio.sleep(0.02)


def icon_status(rig: Rig, icon: int) -> int:
    """Return the status of an icon."""
    query = select(t.run_job.c.status).where(t.run_job.c.inner_job_id == icon)
    return int(rig.rows(query)[0].status)


def setup_job(rig: Rig, icon: int = 7, **values: object) -> None:
    """Make a running job."""
    rigs.add_run(rig, 100 + icon, "NET")
    rigs.add_sent_job(rig, icon, 100 + icon, **values)  # type: ignore[arg-type]


def test_result_is_processed_before_the_reply(database: Database, tmp_path: Path) -> None:
    """When the agent has its answer the icon has ended; a second delivery changes nothing."""

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(setup_job, rig)
            first = await ask(rig, jobresult(7, attempt=1))
            assert await asyncio.to_thread(icon_status, rig, 7) == IconStatus.END
            again = await ask(rig, jobresult(7, attempt=1))
            assert [first.result, again.result] == [0, 0]  # type: ignore[attr-defined]

    asyncio.run(main())


def test_result_from_elsewhere_is_refused(database: Database, tmp_path: Path) -> None:
    """Neither the recorded nor the present address: -1, and the job goes on."""

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(setup_job, rig, address="192.0.2.1")
            reply = await ask(rig, jobresult(7))
            assert reply.result == -1  # type: ignore[attr-defined]
            assert await asyncio.to_thread(icon_status, rig, 7) == IconStatus.RUN

    asyncio.run(main())


def test_host_that_moved_is_accepted(database: Database, tmp_path: Path) -> None:
    """The directory's present address counts beside the one at the dispatch."""

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(setup_job, rig, address="192.0.2.1")
            host = {"host_name": "agent1", "address": "127.0.0.1", "enabled": 0}
            await asyncio.to_thread(rig.add, t.ext_host, host)
            assert (await ask(rig, jobresult(7))).result == 0  # type: ignore[attr-defined]

    asyncio.run(main())


def test_result_waits_in_the_spool_while_the_database_is_stuck(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered 0 when it is on disk, and processed when the database is back."""
    monkeypatch.setattr(results, "COMMIT_LIMIT", 0.1)
    monkeypatch.setattr(replay, "INTERVAL", 0.05)

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            await asyncio.to_thread(setup_job, rig)
            spool = rig.state_dir / "spool"
            blocker = os.open(f"{sqlite.settings.file}.lock", os.O_RDWR | os.O_CREAT)
            fcntl.flock(blocker, fcntl.LOCK_EX)
            reply = await ask(rig, jobresult(7, run_user_password="1secret"))
            kept = list(spool.glob("*.result"))
            assert reply.result == 0  # type: ignore[attr-defined]
            assert len(kept) == 1
            assert b"secret" not in kept[0].read_bytes()
            os.close(blocker)
            await until(lambda: not list(spool.glob("*.result")))
            assert await asyncio.to_thread(icon_status, rig, 7) == IconStatus.END

    asyncio.run(main())


@pytest.mark.parametrize("attempt", [None, 1])
def test_neither_database_nor_disk(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempt: int | None
) -> None:
    """An original agent is reset so that it repeats; ours is asked to come again."""
    monkeypatch.setattr(results, "COMMIT_LIMIT", 0.1)
    (tmp_path / "state").write_text("not a directory")

    async def main() -> None:
        async with trapper(sqlite, tmp_path, number=2) as rig:
            blocker = os.open(f"{sqlite.settings.file}.lock", os.O_RDWR | os.O_CREAT)
            await asyncio.to_thread(setup_job, rig)
            fcntl.flock(blocker, fcntl.LOCK_EX)
            try:
                if attempt is None:
                    with pytest.raises(NoAnswer) as caught:
                        await ask(rig, jobresult(7))
                    assert not caught.value.closed
                else:
                    reply = await ask(rig, jobresult(7, attempt=attempt))
                    assert (reply.result, reply.retry) == (-1, 1)  # type: ignore[attr-defined]
            finally:
                os.close(blocker)

    asyncio.run(main())


def test_result_that_cannot_be_judged_is_parked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that cannot be resolved now: answered 0, kept, processed later."""
    monkeypatch.setattr(replay, "INTERVAL", 0.05)
    monkeypatch.setattr(results, "FIRST_RETRY_MS", 50)

    def away(name: str) -> frozenset[str]:
        raise OSError("no name server")

    monkeypatch.setattr("processes.trapping.senders._resolve", away)

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(setup_job, rig, address="agent1.example")
            assert (await ask(rig, jobresult(7))).result == 0  # type: ignore[attr-defined]
            assert len(await asyncio.to_thread(rig.rows, t.ext_inbox.select())) == 1
            known = update(t.ext_dispatch).values(address="127.0.0.1")
            at_once = update(t.ext_inbox).values(next_try_at=0)
            await asyncio.to_thread(
                database.transaction, lambda unit: (unit.execute(known), unit.execute(at_once))
            )
            await until(lambda: not rig.rows(t.ext_inbox.select()))
            assert await asyncio.to_thread(icon_status, rig, 7) == IconStatus.END

    asyncio.run(main())


def with_admin(rig: Rig) -> None:
    """Make a super administrator and a jobnet."""
    rigs.add_user(rig, "Admin", "zabbix", "admins", user_type=UserType.SUPER)
    rigs.add_jobnet(rig, "NET", "Admin")


def test_many_starts_at_once(database: Database, tmp_path: Path) -> None:
    """Clients that come together get a number each, and the loader is notified."""
    request = telegrams.JobnetRun(username="Admin", password="zabbix", jobnetid="NET").to_json()

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            replies = await asyncio.gather(*(ask(rig, request) for _ in range(30)))
            numbers = {re.findall(r"\d+", reply.message)[0] for reply in replies}  # type: ignore[attr-defined]
            assert len(numbers) == 30
            hinted = {one for wake in rig.wakes if wake.role is Role.LOADER for one in wake.ids}
            assert {str(one) for one in hinted} == numbers

    asyncio.run(main())


def test_password_is_remembered_until_it_changes(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right password is checked slowly once; a new one in the directory counts at once."""
    checks = []
    verify = EmbeddedDirectory.verify

    def counted(self: EmbeddedDirectory, user: object, password: str) -> bool:
        checks.append(password)
        return verify(self, user, password)  # type: ignore[arg-type]

    monkeypatch.setattr(EmbeddedDirectory, "verify", counted)
    request = telegrams.JobnetRun(username="Admin", password="zabbix", jobnetid="NET").to_json()

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            replies = [await ask(rig, request) for _ in range(3)]
            assert [reply.result for reply in replies] == [0, 0, 0]  # type: ignore[attr-defined]
            assert checks == ["zabbix"]
            changed = update(t.ext_user).values(password_hash="ja1none")
            await asyncio.to_thread(sqlite.transaction, lambda unit: unit.execute(changed))
            async with asyncio.timeout(10):  # a user's row counts as fresh for a second
                while (await ask(rig, request)).result == 0:  # type: ignore[attr-defined]  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    asyncio.run(main())


def test_nothing_of_a_request_is_quoted(
    sqlite: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither replies nor log lines hold a password."""
    requests = [
        b'{"kind":"jobnetrun","version":1,"data":{"username":"Admin","password":"geheim"}}',
        b'{"kind":"jobnetrun","version":2,"data":{"password":"geheim"}}',
        b'{"kind":"nonsense","version":1,"data":{"password":"geheim"}}',
        b'{"version":1,"data":{"password":"geheim"}}',
        b'["geheim"]',
        b'{"kind":"job.release","version":1,"data":{"password":"geheim"}}',
        b'{"kind":"job.logput","version":1,"data":{"password":"geheim"}}',
        b'{"kind":"jobnetstatusrq","version":1,"data":{"username":"A","password":"geheim"}}',
    ]
    kinds = ["jobnetrun-res"] * 2 + ["jobresult-res"] * 3 + ["response"] * 2
    kinds += ["jobnetstatusrq-res"]

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            for request, kind in zip(requests, kinds, strict=True):
                reply = (await exchange("127.0.0.1", rig.port, request)).payload
                assert telegrams.parse(reply).kind == kind
                assert b"geheim" not in reply

    asyncio.run(main())
    assert "geheim" not in caplog.text


def test_unknown_requests_are_closed(sqlite: Database, tmp_path: Path) -> None:
    """What is no JSON, or a result without its keys, gets no reply."""

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            for request in (b"hello", b'{"kind":"jobresult","version":1}'):
                with pytest.raises(NoAnswer) as caught:
                    await exchange("127.0.0.1", rig.port, request)
                assert caught.value.closed

    asyncio.run(main())


def test_commands(
    sqlite: Database,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """jobarg_exec and jobarg_get against the trapper, as a script would use them."""
    monkeypatch.setattr("jobarranger.commands.clientline.signal.signal", lambda *_: None)
    monkeypatch.setattr("jobarranger.commands.clientline.setproctitle.setproctitle", print)
    monkeypatch.setenv("DAY", "31")

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            common = ["-z", "127.0.0.1", f"-p{rig.port}", "--user=Admin", "-P", "zabbix"]
            started = await asyncio.to_thread(
                exec_command.main, [*common, "-j", "NET", "-E", "DAY"]
            )
            out, err = capfd.readouterr()
            assert started == 0
            assert "zabbix" not in out
            found = re.fullmatch(r"jobarg_exec \[\d+\]: Registry number :  \[(\d+)\]\n", err)
            assert found, err
            query = select(t.value_before_jobnet.c.value_name, t.value_before_jobnet.c.before_value)
            assert [tuple(row) for row in await asyncio.to_thread(rig.rows, query)] == [
                ("DAY", "31")
            ]
            shown = await asyncio.to_thread(get_command.main, [*common, "-er", found[1]])
            assert shown == 0
            assert 'export JA_JOBNETSTATUS="BEGIN"' in capfd.readouterr().out
            client = Client(server="127.0.0.1", port=rig.port, user="Admin", password="zabbix")
            assert (await asyncio.to_thread(client.status, found[1])).jobnet_id == "NET"
            with pytest.raises(RequestRefused, match="not held|on hold|no running"):
                await asyncio.to_thread(client.release, "NET/J")
            assert await asyncio.to_thread(exec_command.main, [*common, "-j", "NONE"]) == 255
            assert "message [authentication failure]" in capfd.readouterr().err

    asyncio.run(main())


def test_nothing_distinguishes_a_missing_run_from_a_forbidden_one(
    sqlite: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """State, release and log: the same bytes for both; the server's log distinguishes them."""

    def requests(number: str) -> list[bytes]:
        requests: list[telegrams.Telegram] = [
            telegrams.StatusRequest(username="bob", password="right", registrynumber=number),
            telegrams.Release(
                username="bob", password="right", jobid="NET/J", inner_jobnet_id=number
            ),
            telegrams.LogRequest(username="bob", password="right", registry_number=number),
        ]
        return [request.to_json() for request in requests]

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            await asyncio.to_thread(rigs.add_user, rig, "bob", "right", "others")
            await asyncio.to_thread(rigs.add_run, rig, 42, "NET")
            for missing, forbidden in zip(requests("41"), requests("42"), strict=True):
                assert await answer(rig, missing) == await answer(rig, forbidden)

    async def answer(rig: Rig, request: bytes) -> bytes:
        return (await exchange("127.0.0.1", rig.port, request)).payload

    asyncio.run(main())
    assert caplog.text.count("JATRAPPER200047") == 2


def test_no_expression_is_compiled_before_log_in(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no password gets its refusal; whoever has one gets what is wrong."""
    asked: list[str] = []

    def counted(pattern: str, text: str) -> Fit:
        asked.append(pattern)
        return fit(pattern, text)

    monkeypatch.setattr(filters, "fit", counted)
    nested = "(" * 20 + "a" + "+)" * 20

    async def main() -> None:
        async with trapper(sqlite, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            for password, words in (("wrong", "authentication failure"), ("zabbix", "more memory")):
                request = telegrams.LogRequest(
                    username="Admin", password=password, jobnetid=nested, registry_number="1"
                )
                reply = await ask(rig, request.to_json())
                assert words in reply.message  # type: ignore[attr-defined]
                assert asked == ([] if password == "wrong" else [nested])

    asyncio.run(main())


def test_a_name_of_15_mb_waits_for_no_database(
    server_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It exceeded what MariaDB takes in a packet, and was tried again for 12 s."""
    huge = "'" * 15_000_000
    requests = [
        telegrams.JobnetRun(username=huge, password="x", jobnetid="NET"),
        telegrams.JobnetRun(username="Admin", password="zabbix", jobnetid=huge),
        telegrams.Release(username="Admin", password="zabbix", jobid=f"{huge}/J"),
    ]

    async def main() -> None:
        async with trapper(server_database, tmp_path) as rig:
            await asyncio.to_thread(with_admin, rig)
            for request in requests:
                with suppress(NoAnswer):  # the port may refuse it for its size alone
                    reply = await ask(rig, request.to_json())
                    assert reply.result != 0  # type: ignore[attr-defined]

    asyncio.run(main())
    assert len(caplog.text) < 10_000
    assert "lost" not in caplog.text
