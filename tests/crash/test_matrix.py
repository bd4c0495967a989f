"""Kill -9 at every named place: each run ends well, and each of its jobs has run exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobarranger.db.engine import Database
from tests.crash.harness import AGENT, SERVER, CrashRig

#: Where processes die. Some places are passed several times in a run: the second passing, too.
POINTS = [
    *(f"loader.{place}" for place in ("before_commit", "after_commit")),
    *(f"boot.{place}" for place in ("before_commit", "after_commit")),
    *(f"run.{place}" for place in ("claim", "before_commit", "after_commit")),
    *(
        f"executor.{place}"
        for place in ("before_commit", "after_commit", "before_send", "after_send")
    ),
    *(
        f"trapper.{place}"
        for place in ("before_commit", "after_commit", "before_reply", "after_reply")
    ),
    *(
        f"agent.{place}"
        for place in ("accept", "accepted", "spawn", "spawned", "end", "send", "sent")
    ),
]

Make = Callable[..., CrashRig]


@pytest.fixture
def make(database: Database, tmp_path: Path) -> Iterator[Make]:
    """Make a rig on the test's database; close it afterwards."""
    made: list[CrashRig] = []

    def rig(**parameters: object) -> CrashRig:
        made.append(CrashRig(tmp_path, database.settings, **parameters))  # type: ignore[arg-type]
        return made[-1]

    yield rig
    for one in made:
        one.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("passing", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_death_loses_and_doubles_nothing(make: Make, point: str, passing: int) -> None:
    """The process that dies there once is replaced, and the runs go on."""
    rig = make()
    rig.arm(f"{point}=kill@{passing}")
    rig.run()
    runs = rig.begin(4)
    assert rig.wait_all(runs), (rig.faults(runs), rig.evidence())
    assert rig.faults(runs) == [], rig.evidence()
    assert rig.acted(), f"nothing died at {point}"


@pytest.mark.timeout(180)
def test_the_whole_server_dies_in_the_middle(make: Make) -> None:
    """The next server takes over every run where it was."""
    rig = make()
    rig.run()
    runs = rig.begin(6)
    rig.daemons[SERVER].kill()
    rig.daemons[SERVER].wait()
    rig.bring(SERVER)
    assert rig.wait_all(runs), (rig.faults(runs), rig.evidence())
    assert rig.faults(runs) == [], rig.evidence()


@pytest.mark.timeout(180)
def test_the_agent_dies_in_the_middle(make: Make) -> None:
    """The next agent goes on from its journal."""
    rig = make()
    rig.run()
    runs = rig.begin(6)
    rig.daemons[AGENT].kill()
    rig.daemons[AGENT].wait()
    rig.bring(AGENT)
    assert rig.wait_all(runs), (rig.faults(runs), rig.evidence())
    assert rig.faults(runs) == [], rig.evidence()
