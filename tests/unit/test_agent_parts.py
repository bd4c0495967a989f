"""The pure parts of the agent: verdicts, outcomes, output, answers, pauses, kill, peers."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.agent import kill, starter
from jobarranger.agent.chores import Chores
from jobarranger.agent.directories import as_text, discard, prepare, sweep
from jobarranger.agent.jobs import (
    AcceptVerdict,
    Job,
    JobState,
    KnownJob,
    Order,
    Outcome,
    judge,
    outcome_of_wait_status,
)
from jobarranger.agent.journal import Acceptance, Journal
from jobarranger.agent.journal_file import JournalError, JournalFile
from jobarranger.agent.kill import ProcessRow, members
from jobarranger.agent.peers import Peers
from jobarranger.agent.result_sender import Answer, pause_after, read_answer
from jobarranger.agent.trouble import CannotWork, PassingTrouble
from jobarranger.agent.watch import Process
from jobarranger.clock import SystemClock
from jobarranger.daemon.errors import DaemonError
from jobarranger.daemon.pidfile import PidFile
from jobarranger.states import Method

OPEN = (JobState.ACCEPTED, JobState.RUNNING, JobState.ENDED)


@pytest.mark.parametrize("state", list(JobState))
def test_the_same_attempt_is_always_a_repetition(state: JobState) -> None:
    """Whatever has become of it."""
    assert judge(3, KnownJob(attempt=3, state=state)) is AcceptVerdict.REPEATED
    assert judge(2, KnownJob(attempt=3, state=state)) is AcceptVerdict.OUTDATED


@pytest.mark.parametrize("attempt", [None, 4])
@pytest.mark.parametrize("known", [None, 3])
def test_a_new_attempt_waits_for_the_end_of_the_old(attempt: int | None, known: int | None) -> None:
    """With and without attempts on either side; a closed job may run again."""
    for state in OPEN:
        assert judge(attempt, KnownJob(attempt=known, state=state)) is AcceptVerdict.UNFINISHED
    assert judge(attempt, KnownJob(attempt=known, state=JobState.CLOSED)) is AcceptVerdict.NEW
    assert judge(attempt, None) is AcceptVerdict.NEW


@pytest.mark.parametrize(
    ("status", "expected"),
    [(0, (0, 0)), (3 << 8, (3, 0)), (137 << 8, (137, 0)), (9, (9, 1)), (139, (11, 1))],
)
def test_wait_statuses(status: int, expected: tuple[int, int]) -> None:
    """Exit code, or number of the signal (core dump or not)."""
    assert outcome_of_wait_status(status) == expected


@given(st.binary(max_size=300))
def test_output_is_always_text_without_nul(data: bytes) -> None:
    """Valid UTF-8, nothing behind a NUL."""
    text = as_text(data)
    assert "\0" not in text
    assert text == data.partition(b"\0")[0].decode("utf-8", "replace")


def test_output_is_cut_between_characters() -> None:
    """64,000 bytes at most, counted after replacement."""
    assert as_text(b"x" + "é".encode() * 40_000) == "x" + "é" * 31_999
    assert len(as_text(b"\xff" * 64_001).encode()) <= starter.OUTPUT_BYTES


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b'{"data": {"result": 0}}', Answer.ACCEPTED),
        (b'{"data": {"result": "0"}}', Answer.ACCEPTED),
        (b'{"data": {"result": -1, "message": "no"}}', Answer.REFUSED),
        (b'{"data": {"result": -1, "retry": 0}}', Answer.REFUSED),
        (b'{"data": {"result": -1, "retry": 1}}', Answer.LATER),
        (b'{"data": {}}', Answer.NONE),
        (b"{}", Answer.NONE),
        (b"[]", Answer.NONE),
        (b"", Answer.NONE),
        (b"what?", Answer.NONE),
    ],
)
def test_what_answers_mean(payload: bytes, answer: Answer) -> None:
    """Only a plain refusal is for good; what cannot be understood is no answer."""
    assert read_answer(payload)[0] is answer


def test_pauses_grow_to_their_limits() -> None:
    """At most a second during the close attempts, then up to the longest."""
    pauses = [pause_after(n, close_tries=30, longest=60) for n in range(1, 60)]
    assert pauses[0] == 0.05
    assert max(pauses[:30]) == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60
    assert pause_after(10, close_tries=30, longest=0.5) == 0.5


def test_who_belongs_to_a_job() -> None:
    """Session and descendants, also of those known already; never the wrapper or elders."""
    first = Process(10, 100)
    table = [
        ProcessRow(pid=9, parent=1, session=9, start=99),  # the wrapper
        ProcessRow(pid=10, parent=9, session=10, start=100),
        ProcessRow(pid=11, parent=10, session=11, start=101),  # a session of its own
        ProcessRow(pid=12, parent=11, session=11, start=102),
        ProcessRow(pid=13, parent=1, session=10, start=103),  # re-parented
        ProcessRow(pid=14, parent=1, session=14, start=104),  # of a known one, now init's
        ProcessRow(pid=15, parent=14, session=14, start=105),
        ProcessRow(pid=16, parent=1, session=16, start=106),  # a stranger
        ProcessRow(pid=17, parent=10, session=10, start=50),  # an elder cannot be a child
    ]
    found = members(table, first, {Process(14, 104), Process(16, 1)})
    assert {process.pid for process in found} == {10, 11, 12, 13, 14, 15}


def test_a_reused_id_is_not_hit() -> None:
    """A stranger with the first's number makes its session meaningless."""
    table = [ProcessRow(pid=10, parent=1, session=10, start=900)]
    assert members(table, Process(10, 100), set()) == set()


