"""Hosts that do not answer, and a healthy one beside them that must not notice."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobarranger.db.engine import Database
from jobarranger.states import DispatchState, IconStatus, Method
from tests.integration.dispatch_world import World, wait_for
from tests.integration.fake_agent import AgentProcess, FakeAgent

ACCEPTED = DispatchState.ACCEPTED

#: A healthy host's job is taken within this time, whatever the others do (seconds).
AT_ONCE = 1.0
#: What 900 dead hosts may cost, as a share of one processor.
SHARE = 0.5


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """Give a database with a place for an executor; ends what was started."""
    directory = Path(tempfile.mkdtemp(prefix="ja"))  # short: the path of a socket is limited
    made = World(database, directory)
    made.settings |= {"Timeout": 5, "JaConnectRetry": 600}
    yield made
    made.close()
    lines = [line for line in made.log().splitlines() if "dead" not in line]
    print("\n".join(lines[-200:]))  # noqa: T201
    shutil.rmtree(directory)


@pytest.fixture
def healthy(world: World) -> Iterator[str]:
    """Give a host with an agent that takes everything at once."""
    agent = AgentProcess()
    yield world.host("healthy", agent.port)
    assert set(agent.finish().values()) <= {1}


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Give a port of all loopback addresses where a connection is neither made nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("0.0.0.0", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(8):  # fills its queue
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port


def free_port() -> int:
    """Return a port where connections are refused."""
    with socket.create_server(("0.0.0.0", 0)) as one:
        return int(one.getsockname()[1])


def dead_hosts(refused: int, black: int) -> dict[str, tuple[str, int]]:
    """Name 900 hosts: half refuse, half never answer to a connection."""
    return {
        f"dead{number}": (
            f"127.1.{number // 200}.{1 + number % 200}",
            refused if number % 2 else black,
        )
        for number in range(900)
    }


def starved(process: psutil.Process) -> float:
    """Return how long the thread that waited most was ready and got no processor (seconds)."""
    tasks = Path(f"/proc/{process.pid}/task")
    waits = [int((one / "schedstat").read_text().split()[1]) for one in tasks.iterdir()]
    return max(waits) / 1e9


def delay(world: World, host: str, *, hint: bool = True) -> tuple[float, float]:
    """Return how long a job takes from its hint to its agent's answer (seconds).

    Twice: by the clock, and without what the executor waited for a processor that others had.
    """
    assert world.process is not None
    process = psutil.Process(world.process.pid)
    job = world.job(host)
    before, began = starved(process), time.time()
    if hint:
        world.hint(job)
    took = world.wait_state(job, ACCEPTED).accepted_at / 1000 - began
    return took, max(took - (starved(process) - before), 0.0)


def measured(what: str, world: World, host: str, seconds: float) -> float:
    """Send jobs one after the other for some seconds; print and return the longest delay."""
    delays = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        delays.append(delay(world, host))
    clock, own = map(max, zip(*delays, strict=True))
    print(f"{what}: {len(delays)} jobs, longest {own:.3f} s, by the clock {clock:.3f} s")  # noqa: T201
    return own


@pytest.mark.timeout(120)
@pytest.mark.alone
def test_frozen_and_dead_hosts_hold_up_nobody(world: World, healthy: str) -> None:
    """16 frozen agents with 20 jobs each and 900 dead hosts with 5: others' jobs go at once.

    When they come back, each of their jobs is sent, and once.
    """
    with contextlib.ExitStack() as stack, black_hole() as black:
        frozen = {f"frozen{number}": FakeAgent("take", ours=True) for number in range(16)}
        for name, agent in frozen.items():
            stack.callback(agent.close)
            world.host(name, agent)
        dead = dead_hosts(free_port(), black)
        world.hosts(dead)
        world.start()
        first = world.requests(frozen, 1)
        wait_for(lambda: len(world.accepted(first)) == len(first), "a first job of each")
        assert measured("undisturbed", world, healthy, 1) < AT_ONCE
        for agent in frozen.values():
            agent.freeze()
        late, lost = world.requests(frozen, 20), world.requests(dead, 5)
        world.hint(*late)
        world.hint(*lost)
        assert measured("beside 16 frozen and 900 dead hosts", world, healthy, 6) < AT_ONCE
        assert world.process is not None
        process = psutil.Process(world.process.pid)
        spent, began = sum(process.cpu_times()[:2]), time.monotonic()
        assert measured("a little later", world, healthy, 5) < AT_ONCE
        share = (sum(process.cpu_times()[:2]) - spent) / (time.monotonic() - began)
        print(f"share of one processor: {share:.2f}")  # noqa: T201
        assert share < SHARE
        assert delay(world, healthy, hint=False)[1] < AT_ONCE + 1  # the next sweep
        assert not world.accepted(late)
        for agent in frozen.values():
            agent.thaw()
        back = AgentProcess(address="0.0.0.0", port=dead["dead1"][1])
        returned = {job for job, name in lost.items() if dead[name][1] == back.port}
        assert measured("while they come back", world, healthy, 5) < AT_ONCE
        wait_for(lambda: len(world.accepted(late)) == len(late), "jobs of the frozen", 40)
        wait_for(lambda: len(world.accepted(returned)) == len(returned), "jobs of the dead", 40)
        for agent in frozen.values():
            assert sorted(agent.started.values()) == [1] * 21
        assert back.finish() == dict.fromkeys(returned, 1)


@pytest.mark.timeout(120)
@pytest.mark.alone
def test_a_crowd_of_requests_to_dead_hosts_hides_none(world: World, healthy: str) -> None:
    """18,000 requests that are due, 20 for each dead host, and a later one that nobody hints at."""
    dead = dead_hosts(free_port(), free_port())
    world.hosts(dead)
    world.requests(dead, 20, age=60_000)
    job = world.job(healthy)
    world.start()
    began = time.time()
    took = world.wait_state(job, ACCEPTED).accepted_at / 1000 - began
    print(f"found behind 18,000 others {took:.3f} s after the start")  # noqa: T201
    later, own = delay(world, healthy, hint=False)
    print(f"a later one: {own:.3f} s, by the clock {later:.3f} s")  # noqa: T201
    assert own < AT_ONCE + 1  # the next sweep


def test_a_host_that_takes_no_jobs_for_now(world: World) -> None:
    """Its jobs wait, one tries at a time; operators hear of it once; then all are taken."""
    agent = FakeAgent("retry", ours=True)
    host = world.host("full", agent)
    jobs = [world.job(host) for _ in range(10)]
    world.start()
    wait_for(lambda: len(agent.runs()) > 3, "some tries")
    assert {world.status(job) for job in jobs} == {IconStatus.RUN}
    tried = len(agent.runs())
    assert tried < 10
    agent.behaviour = ["take"]
    wait_for(lambda: len(world.accepted(jobs)) == 10, "all jobs")
    assert sorted(agent.started.values()) == [1] * 10
    assert world.log().count("[JADISPATCH300002]") == world.log().count("[JADISPATCH000002]") == 1
    agent.close()


def test_a_host_that_takes_no_jobs_for_long(world: World) -> None:
    """After JaConnectRetry the icons fail with the agent's words; a stop still reaches it."""
    world.settings["JaConnectRetry"] = 1
    agent = FakeAgent("take", "retry", ours=True)
    host = world.host("full", agent)
    world.start()
    runs = world.job(host)
    world.wait_state(runs, ACCEPTED)
    jobs = [world.job(host) for _ in range(5)]
    for job in jobs:
        world.wait_status(job, IconStatus.RUNERR)
        assert "[JARUNICONJOB200012]" in world.message(job)
        assert "the disk is full" in world.message(job)
        assert world.dispatch(job).state == DispatchState.DONE
    agent.behaviour = ["take"]
    world.ask_stop(runs)
    world.wait_state(runs, DispatchState.DONE, method=Method.KILL)
    agent.close()


def test_nothing_more_goes_to_a_frozen_agent_of_the_original(world: World) -> None:
    """One job is sent and waited for; the others stay new, and go when it answers again."""
    agent = FakeAgent("take")
    host = world.host("old", agent)
    world.start()
    world.wait_state(world.job(host), ACCEPTED)
    agent.freeze()
    jobs = [world.job(host) for _ in range(10)]
    wait_for(lambda: "[JACONNECT300003]" in world.log(), "the warning")
    states = Counter(world.dispatch(job).state for job in jobs)
    assert states == {DispatchState.NEW: 9, DispatchState.SENDING: 1}
    agent.thaw()
    wait_for(lambda: len(world.accepted(jobs)) == 10, "all jobs")
    assert sorted(agent.started.values()) == [1] * 11
    assert "[JACONNECT000002]" in world.log()
    agent.close()
