"""The client library: against a whole site, and against servers that come and go."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobarranger.client import (
    BadAnswer,
    Client,
    ClientError,
    JobStatus,
    RequestRefused,
    RunState,
    RunType,
    ServerUnreachable,
    StillRunning,
)
from jobarranger.commands.demo_site import wait_until
from tests.integration.client_process import EXEC, GET, LOG, RELEASE, run
from tests.integration.scripted_server import CLOSE, SILENCE, Step, reply, scripted
from tests.stack import PASSWORD, USER, Stack

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "conf" / "client" / "run_jobnet.py"

JOBNETS = """
jobnet: NIGHTLY
name: nightly run
icons:
  START: {type: start}
  JOB-1: {type: job, host: localhost, command: 'echo "day $DAY"; exit 3', receive: [DAY]}
  END-1: {type: end}
flows:
  - START -> JOB-1 -> END-1
---
jobnet: HELD
icons:
  START: {type: start}
  JOB-1: {type: job, host: localhost, command: 'true', beforehand: hold}
  END-1: {type: end}
flows:
  - START -> JOB-1 -> END-1
---
jobnet: BAD
icons:
  START: {type: start}
  JOB-1: {type: job, host: localhost, command: 'exit 4', error-codes: '1-9'}
  END-1: {type: end}
flows:
  - START -> JOB-1 -> END-1
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start server and agent."""
    stack = Stack(tmp_path_factory.mktemp("site"))
    try:
        stack.define(JOBNETS)
        stack.start()
        yield stack
        stack.stop()
    finally:
        stack.close()


def test_example_of_the_page(site: Stack, tmp_path: Path) -> None:
    """It is on the page as it is in the file, and it works."""
    assert f"```python\n{EXAMPLE.read_text()}```" in (ROOT / "docs/python-client.md").read_text()
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\n")

    def example(jobnet: str) -> tuple[int, str, str]:
        arguments = ["127.0.0.1", str(site.server_port), USER, str(secret), jobnet]
        done = subprocess.run(
            [sys.executable, str(EXAMPLE), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        return done.returncode, done.stdout, done.stderr

    code, out, err = example("NIGHTLY")
    lines = out.splitlines()
    assert lines[0].startswith("NIGHTLY runs as 16000000000000000"), (code, out, err)
    assert lines[1:] == ["END, exit code 3", "day 31", "JOB-1 ended with 3"]
    assert (code, err) == (0, "")
    assert example("BAD")[0] == 1
    assert example("NONE") == (2, "", "the server says: authentication failure\n")


def test_a_run_from_start_to_end(site: Stack) -> None:
    """Started, found held, released, ended; then its log."""
    client = site.client()
    number = client.start_jobnet("HELD")
    assert wait_until(lambda: client.status(number).state is RunState.RUN, 30)
    with pytest.raises(StillRunning) as caught:
        client.wait(number, 3.0)
    seen = caught.value.status
    assert seen is not None
    assert (seen.jobnet_id, seen.run_type) == ("HELD", RunType.IMMEDIATE)
    assert not seen.has_ended
    assert client.release("HELD/JOB-1") == [number]
    status = client.wait(number, 30)
    assert (status.state, status.job_status) == (RunState.END, JobStatus.NORMAL)
    assert status.ended_well
    assert status.started_at is not None
    assert status.ended_at is not None
    assert status.started_at <= status.ended_at
    entries = client.job_log(number=number)
    assert entries[0].main_number == entries[0].number == number
    assert [entry.return_code for entry in entries if entry.return_code] == ["0"]
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert {entry.jobnet_id for entry in entries} == {"HELD"}
    with pytest.raises(RequestRefused, match="there is no running jobnet"):
        client.release("HELD/JOB-1", number=number)


def test_the_commands_from_start_to_end(site: Stack) -> None:
    """Like a script: start, release, ask until the exit code says ended, print the log."""
    common = ["-z", "127.0.0.1", "-p", str(site.server_port), "-U", USER, "-P", PASSWORD]
    started = run(EXEC, *common, "-jHELD")
    number = started.err.partition("[")[2].partition("[")[2].partition("]")[0]
    assert started.err == f"jobarg_exec [PID]: Registry number :  [{number}]\n"
    assert wait_until(lambda: run(GET, *common, "-r", number).code == 2, 30)
    released = run(RELEASE, *common, "-jHELD/JOB-1", "-r", number)
    assert released.err == f'jobarg_release [PID]: inner_jobnet_id: [ "{number}" ]\n'
    site.client().wait(number, 30)
    ended = run(GET, *common, "-er", number)
    assert (ended.code, ended.err) == (3, "")
    assert 'export JA_JOBNETSTATUS="END"\nexport JA_JOBSTATUS="NORMAL"\n' in ended.out
    log = run(LOG, *common, "-r", number)
    assert (log.code, log.err) == (0, "")
    assert log.out.count("\n") == len(site.client().job_log(number=number)) + 1


def test_errors_of_a_run(site: Stack) -> None:
    """A run in error is given back, unless the caller waits for the operator's work, too."""
    client = site.client()
    number = client.start_jobnet("BAD")
    status = client.wait(number, 30)
    assert status.has_error
    assert not status.has_ended
    with pytest.raises(StillRunning):
        client.wait(number, 0.3, until_error=False, interval=0.1)