@pytest.mark.parametrize(
    ("entries", "address", "expected"),
    [
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "::ffff:127.0.0.1", True),
        (["10.0.0.0/8", "::1"], "10.2.3.4", True),
        (["10.0.0.0/8", "::1"], "::1", True),
        (["10.0.0.0/8", "::1"], "11.0.0.1", False),
        (["localhost"], "127.0.0.1", True),
        (["no-such-name.invalid"], "127.0.0.1", False),
        ([], "127.0.0.1", False),
    ],
)
def test_allowed_servers(entries: list[str], address: str, *, expected: bool) -> None:
    """Addresses, networks and names; nothing else."""

    async def ask() -> bool:
        peers = Peers(entries, SystemClock())
        await peers.settle(10)
        return peers.allowed(address)

    assert asyncio.run(ask()) is expected


def test_names_are_never_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller is judged by what is known, while the name is looked up; the next one is let in."""
    go_on = threading.Event()

    def slow(name: str, *_: object, **__: object) -> list[object]:
        assert go_on.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0))]

    monkeypatch.setattr("jobarranger.agent.peers.socket.getaddrinfo", slow)

    async def scene() -> None:
        peers = Peers(["server.example"], SystemClock())
        assert not peers.allowed("10.0.0.1")
        await peers.settle(0.01)
        assert not peers.allowed("10.0.0.1")
        go_on.set()
        await peers.settle(10)
        assert peers.allowed("10.0.0.1")

    asyncio.run(scene())


def test_addresses_outlive_their_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found last counts while nobody can be asked; a name that is gone is gone."""
    answers: list[list[object] | OSError] = [
        [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0))],
        socket.gaierror(socket.EAI_AGAIN, "try again"),
        socket.gaierror(socket.EAI_NONAME, "no such name"),
    ]

    def resolve(name: str, *_: object, **__: object) -> list[object]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr("jobarranger.agent.peers.socket.getaddrinfo", resolve)

    async def scene() -> list[bool]:
        peers = Peers(["server.example"], SystemClock())
        found = []
        for _ in range(3):
            peers.keep_fresh(0)
            await peers.settle(10)
            found.append(peers.allowed("10.0.0.1"))
        return found

    assert asyncio.run(scene()) == [True, True, False]


