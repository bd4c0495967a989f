"""The agent in passing trouble, and with things taken away under it: nothing lost or doubled."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ipc.errors import WireError
from tests.integration.agent_rig import AgentRig, wait_for

JOBS = 25
MIB = 1 << 20


class SmallDisk:
    """A file system of one MiB, which can be filled to the last byte and emptied."""

    def __init__(self, path: Path) -> None:
        """Mount it, or skip the test where that is not allowed."""
        path.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "none", str(path)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip("a file system cannot be mounted here")
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Leave only some bytes free."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        if leave:
            os.truncate(self._ballast, self._ballast.stat().st_size - leave)

    def empty(self) -> None:
        """Give the room back."""
        os.truncate(self._ballast, 0)

    def close(self) -> None:
        """Unmount it, also when somebody is still in it."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Give a small disk."""
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentRig]:
    """Give a running agent."""
    rig = AgentRig(tmp_path)
    try:
        yield rig.start()
    finally:
        rig.close()


@pytest.fixture
def cramped(disk: SmallDisk, tmp_path: Path) -> Iterator[AgentRig]:
    """Give a running agent whose journal is on the small disk."""
    rig = AgentRig(tmp_path, JaDatabaseFile=disk.path / "agent.db")
    try:
        yield rig.start()
    finally:
        rig.close()


def marked(rig: AgentRig, number: int) -> str:
    """Return a script that writes its number into the ledger."""
    return f"echo {number} >> {rig.ledger}"


def ran(rig: AgentRig) -> list[int]:
    """Return the numbers in the ledger, sorted."""
    return sorted(map(int, rig.ledger.read_text().split())) if rig.ledger.exists() else []


def log(rig: AgentRig) -> str:
    """Return the agent's log."""
    return (rig.directory / "agent.log").read_text()


def all_once(rig: AgentRig, count: int) -> None:
    """Wait for the results of jobs 1 to `count`; each must have run once and well."""
    results = [rig.result(number) for number in range(1, count + 1)]
    assert {(each["result"], each["return_code"]) for each in results} == {(0, 0)}
    assert ran(rig) == list(range(1, count + 1))


def ask_until_taken(rig: AgentRig, number: int, script: str) -> int:
    """Send an attempt as our server does: again while it is asked to; return how often."""
    tries = 0

    def taken() -> bool:
        nonlocal tries
        tries += 1
        data = rig.ask(number, script, attempt=1)["data"]
        assert data["result"] == 0 or (data["result"], data["retry"]) == (2, 1)
        return bool(data["result"] == 0)

    wait_for(taken, f"job {number} is taken")
    return tries


# --- the journal cannot be written -----------------------------------------------------------


def full(rig: AgentRig, disk: SmallDisk) -> Callable[[], None]:
    """Let the disk be full."""
    del rig
    disk.fill()
    return disk.empty


