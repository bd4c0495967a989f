"""Hosts that do not answer, and a healthy one beside them that must not notice."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobarranger.db.engine import Database
from jobarranger.states import DispatchState
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
    print("\n".join(lines[-5000:]))  # noqa: T201
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


def delay(world: World, host: str, *, hint: bool = True) -> float:
    """Return how long a job takes from its hint to its agent's answer (seconds)."""
    job = world.job(host)
    began = time.time()
    if hint:
        world.hint(job)
    return float(world.wait_state(job, ACCEPTED).accepted_at / 1000 - began)


def measured(what: str, world: World, host: str, seconds: float) -> float:
    """Send jobs one after the other for some seconds; print and return the longest delay."""
    delays = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        delays.append(delay(world, host))
    print(f"{what}: {len(delays)} jobs, longest {max(delays):.3f} s")  # noqa: T201
    return max(delays)


def undisturbed(world: World, host: str) -> float:
    """Return the limit: a second, or more where the machine itself takes its time."""
    return max(AT_ONCE, 10 * measured("undisturbed", world, host, 2))


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
        limit = undisturbed(world, healthy)
        for agent in frozen.values():
            agent.freeze()
        late, lost = world.requests(frozen, 20), world.requests(dead, 5)
        world.hint(*late)
        world.hint(*lost)
        assert measured("beside 16 frozen and 900 dead hosts", world, healthy, 6) < limit
        assert world.process is not None
        process = psutil.Process(world.process.pid)
        spent, began = sum(process.cpu_times()[:2]), time.monotonic()
        assert measured("a little later", world, healthy, 5) < limit
        share = (sum(process.cpu_times()[:2]) - spent) / (time.monotonic() - began)
        print(f"share of one processor: {share:.2f}")  # noqa: T201
        assert share < SHARE
        assert delay(world, healthy, hint=False) < limit + 1  # the next sweep
        assert not world.accepted(late)
        for agent in frozen.values():
            agent.thaw()
        back = AgentProcess(address="0.0.0.0", port=dead["dead1"][1])
        returned = {job for job, name in lost.items() if dead[name][1] == back.port}
        assert measured("while they come back", world, healthy, 5) < limit
        wait_for(lambda: len(world.accepted(late)) == len(late), "jobs of the frozen", 40)
        wait_for(lambda: len(world.accepted(returned)) == len(returned), "jobs of the dead", 40)
        for agent in frozen.values():
            assert sorted(agent.started.values()) == [1] * 21
        assert back.finish() == dict.fromkeys(returned, 1)