@pytest.mark.parametrize(
    ("entries", "admits"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.0/8"], True),
        (["::1"], True),
        (["0.0.0.0/0"], True),
        (["localhost"], True),
        (["10.0.0.1", "fe80::/16"], False),
    ],
)
def test_this_host_may_give_orders(entries: list[str], *, admits: bool) -> None:
    """Where a loopback address is let in, every local user is."""

    async def scene() -> bool:
        peers = Peers(entries, SystemClock())
        await peers.settle(10)
        return peers.admits_this_host()

    assert asyncio.run(scene()) is admits


def test_results_are_not_sent_to_networks() -> None:
    """A network is no destination."""
    peers = Peers(["a.example", "10.0.0.0/8", "10.1.1.1"], SystemClock())
    assert peers.destinations == ["a.example", "10.1.1.1"]


def order(job_id: int, attempt: int | None = 1) -> Order:
    """Return an order as it comes from a server."""
    return Order(
        job_id=job_id,
        attempt=attempt,
        method=Method.NORMAL,
        type="command",
        script="echo \udcff é",
        env={"A": "ü"},
        run_user="",
        server_id="S",
        version=1,
        peer="10.0.0.1",
    )


def journal(path: Path) -> Journal:
    """Open a journal."""
    return Journal(path, jobs_dir="/jobs", boot_id="B", clock=SystemClock())


def test_the_journal_remembers(tmp_path: Path) -> None:
    """What was accepted is there after a reopening, with its outcome; what was closed is not."""
    path = tmp_path / "agent.db"

    async def live() -> None:
        book = journal(path)
        book.start()
        answers = await asyncio.gather(*(book.accept(order(n)) for n in (1, 2, 3)))
        again = await asyncio.gather(book.accept(order(1)), book.accept(order(1, 2)))
        assert [each.verdict for each in again] == [
            AcceptVerdict.REPEATED,
            AcceptVerdict.UNFINISHED,
        ]
        jobs = [each.job for each in answers if each.job is not None]
        assert [job.directory for job in jobs] == ["/jobs/1-1", "/jobs/2-1", "/jobs/3-1"]
        jobs[1].ended_at = 5
        book.ended(jobs[1], Outcome(result=0, return_code=7, std_out="long"))
        closed = asyncio.Event()
        book.closed(jobs[2], closed.set)
        await closed.wait()
        assert (await book.known(3, 1)) == KnownJob(attempt=1, state=JobState.CLOSED)
        assert (await book.known(3, 2)) is None
        book.close()

    asyncio.run(live())
    book = journal(path)
    first, second = book.unfinished()
    assert (first.order.job_id, first.state, first.order.env) == (1, JobState.ACCEPTED, {"A": "ü"})
    assert second.outcome == Outcome(result=0, return_code=7)
    book.close()


def test_a_value_that_no_journal_takes_keeps_nobody_else_out(tmp_path: Path) -> None:
    """What came in the same commit is stored; only the one at fault is refused, and for good."""

    async def live() -> None:
        book = journal(tmp_path / "agent.db")
        bad = replace(order(2), version=2**70)
        waiting = [asyncio.create_task(book.accept(each)) for each in (order(1), bad, order(3))]
        await asyncio.sleep(0)  # all three wait before the thread begins
        book.start()
        good, error, also = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(good, Acceptance)
        assert isinstance(also, Acceptance)
        assert isinstance(error, JournalError)
        assert not isinstance(error, PassingTrouble)
        book.close()

    asyncio.run(live())
    book = journal(tmp_path / "agent.db")
    assert [job.order.job_id for job in book.unfinished()] == [1, 3]
    book.close()