def failing(rig: AgentRig, disk: SmallDisk) -> Callable[[], None]:
    """Let every write of the agent fail (its log, too)."""
    del disk
    assert rig.process is not None
    before = resource.prlimit(rig.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    pid = rig.process.pid

    def end() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return end


def locked(rig: AgentRig, disk: SmallDisk) -> Callable[[], None]:
    """Let somebody hold the lock of the file."""
    del rig
    db = sqlite3.connect(disk.path / "agent.db", isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    return db.close


TROUBLE = [full, failing, locked]


@pytest.mark.parametrize("begin", TROUBLE)
def test_a_job_that_cannot_be_stored_now_is_asked_for_again(
    cramped: AgentRig, disk: SmallDisk, begin: Callable[..., Callable[[], None]]
) -> None:
    """25 jobs during the trouble: each is asked to come again, none is refused, each runs once."""
    cramped.run(99, "true", attempt=1)
    end = begin(cramped, disk)
    with ThreadPoolExecutor(JOBS) as pool:
        numbers = range(1, JOBS + 1)
        first = [pool.submit(cramped.ask, n, marked(cramped, n), attempt=1) for n in numbers]
        for data in (each.result()["data"] for each in first):
            assert (data["result"], data["retry"], data["attempt"]) == (2, 1, 1)
            assert "journal" in data["message"]
        end()
        taken = [pool.submit(ask_until_taken, cramped, n, marked(cramped, n)) for n in numbers]
        assert all(each.result() for each in taken)
    all_once(cramped, JOBS)


@pytest.mark.parametrize("begin", [full, failing])
def test_an_original_server_waits_while_its_job_cannot_be_stored(
    cramped: AgentRig, disk: SmallDisk, begin: Callable[..., Callable[[], None]]
) -> None:
    """It would fail the icon whatever it heard: 25 requests are held and then accepted."""
    cramped.run(99, "true")
    end = begin(cramped, disk)
    with ThreadPoolExecutor(JOBS) as pool:
        asked = [pool.submit(cramped.ask, n, marked(cramped, n)) for n in range(1, JOBS + 1)]
        told_to_come_again = cramped.ask(50, attempt=1)["data"]
        assert told_to_come_again["retry"] == 1
        assert not any(each.done() for each in asked)
        end()
        assert [each.result()["data"] for each in asked] == [{"result": 0}] * JOBS
    all_once(cramped, JOBS)


def test_what_was_left_without_an_answer_never_comes_to_life(
    cramped: AgentRig, disk: SmallDisk
) -> None:
    """An original server is reset at last; the job runs neither then nor after a restart."""
    cramped.run(99, "true")
    disk.fill()
    with pytest.raises(WireError, match="reset"):
        cramped.ask(1, marked(cramped, 1))
    cramped.kill()
    disk.empty()
    cramped.start()
    cramped.run(2, marked(cramped, 2))
    assert ran(cramped) == [2]


def test_a_query_is_answered_on_a_full_disk(cramped: AgentRig, disk: SmallDisk) -> None:
    """It needs no room."""
    cramped.run(1, "true", attempt=1)
    wait_for(lambda: cramped.query(1, 1)["state"] == "closed", "closed")
    disk.fill()
    assert cramped.ask(2, attempt=1)["data"]["retry"] == 1
    assert cramped.query(1, 1)["state"] == "closed"
    assert cramped.query(2, 1)["state"] == "unknown"


def test_the_log_shows_trouble_once(cramped: AgentRig, disk: SmallDisk) -> None:
    """One line when it begins and one when it is over, whatever was asked meanwhile."""
    cramped.run(99, "true", attempt=1)
    disk.fill()
    for number in range(1, JOBS + 1):
        cramped.ask(number, attempt=1)
    disk.empty()
    ask_until_taken(cramped, 1, "true")
    wait_for(lambda: "can be written again" in log(cramped), "reported")
    assert log(cramped).count("cannot be written now") == 1


# --- the job cannot be started ---------------------------------------------------------------


@pytest.fixture
def roomless(disk: SmallDisk, tmp_path: Path) -> Iterator[AgentRig]:
    """Give a running agent whose jobs' directories are on the small disk."""
    rig = AgentRig(tmp_path, TmpDir=disk.path)
    try:
        yield rig.start()
    finally:
        rig.close()


@pytest.mark.parametrize("leave", [0, 64 << 10], ids=["no claim", "no script"])
def test_an_accepted_job_is_started_when_there_is_room(
    roomless: AgentRig, disk: SmallDisk, leave: int
) -> None:
    """25 jobs on a full disk are accepted, reported as nothing, and run once there is room."""
    roomless.run(99, "true", attempt=1)
    wait_for(lambda: not os.listdir(disk.path / "jobs"), "its files have given their room back")
    disk.fill(leave)
    filler = "#" * (256 << 10)
    for number in range(1, JOBS + 1 if leave == 0 else 5):
        script = f"{marked(roomless, number)}\n{filler if leave else ''}"
        assert roomless.ask(number, script, attempt=1)["data"]["result"] == 0
    wait_for(lambda: "cannot be started" in log(roomless), "it is reported")
    assert not roomless.server.of(1)
    disk.empty()
    all_once(roomless, JOBS if leave == 0 else 4)


@pytest.mark.parametrize("leave", [0, 64 << 10], ids=["no claim", "no script"])
def test_a_job_that_waits_for_room_can_be_killed(
    roomless: AgentRig, disk: SmallDisk, leave: int
) -> None:
    """It is reported as killed, and does not run when there is room."""
    roomless.run(99, "true", attempt=1)
    wait_for(lambda: not os.listdir(disk.path / "jobs"), "its files have given their room back")
    disk.fill(leave)
    script = f"{marked(roomless, 1)}\n{'#' * (256 << 10)}"
    assert roomless.ask(1, script, attempt=1)["data"]["result"] == 0
    wait_for(lambda: "cannot be started" in log(roomless), "it is reported")
    kill = wait_for(
        lambda: (each := roomless.ask(1, "", method=3, attempt=1)["data"])["result"] == 0 and each,
        "it is killed",
    )
    assert kill["result"] == 0
    disk.empty()
    result = roomless.result(1)
    assert (result["return_code"], result["signal"]) == (9, 1)
    assert roomless.run(2, "true", attempt=1)["return_code"] == 0
    assert ran(roomless) == []


# --- things are taken away -------------------------------------------------------------------


def test_the_directory_of_the_jobs_is_made_again(agent: AgentRig) -> None:
    """Removed while nothing runs: the next job runs, and the directory has its mode."""
    agent.run(1, "true", attempt=1)
    jobs = agent.directory / "tmp" / "jobs"
    shutil.rmtree(jobs)
    assert agent.run(2, "echo fine", attempt=1)["std_out"] == "fine\n"
    assert stat.S_IMODE(jobs.stat().st_mode) == 0o711
    shutil.rmtree(agent.directory / "tmp")
    assert agent.run(3, "echo fine", attempt=1)["std_out"] == "fine\n"


def test_a_directory_of_somebody_else_is_not_used(agent: AgentRig) -> None:
    """A link in the place of the directory is not followed; the job waits."""
    agent.run(1, "true", attempt=1)
    jobs = agent.directory / "tmp" / "jobs"
    (agent.directory / "trap").mkdir()
    wait_for(lambda: not agent.left_overs(), "removed")
    jobs.rmdir()
    jobs.symlink_to(agent.directory / "trap")
    wait_for(lambda: "is not a directory of this user" in log(agent), "it is reported")
    assert stat.S_ISLNK(jobs.lstat().st_mode)
    jobs.unlink()
    assert agent.run(2, "echo fine", attempt=1)["std_out"] == "fine\n"


def wait_for_go(rig: AgentRig) -> str:
    """Return a script that writes, waits for the file `go`, writes and ends with 5."""
    return f"echo one; while [ ! -e {rig.directory}/go ]; do sleep 0.05; done; echo two; exit 5"


def test_a_running_job_whose_directory_was_removed_is_reported(agent: AgentRig) -> None:
    """Its wrapper knows how it ended and has its output: exit code and both lines arrive."""
    agent.ask(1, wait_for_go(agent), attempt=1)
    wait_for(lambda: agent.query(1, 1)["state"] == "running", "it runs")
    shutil.rmtree(agent.directory / "tmp" / "jobs")
    (agent.directory / "go").touch()
    result = agent.result(1)
    assert (result["result"], result["return_code"]) == (0, 5)
    assert result["std_out"] == "one\ntwo\n"
    wait_for(lambda: not agent.left_overs(), "its directory is removed")


def test_removed_under_a_job_while_no_agent_lives_means_unknown(agent: AgentRig) -> None:
    """The next agent cannot find the wrapper: it says so at once and runs nothing again."""
    agent.ask(1, f"{marked(agent, 1)}; {wait_for_go(agent)}", attempt=1)
    wait_for(lambda: ran(agent) == [1], "it runs")
    wait_for(lambda: agent.query(1, 1)["state"] == "running", "and that is known")
    assert agent.stop() == 0
    shutil.rmtree(agent.directory / "tmp" / "jobs")
    agent.start()
    result = agent.result(1)
    assert result["result"] == 1
    assert result["message"].startswith("outcome unknown")
    (agent.directory / "go").touch()
    assert ran(agent) == [1]


@pytest.mark.parametrize("names", [["", "-wal", "-shm"], ["", "-wal", "-shm", ".lock"], ["-wal"]])
def test_a_journal_that_was_removed_is_written_again(agent: AgentRig, names: list[str]) -> None:
    """With all it held: after a crash every attempt is known, and none runs twice."""
    agent.run(1, marked(agent, 1), attempt=1)
    agent.ask(2, f"{marked(agent, 2)}; {wait_for_go(agent)}", attempt=1)
    wait_for(lambda: ran(agent) == [1, 2], "both have begun")
    for name in names:
        Path(f"{agent.directory}/agent.db{name}").unlink()
    assert agent.ask(3, marked(agent, 3), attempt=1)["data"]["result"] == 0
    agent.result(3)
    agent.kill()
    agent.start()
    for number in (1, 2, 3):
        assert agent.ask(number, marked(agent, number), attempt=1)["data"]["result"] == 0
    (agent.directory / "go").touch()
    assert agent.result(2)["return_code"] == 5
    assert ran(agent) == [1, 2, 3]


def test_a_stranger_in_the_journals_place_is_put_aside(agent: AgentRig) -> None:
    """Nothing of either is lost; the agent's own memory goes on."""
    agent.run(1, marked(agent, 1), attempt=1)
    journal = agent.directory / "agent.db"
    other = agent.directory / "other"
    other.write_text("precious")
    other.rename(journal)
    wait_for(lambda: "was removed or replaced" in log(agent), "noticed although nothing is asked")
    agent.kill()
    agent.start()
    assert agent.query(1, 1)["state"] in {"ended", "closed"}
    assert (agent.directory / "agent.db.replaced").read_text() == "precious"
    assert ran(agent) == [1]


def test_pid_file_and_log_are_made_again(tmp_path: Path) -> None:
    """Also when their directories were removed."""
    (tmp_path / "run").mkdir()
    (tmp_path / "log").mkdir()
    pid_file, log_file = tmp_path / "run" / "agent.pid", tmp_path / "log" / "agent.log"
    rig = AgentRig(tmp_path, JaPidFile=pid_file, JaLogFile=log_file)
    try:
        rig.start()
        assert rig.process is not None
        shutil.rmtree(pid_file.parent)
        shutil.rmtree(log_file.parent)
        wait_for(lambda: pid_file.exists() and pid_file.read_text(), "the pid file is back")
        assert int(pid_file.read_text()) == rig.process.pid
        rig.run(1, "true")
        assert "job 1 ended" in wait_for(lambda: log_file.exists() and log_file.read_text(), "log")
        assert rig.stop() == 0
        assert not pid_file.exists()
    finally:
        rig.close()


# --- helpers that do not answer --------------------------------------------------------------


def helpers(rig: AgentRig) -> list[psutil.Process]:
    """Return the starter, and then the wrapper that it holds ready."""
    assert rig.process is not None
    (starter,) = psutil.Process(rig.process.pid).children()
    return [starter, *starter.children()]


@pytest.mark.parametrize("which", [0, 1], ids=["starter", "next wrapper"])
def test_a_helper_that_does_not_answer_is_replaced(agent: AgentRig, which: int) -> None:
    """Stopped (SIGSTOP), and 50 jobs sent: all run once within seconds, also when it goes on."""
    agent.run(99, "true", attempt=1)
    wait_for(lambda: len(helpers(agent)) == 2, "both are there")
    victim = helpers(agent)[which]
    victim.suspend()
    for number in range(1, 51):
        assert agent.ask(number, marked(agent, number), attempt=1)["data"]["result"] == 0
    all_once(agent, 50)
    assert "does not answer" in log(agent)
    with suppress(psutil.NoSuchProcess):
        victim.resume()
        victim.wait(10)
    assert agent.run(51, marked(agent, 51), attempt=1)["result"] == 0
    assert ran(agent) == list(range(1, 52))


def test_a_stopped_wrapper_is_reported_and_left_alone(agent: AgentRig) -> None:
    """Log and title say so; the job is reported when somebody lets its wrapper go on."""
    agent.ask(1, wait_for_go(agent), attempt=1)
    wait_for(lambda: agent.query(1, 1)["state"] == "running", "it runs")
    claim = agent.directory / "tmp" / "jobs" / "1-1" / "claim"
    wrapper = psutil.Process(int(claim.read_text().split()[0]))
    wrapper.suspend()
    assert agent.process is not None
    title = psutil.Process(agent.process.pid).cmdline
    wait_for(lambda: "[1 running, 1 stopped, 0 to deliver]" in title()[0], "the title says so")
    wait_for(lambda: f"(process {wrapper.pid}) was stopped" in log(agent), "the log says so")
    (agent.directory / "go").touch()
    wrapper.resume()
    assert agent.result(1)["return_code"] == 5
    assert log(agent).count("was stopped by somebody") == 1


# --- too little memory -----------------------------------------------------------------------


def test_an_agent_without_memory_says_so_once_and_ends(agent: AgentRig) -> None:
    """Exit code 70 within seconds, no traceback; what was accepted is run by the next agent."""
    agent.run(99, "true", attempt=1)
    assert agent.process is not None
    size = psutil.Process(agent.process.pid).memory_info().vms
    resource.prlimit(agent.process.pid, resource.RLIMIT_AS, (size - MIB, resource.RLIM_INFINITY))
    large = marked(agent, 1) + "\n" + "#" * (8 * MIB)

    def ended() -> bool:
        with suppress(WireError, OSError):
            agent.ask(1, large, attempt=1)
        return agent.dead

    wait_for(ended, "it ends")
    assert agent.process.returncode == 70
    assert log(agent).count("[CRIT]") == 1
    assert "Traceback" not in log(agent)
    assert len(log(agent).splitlines()) < 20
    agent.start()
    assert ask_until_taken(agent, 1, large) == 1
    assert agent.result(1)["result"] == 0
    assert ran(agent) == [1]
