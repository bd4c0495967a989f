"""Icons that wait for what cannot come are found, and nothing else is called so."""

import random

import pytest

from jobarranger.definitions import structure
from jobarranger.definitions.flows import parse_flows
from jobarranger.definitions.forms import FORMS
from jobarranger.definitions.subjobnets import check_nesting
from jobarranger.errors import DefinitionError
from jobarranger.states import FlowType, JobType

KINDS = {
    "S": "start", "E": "end", "M": "parallel-start", "W": "parallel-end", "L": "loop",
    "I": "if", "F": "if-end",
}  # fmt: skip


def doubts(chains):
    """Return what is odd about a drawing that is taken."""
    flows = parse_flows("f", [chain.replace("S ->", "START ->") for chain in chains])
    names = dict.fromkeys(name for flow in flows for name in flow[:2])
    forms = {
        name: FORMS["start" if name == "START" else KINDS.get(name.rstrip("0123456789"), "value")]
        for name in names
    }
    return structure.check("f", forms, flows)


@pytest.mark.parametrize(
    ("chains", "words"),
    [
        (["S -> I1 -true-> A -> W1 -> E", "I1 -false-> B -> W1"],
         ["W1 waits for A and B", "I1 lets only one", "if-end"]),
        (["S -> I1 -true-> W1 -> E", "I1 -false-> W1"], []),
        (["S -> I1 -true-> M1 -> A -> W1 -> E", "M1 -> B -> W1", "I1 -false-> C -> W1"],
         ["W1 waits for A and C"]),
        (["S -> I1 -true-> I2 -true-> A -> W1 -> E", "I2 -false-> E2", "I1 -false-> B -> W1"],
         ["W1 waits for A and B", "I1 lets"]),
        (["S -> L1 -> I1 -true-> A -> W1 -> I2 -true-> E", "I1 -false-> B -> W1",
          "I2 -false-> L1"], ["W1 waits for A and B"]),
        (["S -> I1 -true-> L1 -> M1 -> A -> W1 -> I2 -true-> W2 -> E", "M1 -> B -> W1",
          "I2 -false-> L1", "I1 -false-> C -> W2"], ["W2 waits for I2 and C", "I1 lets"]),
    ],
)  # fmt: skip
def test_joins_of_branches_that_exclude_each_other_are_refused(chains, words):
    """A parallel end behind both branches of a condition can never go on."""
    if not words:
        words = ["named twice"]  # two flows between the same icons
    with pytest.raises(DefinitionError) as caught:
        doubts(chains)
    line = str(caught.value)
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    "chains",
    [
        # branches that met before
        ["S -> I1 -true-> A -> F1 -> M1 -> W1 -> E", "I1 -false-> F1", "M1 -> B -> W1"],
        # the other iteration of a loop brings the other flow
        ["S -> L1 -> I1 -true-> W1 -> E", "I1 -false-> M1 -> W1", "M1 -> L1"],
        # an if-end that fires twice, once for each parallel way
        ["S -> M1 -> A -> F1 -> I1 -true-> W1 -> E", "M1 -> B -> F1", "I1 -false-> C -> W1"],
        # conditions of different icons may come together
        ["S -> M1 -> I1 -true-> W1 -> E", "M1 -> I2 -true-> W1",
         "I1 -false-> E2", "I2 -false-> E3"],
    ],
)  # fmt: skip
def test_joins_that_may_go_on_are_taken(chains):
    """In doubt a drawing is taken."""
    assert isinstance(doubts(chains), list)


@pytest.mark.parametrize(
    ("chains", "words"),
    [
        (["S -> M1 -> A -> E1", "M1 -> B -> E2"], ["E1 and E2 can both be reached"]),
        (["S -> M1 -> E1", "M1 -> E2", "M1 -> E3"], ["E1 and E2 can both be reached"]),
        (["S -> M1 -> A -> F1 -> E", "M1 -> B -> F1"], ["F1 joins ways"]),
        (["S -> M1 -> I1 -true-> W1 -> E", "M1 -> I2 -true-> W1",
          "I1 -false-> W2 -> E2", "I2 -false-> W2"],
         ["when I1 is true and I2 is false, no end can be reached"]),
    ],
)  # fmt: skip
def test_what_is_odd_but_may_be_meant_is_reported(chains, words):
    """Several ends in one run, parallel ways into an if-end, runs that some outcomes hold up."""
    found = doubts(chains)
    assert len(found) == len(words), found
    for line, word in zip(found, words, strict=True):
        assert word in line


@pytest.mark.parametrize(
    "chains",
    [
        ["S -> A -> E"],
        ["S -> I1 -true-> E1", "I1 -false-> E2"],
        ["S -> I1 -true-> A -> F1 -> E", "I1 -false-> F1"],
        ["S -> M1 -> A -> W1 -> E", "M1 -> B -> W1"],
        ["S -> L1 -> I1 -true-> E1", "I1 -false-> I2 -true-> E2", "I2 -false-> L1"],
        ["S -> L1 -> M1 -> A -> W1 -> I1 -true-> E", "M1 -> B -> W1", "I1 -false-> L1"],
    ],
)
def test_nothing_is_odd_about_usual_drawings(chains):
    """Sequences, branches, parallel parts and loops raise no doubts."""
    assert doubts(chains) == []


