"""The agent as a server sees it: real processes, real sockets."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from ipc.frames import encode
from jobarranger.agent.jobs import JobState
from tests.integration.agent_rig import (
    LATER,
    NOTHING,
    REFUSE,
    AgentRig,
    ResultServer,
    jobrun,
    wait_for,
)

RECORDED = Path(__file__).parents[1] / "data" / "telegrams.jsonl"
POINTS = (
    "agent.accept",
    "agent.accepted",
    "agent.spawn",
    "agent.spawned",
    "agent.end",
    "agent.send",
    "agent.sent",
)
#: 1 to 31; the C library itself ignores two of its own above these in whatever it spawns
REAL_SIGNALS = 0x7FFFFFFF
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[AgentRig]:
    """Give an agent that is not started yet."""
    rig = AgentRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def agent(idle: AgentRig) -> AgentRig:
    """Give a running agent."""
    return idle.start()


# --- running ---------------------------------------------------------------------------------


def test_a_job_is_run_and_reported(agent: AgentRig) -> None:
    """Reply and result have the keys, types and layout that servers know."""
    reply = agent.ask(17, "echo out; echo err >&2; exit 3")
    assert reply == {
        "kind": "jobrun-res",
        "version": 1,
        "serverid": "1",
        "hostname": "agent1",
        "data": {"result": 0},
    }
    agent.result(17)
    assert agent.server.results[0] == {
        "kind": "jobresult",
        "version": 1,
        "serverid": "1",
        "hostname": "agent1",
        "data": {
            "jobid": "17",
            "hostname": "agent1",
            "method": 0,
            "result": 0,
            "std_out": "out\n",
            "std_err": "err\n",
            "return_code": 3,
            "signal": 0,
            "run_user": "",
            "run_user_password": "",
        },
    }
    wait_for(lambda: not agent.left_overs(), "its files are removed")


def test_a_server_that_counts_attempts_learns_who_answers(agent: AgentRig) -> None:
    """Reply and result carry the attempt and our name, only then."""
    reply = agent.ask(5, attempt=2)["data"]
    assert reply["attempt"] == 2
    assert reply["agent"].startswith("jobarranger-py ")
    result = agent.result(5)
    assert result["attempt"] == 2
    assert result["agent"] == reply["agent"]


@pytest.mark.parametrize(
    ("script", "code", "by_signal"),
    [
        ("", 0, 0),
        ("exit 137", 137, 0),
        ("exit 143", 143, 0),
        ("kill -9 $$", 9, 1),
        ("kill -15 $$", 15, 1),
        ("kill -2 $$", 2, 1),
        ("kill -13 $$", 13, 1),
        ("kill -1 $$", 1, 1),
        ("#!/bin/bash\n[[ $BASH_VERSION ]] && exit 4", 4, 0),
        ("#!/bin/bash\nkill -TERM $$", 15, 1),
        (f"#!{sys.executable}\nimport os, signal\nos.kill(os.getpid(), signal.SIGINT)", 2, 1),
        ("#!/no/such/interpreter\n", 127, 0),
        ("no-such-command", 127, 0),
        ("exit 0\r\n", 0, 0),
    ],
)
def test_exit_codes_and_signals_are_kept_apart(
    agent: AgentRig, script: str, code: int, by_signal: int
) -> None:
    """A signal is reported as such, and 128+n as the exit code that it is."""
    result = agent.run(1, script)
    assert (result["result"], result["return_code"], result["signal"]) == (0, code, by_signal)


def test_what_a_job_finds_around_it(agent: AgentRig) -> None:
    """Directory /, umask 0002, empty input, own session, default signals, no open descriptors."""
    script = (
        "pwd; umask; cat; (ls /proc/$$/fd >$0.ls); tr '\\n' ' ' <$0.ls; rm $0.ls;"
        " echo;"
        " grep SigIgn /proc/$$/status; ps -o sid= -p $$; echo $$; echo $0"
    )
    where, umask, files, ignored, session, pid, name = agent.run(1, script)["std_out"].splitlines()
    assert (where, umask) == ("/", "0002")
    assert set(files.split()) - {"10"} <= {"0", "1", "2"}
    assert int(ignored.split()[1], 16) & REAL_SIGNALS == 0
    assert session.strip() == pid
    assert name.endswith("/script")


def test_the_environment_is_the_daemons_with_the_servers(idle: AgentRig) -> None:
    """Strings as they are, other values as text, null as (null)."""
    idle.start(FROM_DAEMON="yes")
    env: dict[str, Any] = {"A": 'it\'s "x" $Y', "N": 7, "B": True, "L": [1, "a"], "Z": None}
    script = 'printf "%s|" "$FROM_DAEMON" "$A" "$N" "$B" "$L" "$Z" "$U"'
    out = idle.run(1, script, env=env | {"U": "日本"})["std_out"]
    assert out == 'yes|it\'s "x" $Y|7|true|[1, "a"]|(null)|日本|'


def test_an_impossible_environment_is_a_result_of_failure(agent: AgentRig) -> None:
    """It is accepted and reported as not started."""
    result = agent.run(1, "true", env={"A=B": "x\0y"})
    assert result["result"] == 1
    assert "could not be started" in result["message"]
    assert "std_out" not in result


def test_output_is_cut_and_made_valid(agent: AgentRig) -> None:
    """64,000 bytes at most, no half characters, bad UTF-8 replaced, ends at a NUL."""
    head = (
        "printf x; i=0; while [ $i -lt 700 ]; do printf '%100s' | sed 's/ /é/g'; i=$((i+1)); done"
    )
    long = agent.run(1, head)["std_out"]
    assert len(long.encode()) == 63_999
    assert set(long) == {"x", "é"}
    result = agent.run(2, r"printf 'a\377b\033'; printf 'c\000d' >&2")
    assert result["std_out"] == "a\ufffdb\x1b"
    assert result["std_err"] == "c"


def test_a_background_process_does_not_delay_the_end(agent: AgentRig) -> None:
    """The job ends with its first process."""
    result = agent.run(1, "sleep 60 & echo $!")
    os.kill(int(result["std_out"]), signal.SIGKILL)


def test_a_test_runs_nothing(agent: AgentRig) -> None:
    """Method 1 reports success of an empty script."""
    result = agent.run(1, f"echo ran >> {agent.ledger}", method=1)
    assert (result["method"], result["return_code"], result["std_out"]) == (1, 0, "")
    assert agent.runs() == 0


def test_a_stop_command_is_run_and_not_reported(agent: AgentRig) -> None:
    """Method 2 runs; only jobs of other methods are reported."""
    assert agent.ask(8, f"echo ran >> {agent.ledger}", method=2)["data"]["result"] == 0
    wait_for(lambda: agent.runs() == 1, "the stop command ran")
    wait_for(lambda: agent.query(8, 0)["state"] != "running", "it is closed")
    agent.run(9, "true")
    assert not agent.server.of(8)


def test_an_extended_job_gets_its_arguments_unexpanded(agent: AgentRig) -> None:
    """The program of the name is run; quotes and dollars stay what they are."""
    program = agent.directory / "ext" / "show.sh"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 6\n')
    program.chmod(0o755)
    result = agent.run(1, "show", type="extjob", argument=["a b", "$HOME", "'q'", 3])
    assert (result["std_out"], result["return_code"]) == ("a b|$HOME|'q'|3|", 6)
    refused = agent.ask(2, "../show", type="extjob", argument=[])["data"]
    assert refused["result"] == 2


@as_root
def test_a_job_runs_as_its_user(agent: AgentRig) -> None:
    """With the user's groups and no privileges, and without access to the wrapper's records."""
    for directory in agent.directory.parents:
        if directory.stat().st_mode & 0o001 == 0:
            directory.chmod(directory.stat().st_mode | 0o001)
    script = "id -un; id -Gn; ls $(dirname $0) 2>&1 | grep -c denied; kill -9 $$"
    result = agent.run(1, script, run_user="nobody")
    assert result["std_out"].splitlines() == ["nobody", "nogroup", "1"]
    assert (result["return_code"], result["signal"]) == (9, 1)


@as_root
def test_an_impossible_environment_of_another_user(agent: AgentRig) -> None:
    """It is reported as a failure to start, not as an exit code of the job."""
    assert agent.run(1, "true", run_user="nobody", env={"A=B": "x"})["result"] == 1


@pytest.mark.parametrize("user", ["no-such-user", ""])
def test_an_unknown_user_is_a_result_of_failure(agent: AgentRig, user: str) -> None:
    """Noticed when the job is started, as with the original; (null) is no user."""
    result = agent.run(1, "true", run_user=user or "(null)")
    assert result["result"] == (1 if user else 0)


# --- killing ---------------------------------------------------------------------------------


def test_a_killed_job_takes_everything_with_it(agent: AgentRig) -> None:
    """Children, grandchildren and those in sessions of their own; reported as signal 9."""
    script = f"sleep 61 & setsid sleep 62 & (sleep 63; true) & echo ok > {agent.ledger}; wait"
    agent.ask(1, script)
    wait_for(lambda: agent.runs() == 1, "the job is under way")
    wait_for(lambda: len(sleepers()) == 3, "all children live")
    assert agent.ask(1, "", method=3, type="")["data"] == {"result": 0}
    result = agent.result(1)
    assert (result["return_code"], result["signal"], result["result"]) == (9, 1, 0)
    wait_for(lambda: not sleepers(), "all children are gone")


def sleepers() -> list[int]:
    """Return the sleeping children that the kill test makes."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        gone = process.info["status"] == psutil.STATUS_ZOMBIE
        if words[:1] == ["sleep"] and words[1] in {"61", "62", "63"} and not gone:
            found.append(process.pid)
    return found