def test_without_memory_the_journals_thread_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits learns that it may pass; what is lazy is written later."""

    async def live() -> None:
        book = journal(tmp_path / "agent.db")
        book.start()
        one = await book.accept(order(1))
        assert one.job is not None
        closed = asyncio.Event()
        with monkeypatch.context() as patch:
            patch.setattr(JournalFile, "keep", no_memory)
            book.closed(one.job, closed.set)
            with pytest.raises(PassingTrouble, match="MemoryError"):
                await book.accept(order(2))
            assert not closed.is_set()
        await closed.wait()
        assert (await book.accept(order(2))).verdict is AcceptVerdict.NEW
        book.close()

    asyncio.run(live())


def no_memory(_file: JournalFile) -> None:
    """Be a step for which there is no memory."""
    raise MemoryError


def test_an_agent_that_gets_no_thread_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an error in one line, and the file is given up in good order."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def live() -> None:
        book = journal(tmp_path / "agent.db")
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(CannotWork, match="no thread for the journal"):
            book.start()
        book.close()

    asyncio.run(live())
    monkeypatch.undo()
    journal(tmp_path / "agent.db").close()


def test_a_refused_job_leaves_no_trace_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that failed at its end is overwritten as soon as anything can be written."""

    async def live() -> None:
        book = journal(tmp_path / "agent.db")
        book.start()
        await book.accept(order(1))
        before = version_of(tmp_path / "agent.db")
        with monkeypatch.context() as patch:
            patch.setattr(JournalFile, "keep", no_memory)
            with pytest.raises(PassingTrouble):
                await book.accept(order(2))
        book.close()
        assert version_of(tmp_path / "agent.db") == before + 1

    asyncio.run(live())


def version_of(path: Path) -> int:
    """Return the number that is raised when traces are overwritten."""
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_a_chore_that_fails_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """Its traceback is not repeated every second; others go on, and its recovery is reported."""
    failures = iter([OSError("no"), OSError("no"), OSError("other")])
    done = []

    def first() -> None:
        for error in failures:
            raise error

    chores = Chores([("first", first), ("second", lambda: done.append(1))])
    with caplog.at_level("INFO"):
        for _ in range(5):
            chores.round()
    assert [record.getMessage() for record in caplog.records] == [
        "first: no",
        "first: other",
        "first: works again",
    ]
    assert len(done) == 5


def test_an_agent_without_memory_ends() -> None:
    """After five rounds in a row; one good round in between begins the count anew."""
    rounds = iter([MemoryError] * 4 + [None] + [MemoryError] * 5)

    def act() -> None:
        error = next(rounds)
        if error is not None:
            raise error

    chores = Chores([("act", act)])
    for _ in range(9):
        chores.round()
    with pytest.raises(CannotWork, match="memory"):
        chores.round()


def test_without_attempts_each_acceptance_is_a_job_of_its_own(tmp_path: Path) -> None:
    """A closed job runs again in another directory."""

    async def live() -> None:
        book = journal(tmp_path / "agent.db")
        book.start()
        one = await book.accept(order(1, None))
        assert (await book.accept(order(1, None))).verdict is AcceptVerdict.UNFINISHED
        assert one.job is not None
        book.closed(one.job, lambda: None)
        two: Acceptance = await book.accept(order(1, None))
        assert two.job is not None
        assert two.job.directory != one.job.directory
        book.close()

    asyncio.run(live())


