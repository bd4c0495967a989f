"""Deaths at random while 50 runs go on; the order of events comes from a seed.

`JOBARG_CHAOS_SEED` repeats an order, `JOBARG_CHAOS_SECONDS` sets how long processes die.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from jobarranger.client import ClientError
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType
from tests.crash.harness import AGENT, JOBNET, SERVER, CrashRig, title
from tests.services import PrivateServer

RUNS, JOBS = 50, 5
#: What a job does after its line: some are over at once, some live through a few deaths.
WORK = "case $MANAGEMENT_ID in *[048]) sleep 0.5;; *[26]) sleep 0.1;; esac"
#: Seconds during which processes die, from one death to the next, and of a frozen database.
CHAOS = float(os.environ.get("JOBARG_CHAOS_SECONDS", "20"))
SHORTEST, LONGEST = 0.1, 0.9
FROZEN = float(os.environ.get("JOBARG_CHAOS_FROZEN", "20"))
#: Seconds until all must be well again after the last death.
RECOVERY = 75.0


@dataclass
class Killer:
    """Does one bad thing after the other."""

    rig: CrashRig
    random: random.Random
    database: PrivateServer | None = None
    deaths: Counter[str] = field(default_factory=Counter)

    def strike(self) -> None:
        """Do one of the things, children more often than the rest."""
        choices: list[tuple[int, Callable[[], None]]] = [
            (10, self.child),
            (2, self.parent),
            (2, self.agent),
            (1, self.starter),
            (1, self.everything),
            (3, self.stall),
        ]
        if self.database is not None:
            choices.append((2, self.crash_database))
        weights = [weight for weight, _ in choices]
        with suppress(psutil.NoSuchProcess):  # gone since we looked
            self.random.choices([act for _, act in choices], weights)[0]()

    def child(self) -> None:
        """Kill one of the server's children; each role is as likely as any other."""
        children = self.rig.children()
        roles = sorted({name.partition(" #")[0] for name in children})
        if roles:
            role = self.random.choice(roles)
            name = self.random.choice(sorted(n for n in children if n.startswith(f"{role} #")))
            children[name].kill()
            self.deaths[role] += 1

    def parent(self) -> None:
        """Kill the server's parent."""
        self.rig.kill(SERVER)
        self.deaths["parent"] += 1

    def agent(self) -> None:
        """Kill the agent; its starter ends by itself, the jobs go on."""
        self.rig.kill(AGENT)
        self.deaths["agent"] += 1

    def starter(self) -> None:
        """Kill the agent's helper that starts the jobs."""
        for process in psutil.Process(self.rig.daemons[AGENT].pid).children():
            if "starter" in title(process):
                process.kill()
                self.deaths["starter"] += 1

    def everything(self) -> None:
        """Kill all of the server and of the agent at one blow."""
        self.rig.kill_all()
        self.deaths["everything"] += 1

    def stall(self) -> None:
        """Let the agent or a child stand still for a moment; the others go on."""
        candidates = [psutil.Process(self.rig.daemons[AGENT].pid)]
        candidates += [child for _, child in sorted(self.rig.children().items())]
        process = self.random.choice([candidates[0], self.random.choice(candidates)])
        process.suspend()
        self.deaths["stalled"] += 1

        def wake() -> None:
            with suppress(psutil.NoSuchProcess):
                process.resume()

        threading.Timer(self.random.uniform(0.5, 3.0), wake).start()

    def crash_database(self) -> None:
        """Kill the database and start it again."""
        assert self.database is not None
        self.database.kill()
        time.sleep(self.random.uniform(0.1, 1.5))
        self.database.restart()
        self.deaths["database"] += 1


def starting(rig: CrashRig, over: threading.Event) -> threading.Thread:
    """Start runs, spread over the time, by a client that does not know what goes on."""

    def work() -> None:
        for _ in range(RUNS):
            if over.wait(CHAOS / RUNS):
                return
            with suppress(ClientError):
                rig.client().start_jobnet(JOBNET)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def seed() -> int:
    """Return the seed, and print it for the case that the test fails."""
    seed = int(os.environ.get("JOBARG_CHAOS_SEED") or random.randrange(10**6))
    print(f"JOBARG_CHAOS_SEED={seed}")  # noqa: T201 - shown with a failure
    return seed


def chaos(rig: CrashRig, killer: Killer, disaster: Callable[[], None]) -> None:
    """Let everything die again and again, a disaster in the middle; then all must be well."""
    rig.run()
    over = threading.Event()
    starter = starting(rig, over)
    until = time.monotonic() + CHAOS
    half = until - CHAOS / 2
    struck = False
    while time.monotonic() < until:
        time.sleep(killer.random.uniform(SHORTEST, LONGEST))
        killer.strike()
        rig.revive()
        if not struck and time.monotonic() > half:
            struck, started = True, time.monotonic()
            disaster()
            until += time.monotonic() - started
    rig.revive()
    starter.join(60)
    over.set()
    runs = rig.begin(max(RUNS - len(rig.started()), 0))
    calm = time.monotonic()
    faults = rig.settle(runs, RECOVERY)
    print(f"deaths: {dict(killer.deaths)}; well after {time.monotonic() - calm:.1f} s")  # noqa: T201
    assert faults == [], "\n".join([*faults, rig.evidence()])
    assert len(runs) >= RUNS


@pytest.mark.timeout(180)
def test_chaos_on_sqlite(tmp_path: Path, seed: int) -> None:
    """Children, parent, agent, and all at once."""
    settings = DatabaseSettings(kind=DatabaseType.SQLITE, file=tmp_path / "jobarg.db")
    rig = CrashRig(tmp_path, settings, jobs=JOBS, work=WORK)
    killer = Killer(rig, random.Random(seed))
    try:
        chaos(rig, killer, killer.everything)
    finally:
        rig.close()


@pytest.mark.timeout(240)
def test_chaos_on_a_server(tmp_path: Path, seed: int, own_server: PrivateServer) -> None:
    """The same to a larger server, and the database dies too and stands still for a while."""
    several = {"JaStartRuns": 2, "JaStartExecutors": 2}
    settings = own_server.create_database("jobarg")
    rig = CrashRig(tmp_path, settings, jobs=JOBS, work=WORK, server=several)
    killer = Killer(rig, random.Random(seed), own_server)

    def freeze() -> None:
        own_server.freeze()
        until = time.monotonic() + FROZEN
        while time.monotonic() < until:
            time.sleep(killer.random.uniform(1, 3))
            with suppress(psutil.NoSuchProcess):
                killer.child()
        own_server.thaw()

    try:
        chaos(rig, killer, freeze)
    finally:
        own_server.thaw()
        rig.close()