def test_only_a_running_job_can_be_killed(agent: AgentRig) -> None:
    """Unknown, ended and other attempts are refused with result 2."""
    assert agent.ask(1, "", method=3)["data"]["result"] == 2
    agent.run(1, "true")
    assert agent.ask(1, "", method=3)["data"]["result"] == 2
    agent.ask(2, "sleep 60", attempt=2)
    assert agent.ask(2, "", method=3, attempt=1)["data"]["result"] == 2
    assert agent.ask(2, "", method=3, attempt=2)["data"]["result"] == 0
    assert agent.result(2)["signal"] == 1


def test_a_job_that_waits_its_turn_can_be_killed(tmp_path: Path) -> None:
    """`JaMaxJobs` queues; a kill of a queued job is reported like any kill, and it never runs."""
    rig = AgentRig(tmp_path, JaMaxJobs=1)
    try:
        rig.start()
        rig.ask(1, "sleep 60")
        rig.ask(2, f"echo ran >> {rig.ledger}")
        assert rig.query(2, 0)["state"] == "unknown"
        assert rig.ask(2, "", method=3)["data"]["result"] == 0
        assert rig.result(2)["return_code"] == 9
        assert rig.ask(1, "", method=3)["data"]["result"] == 0
        assert rig.result(1)["return_code"] == 9
        assert rig.runs() == 0
    finally:
        rig.close()


