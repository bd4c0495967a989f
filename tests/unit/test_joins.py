"""Which arrivals at IFEND and L are one: parallel branches, and no rounds of a loop."""

from __future__ import annotations

import time

import pytest

from jobarranger.flow.joins import Drawing, shared_forks
from jobarranger.states import FlowType


def drawing(flows: str) -> tuple[Drawing, dict[str, int]]:
    """Return a drawing of chains; arrows out of IF icons are alternately true and false."""
    numbers: dict[str, int] = {}
    after: dict[int, list[tuple[int, FlowType]]] = {}
    for chain in flows.split(";"):
        ids = [numbers.setdefault(name, len(numbers)) for name in chain.split()]
        names = chain.split()
        for name, start, end in zip(names, ids, ids[1:], strict=False):
            arrows = after.setdefault(start, [])
            kind = FlowType(1 + len(arrows)) if name.startswith("IF") else FlowType.NORMAL
            arrows.append((end, kind))
    return Drawing(after), numbers


def forks(flows: str, source: str, target: str) -> set[str]:
    """Return the names of the parallel starts whose branches meet."""
    plan, numbers = drawing(flows)
    names = {number: name for name, number in numbers.items()}
    return {names[fork] for fork in shared_forks(plan, numbers[source], numbers[target])}


def test_branches_of_a_parallel_start_meet() -> None:
    """Two branches of one M end in the same IFEND; so do several of them."""
    assert forks("M a FI; M b c FI; FI E", "c", "FI") == {"M"}
    assert forks("M a FI; M b FI; M c FI; FI E", "b", "FI") == {"M"}
    assert forks("M FI; M b FI; FI E", "M", "FI") == {"M"}


def test_ways_of_a_condition_do_not_meet() -> None:
    """Only one way of an IF is gone, so two arrivals are two rounds."""
    assert forks("S IF; IF a FI; IF b FI; FI E", "a", "FI") == set()


def test_a_loop_is_no_branch() -> None:
    """The way back to L is another round, whatever else is drawn."""
    assert forks("S L a IF; IF L; IF E", "IF", "L") == set()
    assert forks("M a L b IF; IF L; IF E; M c E", "IF", "L") == set()


def test_a_fork_inside_a_loop_counts() -> None:
    """Whether the fork has run again since is asked of the run, not of the drawing."""
    assert forks("S L M; M a FI; M b FI; FI IF; IF L; IF E", "b", "FI") == {"M"}


def test_one_branch_alone_does_not_meet_itself() -> None:
    """Both ways of an IF within one branch are still one branch; the other one ends elsewhere."""
    flows = "M L IF; IF x FI; IF y FI; FI IF2; IF2 L; IF2 W; M z W"
    assert forks(flows, "x", "FI") == set()


@pytest.mark.parametrize("source", ["a", "b"])
def test_a_loop_through_the_meeting_point_is_none(source: str) -> None:
    """A branch that the meeting point itself leads back to comes again with each round."""
    found = forks("M L a FI; M b FI; FI IF; IF L; IF E", source, "FI")
    assert found == ({"M"} if source == "b" else set())


def test_branches_by_the_thousand_are_looked_at_fast() -> None:
    """Each of them arrives once, so the work for one must not grow with all pairs of them."""
    names = [f"a{number}" for number in range(1000)]
    plan, numbers = drawing("; ".join([*(f"M {name} FI" for name in names), "FI E"]))
    started = time.process_time()
    for name in names[:100]:
        assert shared_forks(plan, numbers[name], numbers["FI"]) == {numbers["M"]}
    assert time.process_time() - started < 3
