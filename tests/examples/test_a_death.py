"""A death at a named point: `failpoint("NAME")` stands in the code, the rig kills who passes it."""

from __future__ import annotations

import pytest

from tests.crash.conftest import Make
from tests.crash.conftest import make as make  # noqa: PLC0414 - a fixture, used by its name


# Each job writes a line into a ledger, and `settle` compares: each once, all runs ended, nothing
# left running. `evidence` shows log and rows when something is wrong.
@pytest.mark.timeout(180)
def test_a_trapper_that_dies_before_its_answer_costs_nothing(make: Make) -> None:
    """The result is committed; the agent asks again and hears that it counts."""
    rig = make()
    rig.arm("trapper.before_reply=kill@2")
    rig.run()
    faults = rig.settle(rig.begin(1))
    assert faults == [], "\n".join([*faults, rig.evidence()])
    assert "trapper.before_reply=kill@2" in rig.acted()
