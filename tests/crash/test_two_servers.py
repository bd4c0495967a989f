"""Two whole servers on one database, whose processes die: each job runs once all the same."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from jobarranger.client import ClientError
from jobarranger.db.settings import DatabaseSettings
from tests.crash.harness import JOBNET, SERVER, CrashRig
from tests.stack import Stack

#: Runs by clients of each server, and by schedules that both load.
RUNS, SCHEDULED = 20, 20
#: Deaths, and seconds from one to the next.
DEATHS, PAUSE = 15, 0.6


class Beside(Stack):
    """A second server on the database of a rig, with the rig's agent."""

    def __init__(self, rig: CrashRig) -> None:
        """Lay it out within the rig's directory."""
        self._rig = rig
        super().__init__(rig.directory, rig.settings)

    def server_parameters(self) -> Mapping[str, object]:
        """Return the configuration; agents listen where the rig's does."""
        return {**super().server_parameters(), "JaAgentListenPort": self._rig.agent_port}

    def _people(self) -> None:
        """Let them be: the rig has registered them."""

    def rise(self) -> None:
        """Start the server if it does not run, like a service manager."""
        if SERVER not in self.daemons or self.daemons[SERVER].poll() is not None:
            self.launch(SERVER)


@pytest.fixture
def pair(tmp_path: Path, server_settings: DatabaseSettings) -> Iterator[tuple[CrashRig, Beside]]:
    """Give two servers at work."""
    rig = CrashRig(tmp_path, server_settings)
    second = Beside(rig)
    rig.run()
    second.rise()
    second.wait_for(SERVER)
    yield rig, second
    second.close()
    rig.close()


def ask(site: Stack) -> None:
    """Start runs; what becomes of a request is seen in the database."""
    for _ in range(RUNS):
        with suppress(ClientError):
            site.client().start_jobnet(JOBNET)
        time.sleep(DEATHS * PAUSE / RUNS)


@pytest.mark.timeout(180)
def test_two_servers_run_each_job_once(pair: tuple[CrashRig, Beside]) -> None:
    """Children of both die at random, and the one or other whole server."""
    seed = int(os.environ.get("JOBARG_CHAOS_SEED") or random.randrange(10**6))
    print(f"JOBARG_CHAOS_SEED={seed}")  # noqa: T201 - shown with a failure
    luck, (rig, second) = random.Random(seed), pair
    rig.schedule(SCHEDULED)
    clients = [threading.Thread(target=ask, args=(site,), daemon=True) for site in pair]
    for client in clients:
        client.start()
    for _ in range(DEATHS):
        time.sleep(PAUSE)
        site = luck.choice(pair)
        children = sorted(site.children().items())
        victims = [process for _, process in children] * 2
        victims.append(psutil.Process(site.daemons[SERVER].pid))
        with suppress(psutil.NoSuchProcess):
            luck.choice(victims).kill()
        rig.revive()
        second.rise()
    for client in clients:
        client.join(60)
    rig.wait_for_starts(SCHEDULED)
    runs = rig.begin(max(RUNS - len(rig.started()), 1))
    faults = rig.settle(runs)
    assert faults == [], "\n".join([*faults, rig.evidence(), *second.last_lines()])
    assert len(runs) > SCHEDULED
