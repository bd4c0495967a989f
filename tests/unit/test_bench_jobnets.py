"""The jobnets that benches run are in order, so that a bench fails for what it measures only."""

from __future__ import annotations

import pytest

from benchmarks.jobnets import chain, fan, one_value
from jobarranger.definitions.yamlform import parse


@pytest.mark.parametrize(
    ("text", "icons", "flows"),
    [(chain("A", 3), 5, 4), (one_value("B"), 3, 2), (fan("C", 1000), 1004, 2002)],
    ids=["chain", "one_value", "fan"],
)
def test_each_is_a_jobnet_of_its_size(text: str, icons: int, flows: int) -> None:
    """It is read as it stands, with as many icons and flows as the bench counts."""
    (definition,) = parse(text, "bench", owner="tester")
    assert (len(definition.icons), len(definition.flows)) == (icons, flows)