# --- requests --------------------------------------------------------------------------------


def test_the_same_attempt_runs_once(agent: AgentRig) -> None:
    """Asked three times while it runs and after: accepted each time, run once."""
    script = f"echo ran >> {agent.ledger}; sleep 0.3"
    for _ in range(2):
        assert agent.ask(1, script, attempt=1)["data"]["result"] == 0
    agent.result(1)
    wait_for(lambda: agent.query(1, 1)["state"] == "closed", "it is closed")
    assert agent.ask(1, script, attempt=1)["data"]["result"] == 0
    agent.run(2, "true")
    assert agent.runs() == 1
    assert len(agent.server.of(1)) == 1


def test_attempts_follow_each_other(agent: AgentRig) -> None:
    """A later one waits for the end of the earlier, an earlier one comes too late."""
    agent.ask(1, "sleep 60", attempt=2)
    assert agent.ask(1, "true", attempt=3)["data"]["result"] == 3
    assert agent.ask(1, "true", attempt=1)["data"]["result"] == 2
    agent.ask(1, "", method=3)
    wait_for(lambda: agent.query(1, 2)["state"] == "closed", "the second attempt is closed")
    assert agent.ask(1, "echo third", attempt=3)["data"]["result"] == 0
    assert wait_for(lambda: agent.server.of(1)[1:], "result")[0]["std_out"] == "third\n"


