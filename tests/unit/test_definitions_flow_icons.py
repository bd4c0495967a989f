"""Jobnets with conditions, parallel parts, loops and sub-jobnets: what is taken and refused."""

import re
from pathlib import Path

import pytest

from jobarranger.db import tables as t
from jobarranger.definitions import yamlform
from jobarranger.definitions.forms import FORMS
from jobarranger.errors import DefinitionError
from jobarranger.states import FlowType, JobType, MethodFlag

DOCS = Path(__file__).parents[2] / "docs" / "definitions.md"

ALL = """
jobnet: ALL
owner: oper
icons:
  START: {type: start}
  L: {type: loop}
  M: {type: parallel-start}
  A: {type: value, values: {N: 1}}
  SUB: {type: jobnet, jobnet: INNER, beforehand: skip}
  W: {type: parallel-end}
  IF-1: {type: if, variable: JOB_EXIT_CD, equals: "0, 4-7"}
  IF-2: {type: if, variable: STD_OUT, matches: "^ready$"}
  B: {type: value, values: {N: 2}}
  IE: {type: if-end}
  END: {type: end}
flows:
  - START -> L -> M -> A -> W -> IF-1 -true-> IF-2 -true-> IE -> END
  - M -> SUB -> W
  - IF-1 -false-> L
  - IF-2 -false-> B -> IE
"""


def parse(text=ALL):
    """Return the one jobnet of a text."""
    (definition,) = yamlform.parse(text, "f.yaml")
    return definition


def drawing(chains, **kinds):
    """Return a text with these chains; kinds by icon, everything else is a value icon."""
    names = {word for chain in chains for word in chain.replace("true", "").split()}
    lines = ["jobnet: X", "owner: oper", "icons:"]
    for name in sorted(name for name in names if name.isalnum()):
        prefix = name.rstrip("0123456789")
        known = {
            "S": "start", "E": "end", "M": "parallel-start", "W": "parallel-end", "L": "loop",
            "I": "if, variable: V, equals: 1", "F": "if-end",
        }  # fmt: skip
        kind = kinds.get(name) or known.get(prefix, "value, values: {V: 1}")
        lines.append(f"  {'START' if name == 'S' else name}: {{type: {kind}}}")
    lines += ["flows:", *(f"  - {chain.replace('S ->', 'START ->')}" for chain in chains)]
    return "\n".join(lines)


def refusal(text):
    """Return the one line with which a text is refused."""
    with pytest.raises(DefinitionError) as caught:
        parse(text)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("f.yaml")
    return line


def test_every_kind_becomes_its_type():
    """The words stand for the types of the tables."""
    kinds = {row["job_id"]: JobType(row["job_type"]) for row in parse().icons}
    assert kinds == {
        "START": JobType.START, "L": JobType.L, "M": JobType.M, "A": JobType.VALUE,
        "SUB": JobType.JOBNET, "W": JobType.W, "IF-1": JobType.IF, "IF-2": JobType.IF,
        "B": JobType.VALUE, "IE": JobType.IFEND, "END": JobType.END,
    }  # fmt: skip


def test_conditions_have_a_pattern_of_numbers_or_an_expression():
    """`equals` is compared as numbers, `matches` as text."""
    rows = parse().settings[t.icon_if.name]
    (numbers,), (text,) = rows["IF-1"], rows["IF-2"]
    assert (numbers["value_name"], numbers["hand_flag"]) == ("JOB_EXIT_CD", 0)
    assert numbers["comparison_value"] == "0, 4-7"
    assert (text["value_name"], text["hand_flag"]) == ("STD_OUT", 1)
    assert text["comparison_value"] == "^ready$"


def test_a_jobnet_icon_names_its_jobnet():
    """The inner jobnet goes by id; the icon may be passed over."""
    definition = parse()
    assert definition.links() == {"INNER"}
    (row,) = [row for row in definition.icons if row["job_id"] == "SUB"]
    assert row["method_flag"] == MethodFlag.SKIP


def test_branches_are_flows_of_their_own_type():
    """Only flows out of a condition say true or false."""
    kinds = {(row["start_job_id"], row["end_job_id"]): row["flow_type"] for row in parse().flows}
    assert kinds[("IF-1", "IF-2")] == kinds[("IF-2", "IE")] == FlowType.TRUE
    assert kinds[("IF-1", "L")] == kinds[("IF-2", "B")] == FlowType.FALSE
    assert set(kinds.values()) == set(FlowType)


