"""A pure rule: values in, a value out. No clock, no database, no process."""

from __future__ import annotations

import pytest

from jobarranger.states import HOST_SLOTS, host_slot


# The name of a test is the rule; its docstring says what must hold, in one sentence.
def test_a_host_always_has_the_same_slot():
    """Whoever asks, whenever: the executor of a host is found by its name alone."""
    assert host_slot("web1") == host_slot("web1")


# Cases of one rule are parameters, not copies of the test.
@pytest.mark.parametrize("name", ["", "a", "web1", "データベース", "x" * 128])
def test_a_slot_is_one_of_the_known_ones(name):
    """Any name fits, also an odd one."""
    assert 0 <= host_slot(name) < HOST_SLOTS