def test_an_original_server_may_run_a_closed_job_again(agent: AgentRig) -> None:
    """Without attempts: unfinished is answered 3, closed runs again."""
    script = f"echo ran >> {agent.ledger}; sleep 0.3"
    assert agent.ask(1, script)["data"]["result"] == 0
    refused = agent.ask(1, script)["data"]
    assert refused["result"] == 3
    assert "agent" not in refused
    agent.result(1)
    wait_for(lambda: agent.ask(1, script)["data"]["result"] == 0, "it is taken again")
    wait_for(lambda: len(agent.server.of(1)) == 2, "it has run again")
    assert agent.runs() == 2


def test_a_query_shows_how_far_a_job_is(agent: AgentRig) -> None:
    """Unknown, running, closed."""
    assert agent.query(4, 1)["state"] == "unknown"
    agent.ask(4, "sleep 60", attempt=1)
    wait_for(lambda: agent.query(4, 1)["state"] == "running", "it runs")
    agent.ask(4, "", method=3)
    wait_for(lambda: agent.query(4, 1)["state"] == "closed", "it is closed")
    assert agent.query(4, 2)["state"] == "unknown"


def test_a_stranger_is_not_answered(tmp_path: Path) -> None:
    """An address that `Server` does not name gets no reply."""
    rig = AgentRig(tmp_path, Server="192.0.2.1")
    try:
        rig.start()
        with pytest.raises(Exception, match="closed"):
            rig.ask(1)
    finally:
        rig.close()


def recorded() -> Iterator[Any]:
    """Yield the recorded jobruns of an original server."""
    for line in RECORDED.read_text().splitlines():
        exchange = json.loads(line)
        if exchange["to"] == "agent" and '"kind": "jobrun"' in exchange["request"][0]["frame"]:
            yield exchange


@pytest.mark.parametrize("one", list(recorded()), ids=lambda one: str(one["conn"]))
def test_recorded_requests_are_answered_alike(agent: AgentRig, one: dict[str, Any]) -> None:
    """Byte for byte, except that a kill needs its job."""
    request, expected = one["request"][0]["frame"], one["reply"][0]["frame"]
    data = json.loads(request)["data"]
    request = request.replace("sleep 40", "true").replace("\\/opt\\/work", "\\/no\\/such")
    if data["method"] == 3:
        agent.ask(int(data["jobid"]), "sleep 60")
    assert agent.send(request).decode() == expected


# --- delivery --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [NOTHING, LATER, "nonsense"])
def test_a_result_is_sent_until_it_is_accepted(agent: AgentRig, answer: str) -> None:
    """An empty answer, one that asks for later and an unreadable one do not count as delivered."""
    agent.server.answers += [answer] * 3
    agent.run(1, "true")
    wait_for(lambda: agent.query(1, 0)["state"] == "unknown", "delivered")
    wait_for(lambda: len(agent.server.of(1)) == 4, "three repeats")
    wait_for(lambda: not agent.left_overs(), "files removed")


