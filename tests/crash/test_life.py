"""Who is replaced after a death and how soon; what a stop and an absent database look like."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from jobarranger.commands.demo_site import wait_until
from tests.crash.conftest import Make
from tests.crash.harness import AGENT, SERVER, CrashRig, alive
from tests.services import PrivateServer

#: Within this a child that died is replaced (seconds).
REPLACED = 2.0
#: Children without a parent are gone after this.
ORPHANS = 5.0
#: Shipped JaStopTimeout.
STOP = 30.0
#: What a job does so that deaths meet it in the middle.
LONG = "sleep 1.5"


def well(rig: CrashRig, runs: list[int]) -> None:
    """See that all is well with the runs in the end."""
    faults = rig.settle(runs)
    assert faults == [], "\n".join([*faults, rig.evidence()])


def wait_for_lines(rig: CrashRig, count: int) -> None:
    """Wait until so many jobs have begun."""
    assert wait_until(lambda: sum(rig.lines().values()) >= count, 30), rig.evidence()


@pytest.mark.timeout(120)
def test_each_child_is_replaced(make: Make) -> None:
    """Kill one after the other: it is back within two seconds, the others and the runs go on."""
    rig = make()
    rig.run()
    runs = rig.begin(1)
    before = rig.children()
    assert len({name.partition(" #")[0] for name in before}) == 9
    for name, victim in before.items():
        rest = {other: child.pid for other, child in rig.children().items() if other != name}
        killed = time.monotonic()
        victim.kill()

        def is_back(name: str = name, victim: psutil.Process = victim) -> bool:
            there = rig.children().get(name)
            return there is not None and there.pid != victim.pid

        assert wait_until(is_back, REPLACED), f"{name}: {rig.evidence()}"
        assert time.monotonic() - killed < REPLACED, name
        after = {other: child.pid for other, child in rig.children().items() if other != name}
        assert after == rest, f"the death of {name} was not its alone"
        runs = rig.begin(1)
    well(rig, runs)
    assert rig.daemons[SERVER].poll() is None


@pytest.mark.timeout(120)
def test_a_stop_takes_everyone(make: Make) -> None:
    """SIGTERM in the middle of work: exit 0 in time, nobody left, and the next start goes on."""
    rig = make(work=LONG)
    rig.run()
    runs = rig.begin(4)
    wait_for_lines(rig, 2)
    family = rig.processes(SERVER)
    rig.daemons[SERVER].terminate()
    assert rig.daemons[SERVER].wait(STOP) == 0, rig.evidence()
    assert alive(family) == []
    assert not list(rig.runtime.glob("*.q")), "queues are left over"
    rig.bring(SERVER)
    well(rig, runs)


@pytest.mark.timeout(120)
def test_children_do_not_outlive_their_parent(make: Make) -> None:
    """Kill -9 of the parent: the children go by themselves, and a start works at once."""
    rig = make(work=LONG)
    rig.run()
    runs = rig.begin(4)
    wait_for_lines(rig, 2)
    family = rig.processes(SERVER)
    rig.kill(SERVER)
    rig.bring(SERVER)  # does not wait for anybody
    _, left = psutil.wait_procs(family, timeout=ORPHANS)
    assert left == [], rig.evidence()
    well(rig, runs)


@pytest.mark.timeout(120)
def test_an_agent_that_stops_leaves_its_jobs(make: Make) -> None:
    """SIGTERM while jobs run and end: the next start reports them, none runs again."""
    rig = make(work=LONG)
    rig.run()
    runs = rig.begin(3)
    wait_for_lines(rig, 3)
    rig.daemons[AGENT].send_signal(signal.SIGTERM)
    assert rig.daemons[AGENT].wait(STOP) == 0, rig.evidence()
    jobs = rig.directory / "tmp" / "jobs"
    assert wait_until(lambda: len(list(jobs.glob("*/status"))) >= 3, 20), "the jobs did not go on"
    assert sum(rig.lines().values()) == 3
    rig.bring(AGENT)
    well(rig, runs)


@pytest.mark.timeout(120)
def test_results_after_a_long_absence(make: Make) -> None:
    """A server that was away for long gets the results as soon as it is back."""
    rig = make(jobs=1, work=LONG, agent={"JaSendRetry": 1})
    rig.run()
    runs = rig.begin(1)
    wait_for_lines(rig, 1)
    family = rig.processes(SERVER)
    rig.kill(SERVER)
    psutil.wait_procs(family, timeout=ORPHANS)
    with socket.create_server(("127.0.0.1", rig.server_port)) as deaf:
        deaf.settimeout(30)
        tried, pause = time.monotonic(), 0.0
        while pause < 5:  # each one is twice as long as the one before
            deaf.accept()[0].close()
            tried, pause = time.monotonic(), time.monotonic() - tried
    rig.bring(SERVER)
    faults = rig.settle(runs, 6)
    assert faults == [], "\n".join([*faults, rig.evidence()])


@pytest.mark.timeout(120)
def test_a_database_that_is_away(tmp_path: Path, own_server: PrivateServer) -> None:
    """Each child says once that the database is away, nobody dies, and all goes on by itself."""
    rig = CrashRig(tmp_path, own_server.create_database("jobarg"), jobs=3, work=LONG)
    try:
        rig.run()
        runs = rig.begin(4)
        wait_for_lines(rig, 4)
        before = {name: child.pid for name, child in rig.children().items()}
        own_server.kill()
        assert wait_until(lambda: "[JASERVER200004]" in rig.log(), 40), rig.evidence()
        own_server.restart()
        well(rig, runs)
        lines = rig.log().splitlines()
        said = [line.partition("]")[2] for line in lines if "[JASERVER200004]" in line]
        assert said
        who = [line.partition(" answer ")[2].partition(":")[0] for line in said]
        assert sorted(set(who)) == sorted(who), rig.evidence()
        assert {name: child.pid for name, child in rig.children().items()} == before
    finally:
        rig.close()


@pytest.mark.timeout(150)
def test_a_start_while_the_database_stands_still(tmp_path: Path, own_server: PrivateServer) -> None:
    """The parent dies while its children wait for a frozen database: the next server goes on."""
    rig = CrashRig(tmp_path, own_server.create_database("jobarg"), jobs=3, work=LONG)
    try:
        rig.run()
        runs = rig.begin(4)
        wait_for_lines(rig, 4)
        family = rig.processes(SERVER)
        own_server.freeze()
        spool = rig.directory / "state" / "spool"
        assert wait_until(lambda: len(list(spool.glob("*.result"))) == 4, 20), "results are kept"
        rig.kill(SERVER)
        rig.rise(SERVER)
        assert wait_until(lambda: len(alive(family)) < len(family) - 2, ORPHANS)
        assert rig.daemons[SERVER].poll() is None, "it waits for the old children"
        own_server.thaw()
        _, left = psutil.wait_procs(family, timeout=ORPHANS)
        assert left == [], [one.cmdline() for one in left]
        well(rig, runs)
    finally:
        own_server.thaw()
        rig.close()


@pytest.mark.timeout(150)
def test_a_stop_while_the_database_stands_still(tmp_path: Path, own_server: PrivateServer) -> None:
    """SIGTERM with children that wait for a frozen database: still exit 0 in time."""
    limit = 8.0
    parameters = {"JaStopTimeout": int(limit)}
    settings = own_server.create_database("jobarg")
    rig = CrashRig(tmp_path, settings, jobs=3, work=LONG, server=parameters)
    try:
        rig.run()
        runs = rig.begin(4)
        wait_for_lines(rig, 4)
        family = rig.processes(SERVER)
        own_server.freeze()
        rig.daemons[SERVER].terminate()
        assert rig.daemons[SERVER].wait(limit + 3) == 0, rig.evidence()
        assert alive(family) == []
        own_server.thaw()
        rig.bring(SERVER)
        well(rig, runs)
    finally:
        own_server.thaw()
        rig.close()