def test_start_times(site: Stack) -> None:
    """A datetime is one without zone; the second registration is refused on demand."""
    client = site.client()
    at = datetime(2030, 1, 31, 23, 59)  # noqa: DTZ001
    status = client.status(client.start_jobnet("NIGHTLY", start_time=at))
    assert (status.state, status.scheduled_at) == (RunState.BEGIN, at)
    with pytest.raises(RequestRefused, match="already registered"):
        client.start_jobnet("NIGHTLY", start_time="203001312359", deterrence=True)
    with pytest.raises(ValueError, match="zone"):
        client.start_jobnet("NIGHTLY", start_time=at.replace(tzinfo=UTC))


class FakeClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now_ms(self) -> int:
        """Return no instant that anybody looks at."""
        return 0

    def monotonic(self) -> float:
        """Return the seconds that were slept."""
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)


def status(state: int) -> Step:
    """Return an answer with a state."""
    data = {"jobnetid": "N", "jobnetname": "N", "scheduled_time": 0, "start_time": 0}
    data |= {"end_time": 0, "jobnetruntype": 1, "jobentstatus": state, "jobstatus": 0}
    return [reply("jobnetstatusrq-res", data | {"result": 0})]


def test_pauses_of_wait_grow() -> None:
    """Short at first, never longer than the interval; the last one ends with the time."""
    clock = FakeClock()
    with scripted(*[status(2)] * 8) as server:
        client = Client(server="127.0.0.1", port=server.port, user="u", password="p", clock=clock)
        with pytest.raises(StillRunning, match=r"run 7 has not ended within 2 s") as caught:
            client.wait(7, 2)
    assert caught.value.status is not None
    assert caught.value.status.state is RunState.RUN
    assert clock.slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 0.45])


def test_wait_outlives_a_restart_of_the_server() -> None:
    """A server that cannot be reached is asked again; one that stays away is an error."""
    clock = FakeClock()
    with scripted(status(2), [CLOSE], [CLOSE], status(3)) as server:
        client = Client(server="127.0.0.1", port=server.port, user="u", password="p", clock=clock)
        assert client.wait(7).ended_well
        with pytest.raises(ServerUnreachable, match="Connection refused") as caught:
            client.wait(7)
    assert not caught.value.sent
    assert clock.monotonic() >= client.timeout


def test_kinds_of_failure() -> None:
    """Whether the server may have acted, and whether the time was over, can be known."""
    nonsense = reply("jobnetrun-res", {"result": 0, "message": "no number"})
    cases: list[tuple[Step, float, type[ClientError]]] = [
        ([CLOSE], 10, ServerUnreachable),
        ([SILENCE], 0.5, ServerUnreachable),
        ([b"no frame", SILENCE], 10, BadAnswer),
        ([nonsense], 10, BadAnswer),
    ]
    for step, timeout, kind in cases:
        with scripted(step) as server:
            client = Client(
                server="127.0.0.1", port=server.port, user="u", password="p", timeout=timeout
            )
            with pytest.raises(kind) as caught:
                client.start_jobnet("NET")
            if isinstance(caught.value, ServerUnreachable):
                assert (caught.value.sent, caught.value.timed_out) == (True, SILENCE in step)
    with pytest.raises(ClientError, match="cannot connect to nowhere.invalid:10061"):
        Client(server="nowhere.invalid", user="u", password="p").status(1)


def test_password_is_not_shown() -> None:
    """Neither by repr nor in an error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = Client(server="127.0.0.1", port=port, user="u", password="geheim")
    with pytest.raises(ServerUnreachable) as caught:
        client.status(1)
    assert "geheim" not in repr(client) + str(caught.value)


def test_lines_that_are_no_log() -> None:
    """A log that cannot be read is reported with its beginning."""
    lines = ["header", '"2024/01/05 10:15:04.120","1"']
    with scripted([reply("response", {"joblog": lines})]) as server:
        client = Client(server="127.0.0.1", port=server.port, user="u", password="p")
        with pytest.raises(BadAnswer, match="a line of the log cannot be read: '\"2024/01/05"):
            client.job_log(number=1)