def test_a_refusal_ends_the_delivery(agent: AgentRig) -> None:
    """-1 without `retry` can never become an acceptance."""
    agent.server.answers.append(REFUSE)
    agent.run(1, "true")
    wait_for(lambda: not agent.left_overs(), "closed")
    assert len(agent.server.of(1)) == 1


def test_results_outlive_a_server_that_is_down_and_a_restart(agent: AgentRig) -> None:
    """They arrive, with their output, once the server is back."""
    port = agent.server.port
    agent.server.close()
    agent.ask(1, "echo kept", attempt=1)
    wait_for(lambda: agent.query(1, 1)["state"] == "ended", "ended")
    agent.kill()
    agent.start()
    assert agent.query(1, 1)["state"] == "ended"
    agent.server = ResultServer(port)
    assert agent.result(1)["std_out"] == "kept\n"


# --- crashes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("point", POINTS)
def test_a_job_runs_once_wherever_the_agent_dies(idle: AgentRig, point: str) -> None:
    """Killed at each point and started again; the server repeats its request as it would."""
    idle.start(failpoints=f"{point}=kill")
    script = f"echo ran >> {idle.ledger}; sleep 0.2; echo done"
    request = threading.Thread(target=ask_until_accepted, args=(idle, script))
    request.start()
    wait_for(lambda: idle.dead, f"dies at {point}")
    idle.start(failpoints=f"{point}=kill")
    request.join()
    result = idle.result(1)
    assert (result["result"], result["return_code"], result["std_out"]) == (0, 0, "done\n")
    wait_for(lambda: idle.query(1, 1)["state"] == "closed", "closed")
    assert idle.runs() == 1
    assert len(idle.server.of(1)) == (2 if point == "agent.sent" else 1)


def ask_until_accepted(rig: AgentRig, script: str) -> None:
    """Repeat the same attempt as a server does that has got no answer."""

    def accepted() -> bool:
        try:
            return bool(rig.ask(1, script, attempt=1)["data"]["result"] == 0)
        except Exception:  # noqa: BLE001 - the agent is dying
            return False

    wait_for(accepted, "accepted")


def test_a_job_goes_on_without_its_agent(agent: AgentRig) -> None:
    """It ends while no agent lives; the next one reports it."""
    agent.ask(1, f"while [ ! -e {agent.directory}/go ]; do sleep 0.05; done; exit 5", attempt=1)
    wait_for(lambda: agent.query(1, 1)["state"] == "running", "runs")
    assert agent.stop() == 0
    (agent.directory / "go").touch()
    jobs = agent.directory / "tmp" / "jobs"
    wait_for((jobs / "1-1" / "status").exists, "the wrapper records the end")
    agent.start()
    assert agent.result(1)["return_code"] == 5


def test_a_job_is_watched_and_killed_by_the_next_agent(agent: AgentRig) -> None:
    """The wrapper of an earlier life is found again."""
    agent.ask(1, "sleep 60", attempt=1)
    wait_for(lambda: agent.query(1, 1)["state"] == "running", "runs")
    agent.kill()
    agent.start()
    assert agent.query(1, 1)["state"] == "running"
    assert agent.ask(1, "", method=3, attempt=1)["data"]["result"] == 0
    assert agent.result(1)["return_code"] == 9


def test_a_lost_wrapper_means_an_unknown_outcome(agent: AgentRig) -> None:
    """Nobody can say how the job ended: result 1, and it is not run again."""
    agent.ask(1, f"echo ran >> {agent.ledger}; sleep 60", attempt=1)
    wait_for(lambda: agent.runs() == 1, "runs")
    directory = agent.directory / "tmp" / "jobs" / "1-1"
    first = psutil.Process(int(wait_for(partial(read, directory / "job"), "pid").split()[0]))
    psutil.Process(int((directory / "claim").read_text().split()[0])).kill()
    result = agent.result(1)
    assert result["result"] == 1
    assert "unknown" in result["message"]
    assert agent.runs() == 1
    for process in [*first.children(recursive=True), first]:
        process.kill()