def run(kinds, flows, choose, most=400):
    """Play a drawing by the rules of docs/flow.md in some order; return the icons that ran."""
    into = {name: [flow for flow in flows if flow[1] == name] for name in kinds}
    count, state = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, "begin")
    ready, ran = ["START"], set()
    for _ in range(most):
        if not ready:
            break
        name = ready.pop(choose(len(ready)))
        ran.add(name)
        state[name] = "end"
        way = None
        if kinds[name] is JobType.IF:
            way = (FlowType.TRUE, FlowType.FALSE)[choose(2)]
        for _, end, kind in [flow for flow in flows if flow[0] == name]:
            if way is not None and kind != way:
                continue
            if state[end] == "ready" or (state[end] == "end" and kinds[end] is JobType.END):
                continue
            if state[end] == "end":
                state[end], count[end] = "begin", 0
            count[end] += 1
            at_first = kinds[end] in {JobType.IFEND, JobType.L}
            if at_first or count[end] >= len(into[end]):
                state[end] = "ready"
                ready.append(end)
    return ran


def random_drawing(generator):
    """Return icons and flows at random: as many flows as the kinds allow, joined blindly."""
    kinds = {"START": JobType.START}
    ends = [("START", FlowType.NORMAL)]
    for number in range(generator.randint(3, 9)):
        kind = generator.choice([JobType.IF, JobType.M, JobType.W, JobType.IFEND, JobType.L])
        name = f"{kind.name}{number}"
        kinds[name] = kind
        wanted = {JobType.W: 2, JobType.IFEND: 2}.get(kind, 1)
        flows = [ends.pop(generator.randrange(len(ends))) for _ in range(min(wanted, len(ends)))]
        yield from ((start, name, way) for start, way in flows)
        if kind is JobType.IF:
            ends += [(name, FlowType.TRUE), (name, FlowType.FALSE)]
        elif kind is JobType.M:
            ends += [(name, FlowType.NORMAL)] * 2
        else:
            ends.append((name, FlowType.NORMAL))
    open_loops = [name for name, kind in kinds.items() if kind is JobType.L]
    for number, (start, way) in enumerate(ends):
        if open_loops and start not in open_loops and generator.random() < 0.7:
            yield start, open_loops.pop(), way
        else:
            yield start, f"END{number}", way


def test_nothing_that_runs_is_called_stuck():
    """Whatever a random drawing's runs reach in any order, the check does not call it stuck."""
    generator = random.Random(19)
    refused = taken = 0
    for _ in range(3000):
        flows = list(random_drawing(generator))
        if len({flow[:2] for flow in flows}) < len(flows):
            continue
        names = dict.fromkeys(name for flow in flows for name in flow[:2])
        kinds = {name: JobType[name.rstrip("0123456789")] for name in names}
        forms = {
            name: next(form for form in FORMS.values() if form.kind is kind)
            for name, kind in kinds.items()
        }
        try:
            structure.check("f", forms, flows)
            taken += 1
        except DefinitionError as error:
            if "waits for" not in str(error):
                continue
            refused += 1
            stuck = str(error).split()[1]
            for _ in range(30):
                assert stuck not in run(kinds, flows, generator.randrange), (str(error), flows)
    assert refused > 50, refused
    assert taken > 50, taken


@pytest.mark.parametrize(
    ("links", "chain"),
    [
        ({"A": ["A"]}, "A -> A"),
        ({"A": ["B"], "B": ["C"], "C": ["A"]}, "A -> B -> C -> A"),
        ({"A": ["B", "D"], "B": ["C"], "C": ["B"], "D": []}, "B -> C -> B"),
    ],
)
def test_circles_of_jobnets_are_named(links, chain):
    """The whole chain is reported, wherever it is entered."""
    with pytest.raises(DefinitionError, match=f"contain each other: {chain}$"):
        check_nesting(links, ["A"])


def test_the_same_jobnet_may_be_used_twice():
    """Two icons with one jobnet are no circle."""
    check_nesting({"A": ["B", "C"], "B": ["D"], "C": ["D"]}, ["A"])


def test_a_hundred_ends_are_checked_fast():
    """One end behind each of many conditions: every outcome reaches one, and that is found."""
    lines = ["S -> I0"]
    lines += [f"I{number} -false-> I{number + 1}" for number in range(100)]
    lines += [f"I{number} -true-> E{number}" for number in range(101)]
    assert doubts([*lines, "I100 -false-> E101"]) == []


def test_large_drawings_are_checked_fast():
    """A thousand conditions in a row, each with both branches meeting, collapse on the way."""
    lines = ["S -> I0"]
    for number in range(1000):
        after = f"I{number + 1}" if number < 999 else "E"
        lines += [f"I{number} -true-> A{number} -> F{number} -> {after}",
                  f"I{number} -false-> F{number}"]  # fmt: skip
    assert doubts(lines) == []
