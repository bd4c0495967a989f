"""Kill -9 at every failpoint: each run ends well, and each of its jobs has run exactly once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from jobarranger.commands.demo_site import ROOT
from tests.crash.conftest import Make

#: Runs of each test.
RUNS = 3
#: Seconds from the first death to the last job's begin; with time to spare for slow machines.
RECOVERY = 10.0
#: Roles whose failpoints exist; one of another role needs a thought about where it is armed.
ROLES = {"loader", "boot", "run", "executor", "trapper", "agent", "purge"}


def failpoints_in_source() -> list[str]:
    """Return the names of all failpoints, as the code passes them."""
    names = set()
    for package in ("jobarranger", "processes", "ipc"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_failpoint(node.func):
                    names.add(_name_of(node, path))
    return sorted(names)


def _is_failpoint(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "failpoint"


def _name_of(call: ast.Call, path: Path) -> str:
    (argument,) = call.args
    assert isinstance(argument, ast.Constant), f"{path}:{call.lineno}: not a literal name"
    return str(argument.value)


POINTS = failpoints_in_source()
#: Those that only starts by schedule pass.
SCHEDULED = [point for point in POINTS if "slots" in point]
PURGING = [point for point in POINTS if point.startswith("purge.")]
REQUESTED = [point for point in POINTS if point not in {*PURGING, *SCHEDULED}]


def test_every_role_that_works_has_failpoints() -> None:
    """A role that is missing here is not tested; a new one is to be thought about."""
    assert {point.partition(".")[0] for point in POINTS} == ROLES


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", REQUESTED)
def test_a_death_loses_and_doubles_nothing(make: Make, point: str) -> None:
    """Who dies there is replaced, dies again at a second passing, and the runs go on."""
    rig = make()
    rig.arm(f"{point}=kill@1", f"{point}=kill@2")
    rig.run()
    runs = rig.begin(RUNS)
    faults = rig.settle(runs)
    assert faults == [], "\n".join([*faults, rig.evidence()])
    assert f"{point}=kill@1" in rig.acted(), f"nothing died at {point}"
    assert rig.recovery() < RECOVERY, rig.evidence()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("trapper.")])
def test_a_death_over_a_result_loses_nothing(make: Make, point: str) -> None:
    """Only agents speak to the trappers here, so they die while processing a result."""
    rig = make(server={"JaStartTrappers": 2})
    rig.arm(*(f"{point}=kill@{passing}" for passing in (1, 2, 3)))
    rig.run()
    runs = rig.begin_directly(RUNS)
    faults = rig.settle(runs)
    assert faults == [], "\n".join([*faults, rig.evidence()])
    assert f"{point}=kill@1" in rig.acted(), f"nothing died at {point}"
    assert rig.recovery() < RECOVERY, rig.evidence()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", PURGING)
def test_a_death_of_the_housekeeper_leaves_nothing_half(make: Make, point: str) -> None:
    """Its successor finds what is left, and nothing else goes."""
    rig = make(server={"JaPurgeInterval": 1})
    rig.arm(*(f"{point}=kill@{passing}" for passing in (1, 2, 3)))
    rig.run()
    runs = rig.begin(RUNS)
    assert rig.settle(runs) == []
    rig.keep_nothing()
    assert rig.wait_until_purged() == {}, rig.evidence()
    assert f"{point}=kill@1" in rig.acted(), f"nothing died at {point}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", SCHEDULED)
def test_a_death_over_a_scheduled_start_loses_and_doubles_nothing(make: Make, point: str) -> None:
    """The starts of one minute are loaded once each, whoever dies before or after the commit."""
    rig = make()
    rig.arm(f"{point}=kill@1", f"{point}=kill@2")
    rig.schedule(RUNS)
    rig.run()
    runs = rig.wait_for_starts(RUNS)
    faults = rig.settle(runs)
    assert faults == [], "\n".join([*faults, rig.evidence()])
    assert f"{point}=kill@1" in rig.acted(), f"nothing died at {point}"
    assert len(rig.started()) == RUNS, rig.evidence()