def read(path: Path) -> str:
    """Return the text of a file; nothing if it is not there yet."""
    return path.read_text() if path.exists() else ""


def test_a_killed_starter_is_replaced(agent: AgentRig) -> None:
    """Jobs go on to be started."""
    assert agent.process is not None
    for child in psutil.Process(agent.process.pid).children(recursive=True):
        child.kill()
    assert agent.run(1, "echo fine", attempt=1)["std_out"] == "fine\n"


def test_two_agents_on_one_journal_are_refused(agent: AgentRig) -> None:
    """The second says so and exits with 1, before and after the pid file."""
    text = agent.config.read_text().replace("agent.pid", "other.pid")
    other = agent.directory / "other.conf"
    for content, why in ((agent.config.read_text(), "already running"), (text, "journal")):
        other.write_text(content)
        done = command("-f", "-c", str(other))
        assert done.returncode == 1
        assert why in done.stderr


# --- command line ----------------------------------------------------------------------------


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the agent's command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "jobarranger.agent.main", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("option", ["-h", "-V"])
def test_help_and_version_are_a_success(option: str) -> None:
    """Exit 0 and a text on standard output."""
    done = command(option)
    assert done.returncode == 0
    assert "jobarg_agentd" in done.stdout


def test_the_configuration_can_be_checked(idle: AgentRig) -> None:
    """Without starting anything; a wrong one is reported in one line."""
    assert command("-t", "-c", str(idle.config)).returncode == 0
    idle.config.write_text("Server=127.0.0.1\nJaListenPort=99999999\n")
    done = command("-t", "-c", str(idle.config))
    assert done.returncode == 1
    assert "JaListenPort" in done.stderr


def test_the_daemon_starts_in_the_background_and_stops(idle: AgentRig) -> None:
    """The command returns 0 when the agent listens; the pid file leads to it."""
    done = command("-c", str(idle.config))
    assert (done.returncode, done.stderr) == (0, "")
    daemon = psutil.Process(int((idle.directory / "agent.pid").read_text()))
    assert idle.run(1, "echo hello")["std_out"] == "hello\n"
    daemon.terminate()
    daemon.wait(10)
    assert not (idle.directory / "agent.pid").exists()


def test_systemd_hears_when_the_agent_listens_and_jobs_do_not(idle: AgentRig) -> None:
    """READY=1 goes to the socket that systemd gave; jobs do not get to know it."""
    path = idle.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(10)
        idle.start(NOTIFY_SOCKET=str(path))
        assert notify.recv(100) == b"READY=1"
    assert idle.run(1, "echo $NOTIFY_SOCKET")["std_out"] == "\n"


def test_a_failed_start_is_seen_by_whoever_started_it(idle: AgentRig) -> None:
    """In the background, too."""
    shutil.rmtree(idle.directory / "tmp")
    done = command("-c", str(idle.config))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "TmpDir" in done.stderr
    assert not (idle.directory / "agent.pid").exists()


@pytest.mark.parametrize("more", [{}, {"attempt": 1}], ids=["3.0.0", "ours"])
def test_a_job_is_begun_though_its_server_has_gone(agent: AgentRig, more: dict[str, int]) -> None:
    """A connection that is reset while the job is stored: what is in the journal runs, once."""
    jobs = range(1, 41)
    for job in jobs:
        with socket.create_connection(("127.0.0.1", agent.port)) as connection:
            reset = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(encode(jobrun(job, f"echo {job} >>{agent.ledger}", **more).encode()))
            if job % 2:
                select.select([connection], [], [], 0.002)
    journal = agent.directory / "agent.db"

    def states() -> list[int]:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute("SELECT state FROM ja_agent_job")]

    wait_for(lambda: states() and set(states()) == {JobState.CLOSED}, "all that was stored to run")
    ran = [int(line) for line in agent.ledger.read_text().split()]
    assert len(ran) == len(set(ran)) == len(states())