def test_a_loop_is_laid_out_from_left_to_right():
    """Only the flow that comes back leads to the left; no two icons share a place."""
    definition = parse()
    place = {row["job_id"]: (row["point_x"], row["point_y"]) for row in definition.icons}
    back = [
        (row["start_job_id"], row["end_job_id"])
        for row in definition.flows
        if place[row["start_job_id"]][0] >= place[row["end_job_id"]][0]
    ]
    assert back == [("IF-1", "L")]
    assert len(set(place.values())) == len(place)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('equals: "0, 4-7"', "", ["IF-1.equals", "or matches", "needed"]),
        ('equals: "0, 4-7"', "equals: 1, matches: x", ["IF-1.equals", "only one"]),
        ('equals: "0, 4-7"', "equals: 1-x", ["IF-1.equals", "'1-x'", "low-high"]),
        ('equals: "0, 4-7"', "equals: 1;9-7", ["IF-1.equals", "'1;9-7'"]),
        ('equals: "0, 4-7"', 'equals: "1,9-7"', ["IF-1.equals", "'9-7'", "below its start"]),
        ('equals: "0, 4-7"', 'equals: ",,"', ["IF-1.equals", "no number"]),
        ('matches: "^ready$"', 'matches: ""', ["IF-2.matches", "empty"]),
        ('matches: "^ready$"', 'matches: "(x"', ["IF-2.matches", "'(x'", "regular expression"]),
        ("variable: JOB_EXIT_CD", "variable: $X", ["IF-1.variable", "'$X'", "letters"]),
        ("jobnet: INNER", "jobnet: a b", ["SUB.jobnet", "'a b'", "letters"]),
        ("jobnet: INNER, ", "", ["SUB.jobnet", "missing"]),
        ("{type: loop}", "{type: loop, beforehand: skip}", ["L.beforehand", "cannot be skipped"]),
        ("{type: loop}", "{type: loop, force: true}", ["L.force", "not known"]),
        ("{type: end}", "{type: end, continue-on-error: true}", ["END.continue-on-error"]),
        ("IF-2 -false-> B", "IF-2 -> B", ["1 -true->, 0 -false-> and 1 other", "IF-2"]),
        ("IF-2 -false-> B", "IF-2 -true-> B", ["2 -true->, 0 -false->", "IF-2"]),
        ("M -> SUB", "M -true-> SUB", ["true branch", "M is a parallel-start"]),
        ("IF-1 -false-> L", "IF-1 -false-> IE", ["1 flows lead into L", "exactly 2"]),
    ],
)
def test_refusals_name_place_value_and_rule(old, new, words):
    """A mistake is one line that says where, what and why."""
    assert old in ALL
    line = refusal(ALL.replace(old, new))
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    "chains",
    [
        ["S -> M1 -> A -> W1 -> E"],
        ["S -> M1 -> A -> W1 -> E", "M1 -> B -> W1", "M1 -> C -> W1"],
        ["S -> I1 -true-> A -> F1 -> E", "I1 -false-> F1"],
        ["S -> I1 -true-> E1", "I1 -false-> E2"],
        ["S -> L1 -> A -> I1 -true-> E", "I1 -false-> L1"],
    ],
)
def test_usual_drawings_are_taken(chains):
    """Parallel parts, branches with one or several ends, loops."""
    assert parse(drawing(chains)).flows


@pytest.mark.parametrize(
    ("chains", "words"),
    [
        (["S -> A -> E", "A -> B -> E"], ["2 flows lead out of A", "exactly 1"]),
        (["S -> M1 -> A -> E", "M1 -> B -> E"], ["2 flows lead into E", "exactly 1"]),
        (["S -> M1 -> A -> C -> E", "M1 -> C"], ["2 flows lead into C"]),
        (["S -> M1 -> E", "M1 -> L1 -> A -> L1"], ["from the icon A to an end"]),
        (["S -> F1 -> A -> I1 -true-> E", "I1 -false-> F1"], ["F1 -> A -> I1 -> F1", "circle"]),
        (["S -> E", "L1 -> I1 -true-> L1", "I1 -false-> E2"], ["1 flows lead into L1"]),
        (["S -> E", "F1 -> E2"], ["0 flows lead into F1", "at least 1"]),
    ],
)
def test_drawings_that_cannot_work_are_refused(chains, words):
    """Numbers of flows, ways from START and to an end, loops through loop icons."""
    line = refusal(drawing(chains))
    for word in words:
        assert word in line, line


def test_every_example_of_the_docs_is_taken():
    """What docs/definitions.md shows can be imported as it stands, and shows every kind of icon."""
    examples = re.findall(r"^```yaml\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    found = [definition for text in examples for definition in yamlform.parse(text, "docs")]
    kinds = {JobType(row["job_type"]) for definition in found for row in definition.icons}
    assert kinds == {form.kind for form in FORMS.values()}