def test_a_journal_belongs_to_one_agent(tmp_path: Path) -> None:
    """The second is refused, and a damaged file is reported."""
    first = journal(tmp_path / "agent.db")
    with pytest.raises(JournalError, match="another agent"):
        journal(tmp_path / "agent.db")
    first.close()
    (tmp_path / "bad.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="cannot open"):
        journal(tmp_path / "bad.db")


def test_only_the_owner_can_read_the_journal(tmp_path: Path) -> None:
    """It holds scripts and environments."""
    journal(tmp_path / "agent.db").close()
    assert os.stat(tmp_path / "agent.db").st_mode & 0o077 == 0


def test_an_existing_journal_is_closed_to_others(tmp_path: Path) -> None:
    """One that an original agent has left open to all."""
    path = tmp_path / "agent.db"
    path.touch(0o666)
    path.chmod(0o666)
    journal(path).close()
    assert os.stat(path).st_mode & 0o077 == 0


def job_in(directory: Path) -> Job:
    """Return a job with its directory and a claim in it."""
    directory.mkdir()
    (directory / "claim").write_text("1 1\n")
    (directory / "stdout").write_text("x")
    return Job(row=1, order=order(1), directory=str(directory), accepted_at=0, boot_id="B")


def test_a_late_wrapper_cannot_claim_what_is_being_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for twice, the second wrapper may come just when the claim is gone."""
    job = job_in(tmp_path / "1-1")
    claims = []
    unlink = os.unlink

    def late(path: str) -> None:
        unlink(path)
        if path.endswith("claim"):
            try:
                starter._claim(job.directory, 1)
                claims.append(path)
            except FileNotFoundError:
                pass

    monkeypatch.setattr(os, "unlink", late)
    discard(job)
    assert claims == []
    assert list(tmp_path.iterdir()) == []


def test_left_over_directories_are_swept(tmp_path: Path) -> None:
    """Not those of open jobs, of living wrappers, and what is none of ours."""
    for name in ("1-1", "2-r7", "3-1.gone", "4-1"):
        job_in(tmp_path / name)
    me = f"{os.getpid()} {starter.process_start(os.getpid())}"
    (tmp_path / "5-1").mkdir()
    (tmp_path / "5-1" / "claim").write_text(me)
    (tmp_path / "else").mkdir()
    assert sweep(str(tmp_path), {str(tmp_path / "4-1")}) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4-1", "5-1", "else"]


def test_a_directory_half_made_is_completed(tmp_path: Path) -> None:
    """The agent died between making it and opening it for the job's user."""
    job = job_in(tmp_path / "1-1")
    os.chmod(job.directory, 0o700)
    prepare(job, "somebody")
    assert os.stat(job.directory).st_mode & 0o777 == 0o711


def test_the_outcome_waits_for_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not make a known outcome unknown."""
    write, failures = starter._write, iter([errno.ENOSPC, errno.EDQUOT])

    def full(path: str, data: bytes, mode: int) -> None:
        for number in failures:
            raise OSError(number, "full")
        write(path, data, mode)

    monkeypatch.setattr(starter, "_write", full)
    monkeypatch.setattr(starter, "RECORD_PAUSE", 0)
    starter._record(str(tmp_path), {"wait_status": 256})
    assert json.loads((tmp_path / "status").read_text()) == {"wait_status": 256}


def test_a_wrapper_without_a_place_for_its_record_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the directory of all jobs is gone for good nobody will ask for the outcome."""
    monkeypatch.setattr(starter, "RECORD_PAUSE", 0)
    tries = []

    def restore() -> None:
        tries.append(1)
        starter._restore(str(tmp_path / "gone" / "1-1"), 1, ())

    starter._record(str(tmp_path / "gone" / "1-1"), {"wait_status": 0}, restore)
    assert len(tries) == starter.RESTORE_TRIES
    assert list(tmp_path.iterdir()) == []


def test_a_kill_goes_through_although_one_process_resists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the others would stay behind, stopped for ever."""
    first, child, last = (Process(number, 1) for number in (10, 11, 12))
    killed = []

    def send(process: Process, number: int) -> str:
        if process == child:
            return "it may not be killed"
        if number == signal.SIGKILL:
            killed.append(process)
        return ""

    monkeypatch.setattr(kill, "_await_first", lambda *_: first)
    monkeypatch.setattr(kill, "members", lambda *_: {first, child, last})
    monkeypatch.setattr(kill, "_send", send)
    assert kill.kill_job("/d", Process(9, 1), SystemClock()) == "it may not be killed"
    assert killed == [first, last]


def test_a_first_process_without_record_is_found_by_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrapper had no room to write it down."""
    monkeypatch.setattr(kill, "BEGIN_SECONDS", 0)
    wrapper = Process(os.getpid(), starter.process_start(os.getpid()))
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        try:
            found = kill._await_first(str(tmp_path), wrapper, SystemClock())
            children = {each.pid for each in psutil.Process().children()}
            assert found is not None
            assert found.pid in children
        finally:
            child.kill()


def test_a_pid_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """Its directory may belong to somebody whom root must not obey."""
    target = tmp_path / "precious"
    target.write_text("content")
    (tmp_path / "agent.pid").symlink_to(target)
    with pytest.raises(DaemonError, match="pid file"):
        PidFile.take(tmp_path / "agent.pid")
    assert target.read_text() == "content"
