"""A jobnet that is written as YAML and read again is the same jobnet."""

import re
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition
from jobarranger.definitions import yamlform, yamltext
from jobarranger.definitions.flows import parse_flows, write_chains
from jobarranger.errors import DefinitionError
from jobarranger.expressions import Fit, fit
from jobarranger.states import FlowType, JobType

ROOT = Path(__file__).parents[2]

LETTERS = "".join(map(chr, [*range(65, 91), *range(97, 123)])) + "_"
IDS = st.text(LETTERS + "0123456789-", min_size=1, max_size=32)
VARIABLES = st.builds(
    "".join, st.tuples(st.sampled_from(LETTERS), st.text(LETTERS + "0123456789", max_size=127))
)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from("\n\r\t :#-'\"{}[],&*!|>%@`$~"),
    max_size=60,
)
LABELS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\"'\\,"), max_size=64
)
CODES = st.sampled_from(["", "0", "1-255", "1, 3-5", "007"])
NUMBERS = st.sampled_from(["0", "007", "1,2", " 1 , 3-4", "-5--1", "1.50-2", "0,,1"])
EXPRESSIONS = TEXTS.filter(
    lambda text: text and fit(text, "") in {Fit.YES, Fit.NO}
) | st.sampled_from(["^ready$", "[[:digit:]]+", "null", "1.0", "~"])


def maybe(strategy):
    """Return nothing or something."""
    return st.none() | strategy


def words(strategy):
    """Return texts with something in them besides blanks."""
    return strategy.filter(str.strip)


VALUE = st.dictionaries(VARIABLES, TEXTS, min_size=1, max_size=3).map(
    lambda values: {
        t.icon_value: [{"value_name": name, "value": value} for name, value in values.items()]
    }
)
JOBNET = IDS.map(lambda name: {t.icon_jobnet: [{"link_jobnet_id": name}]})
CONDITION = st.builds(
    lambda name, kind: {
        t.icon_if: [{"value_name": name, "hand_flag": kind[0], "comparison_value": kind[1]}]
    },
    VARIABLES,
    st.tuples(st.just(0), NUMBERS) | st.tuples(st.just(1), EXPRESSIONS),
)
END = st.builds(
    lambda flag, code: {t.icon_end: [{"jobnet_stop_flag": flag, "jobnet_stop_code": code}]},
    st.integers(0, 1),
    st.sampled_from(["0", "1", "007", "255"]) | VARIABLES.map("${}".format),
)


@st.composite
def job(draw):
    """Return the settings of a job."""
    host = draw(st.one_of(VARIABLES.map(lambda name: (1, name)), st.just((0, "web1")),
                          words(LABELS).map(lambda name: (0, name.strip()))))  # fmt: skip
    stop = draw(maybe(words(TEXTS)))
    commands = [{"command_cls": 0, "command": draw(words(TEXTS))}]
    if stop is not None:
        commands.append({"command_cls": 2, "command": stop})
    own = {
        "host_flag": host[0],
        "host_name": host[1],
        "stop_flag": 0 if stop is None else draw(st.integers(0, 1)),
        "command_type": 0,
        "timeout": draw(st.integers(0, 99_999)),
        "stop_code": draw(maybe(CODES)),
    }
    values = draw(st.dictionaries(VARIABLES, TEXTS, max_size=3))
    names = draw(st.lists(VARIABLES, unique=True, max_size=3))
    return {
        t.icon_job: [own],
        t.job_command: commands,
        t.value_job: [{"value_name": name, "value": value} for name, value in values.items()],
        t.value_jobcon: [{"value_name": name} for name in names],
    }


#: Shapes: a leaf stands for one icon; others hold what is between their two outer icons.
SHAPES = st.recursive(
    st.sampled_from([JobType.VALUE, JobType.JOB, JobType.JOBNET]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda each: ("row", each)),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: ("parallel", each)),
        st.tuples(inner, inner).map(lambda each: ("branches", each)),
        inner.map(lambda each: ("loop", [each])),
    ),
    max_leaves=8,
)


class Drawing:
    """Icons and flows of a shape."""

    def __init__(self, shape):
        """Draw START, the shape and an END."""
        self.kinds, self.flows = [], []
        self.ends = [self.icon(JobType.START)]
        self.add(shape)
        self.close(JobType.END)

    def icon(self, kind):
        """Add an icon."""
        self.kinds.append(kind)
        return len(self.kinds) - 1, 0

    def close(self, kind):
        """Lead all open ends into a new icon."""
        here = self.icon(kind)
        self.flows += [(start, here[0], way) for start, way in self.ends]
        self.ends = [here]
        return here[0]

    def add(self, shape):
        """Add a shape behind the open end."""
        if isinstance(shape, JobType):
            self.close(shape)
            return
        word, inner = shape
        if word == "row":
            for each in inner:
                self.add(each)
        elif word == "loop":
            first = self.close(JobType.L)
            self.add(inner[0])
            last = self.close(JobType.IF)
            self.flows.append((last, first, 2))
            self.ends = [(last, 1)]
        else:
            kinds = (JobType.M, JobType.W) if word == "parallel" else (JobType.IF, JobType.IFEND)
            first, ends = self.close(kinds[0]), []
            for number, each in enumerate(inner, 1):
                self.ends = [(first, number if word == "branches" else 0)]
                self.add(each)
                ends += self.ends
            self.ends = ends
            self.close(kinds[1])


@st.composite
def definitions(draw):
    """Return a jobnet with every kind of thing that a YAML file can hold."""
    drawing = Drawing(draw(SHAPES))
    number = count()
    names = draw(
        st.lists(IDS.filter(lambda name: name != "START"), unique=True,
                 min_size=len(drawing.kinds), max_size=len(drawing.kinds))
    )  # fmt: skip
    names[0] = "START"
    key = {"jobnet_id": draw(IDS), "update_date": 0}
    header = {
        **key,
        "valid_flag": 0,
        "public_flag": draw(st.integers(0, 1)),
        "multiple_start_up": draw(st.integers(0, 2)),
        "user_name": draw(TEXTS.map(lambda text: text[:100])),
        "jobnet_name": draw(LABELS),
        "memo": draw(maybe(LABELS)),
    }
    icons = []
    found: dict[str, dict[str, list[dict]]] = {}
    for kind, name in zip(drawing.kinds, names, strict=True):
        is_job = kind is JobType.JOB
        can_skip = kind in {JobType.JOB, JobType.JOBNET, JobType.VALUE}
        icons.append(
            {
                **key,
                "job_id": name,
                "job_type": int(kind),
                "point_x": draw(st.integers(-500, 100_000)),
                "point_y": next(number),
                "job_name": draw(maybe(LABELS)),
                "method_flag": draw(st.integers(0, 2 if can_skip else 1)),
                "force_flag": draw(st.integers(0, 1)) if is_job else 0,
                "continue_flag": draw(st.integers(0, 1)) if is_job else 0,
                "run_user": draw(maybe(TEXTS)) if is_job else None,
                "run_user_password": draw(maybe(TEXTS)) if is_job else None,
            }
        )
        own = draw(
            {JobType.VALUE: VALUE, JobType.JOB: job(), JobType.JOBNET: JOBNET,
             JobType.IF: CONDITION, JobType.END: END}.get(kind, st.just({}))
        )  # fmt: skip
        for table, rows in own.items():
            if rows:
                found.setdefault(table.name, {})[name] = [
                    {**key, "job_id": name, **row} for row in rows
                ]
    flows = [
        {
            **key,
            "start_job_id": names[start],
            "end_job_id": names[end],
            "flow_type": way,
            "flow_width": draw(st.sampled_from([0, 0, 1, -140])),
        }
        for start, end, way in drawing.flows
    ]
    limit = draw(st.integers(0, 99_999))
    return Definition(header=header, icons=icons, flows=flows, settings=found, time_limit=limit)


def content(definition):
    """Return a definition without the order of its rows, which means nothing."""

    def plain(rows):
        return sorted(sorted(row.items(), key=str) for row in rows)

    return (
        definition.header,
        definition.time_limit,
        {row["job_id"]: dict(row) for row in definition.icons},
        {(row["start_job_id"], row["end_job_id"]): dict(row) for row in definition.flows},
        {
            (table, icon): plain(rows)
            for table, icons in definition.settings.items()
            for icon, rows in icons.items()
        },
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions())
def test_written_and_read_again_nothing_has_changed(definition):
    """Every text, number, flag, flow and place survives."""
    (again,) = yamlform.parse(yamltext.write(definition), "written")
    assert content(again) == content(definition)


def test_several_jobnets_stand_in_one_file():
    """Documents separated by a line `---` do not disturb each other."""
    other = TEXT.replace("jobnet: PART", "jobnet: PART-2")
    found = [each for text in (TEXT, other) for each in yamlform.parse(text, "f.yaml")]
    text = "---\n".join(yamltext.write(definition) for definition in found)
    assert [content(each) for each in yamlform.parse(text, "written")] == [
        content(each) for each in found
    ]


@pytest.mark.parametrize("path", [ROOT / "docs" / "definitions.md", *ROOT.glob("conf/demo/*.yaml")])
def test_files_of_people_survive(path):
    """What is written by hand, with places laid out by us, is written as the same jobnet."""
    text = path.read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE) or [text]
    for definition in yamlform.parse("\n---\n".join(examples), "first"):
        (again,) = yamlform.parse(yamltext.write(definition), "written")
        assert content(again) == content(definition)


TEXT = """\
jobnet: PART
name: Two at a time
owner: ann
multiple-start-up: skip
time-limit: 90
icons:
  START: {type: start, at: [60, 60]}
  M: {type: parallel-start, at: [180, 60]}
  A:
    type: job
    host: web1
    command: |
      if true; then
        echo "$N"
      fi
    error-codes: '1-9'
    variables: {N: '1'}
    run-user-password-masked: '1505b'
    at: [300, 60]
  B: {type: jobnet, name: The other, jobnet: OTHER, beforehand: hold, at: [300, 150]}
  W: {type: parallel-end, at: [420, 60]}
  IF-1: {type: if, variable: JOB_EXIT_CD, equals: '0', at: [540, 60]}
  E: {type: end, at: [660, 60]}
  E2: {type: end, exit-code: $N, stop-before: true, at: [660, 150]}
flows:
  - START -> M -> A -> W -> IF-1 -true-> E
  - M -> B -> W
  - IF-1 -false-> E2
curves:
  M -> B: 1
"""


def test_a_written_file_is_pleasant_to_read():
    """Icons as the flows lead, short ones in one line, scripts as blocks, flows as chains."""
    (definition,) = yamlform.parse(TEXT, "f.yaml")
    assert yamltext.write(definition) == TEXT


def test_long_chains_go_on_in_the_next_line():
    """A chain ends before it runs out of the window; the next one begins where it stopped."""
    names = [f"STEP-{number}" for number in range(30)]
    flows = [(start, end, FlowType.NORMAL) for start, end in pairwise(names)]
    chains = write_chains(names, flows)
    assert max(map(len, chains)) < 90
    assert len(chains) == 5
    assert parse_flows("f", chains) == flows


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("M -> B: 1", "M -> A -> B: 1", ["curves", "'M -> A -> B'", "one flow"]),
        ("M -> B: 1", "A -> B: 1", ["curves.A -> B", "none of the flows"]),
        ("M -> B: 1", "M -> B: wide", ["curves.M -> B", "'wide'"]),
        ("at: [60, 60]", "at: [60, x]", ["START.at", "pair of pixels"]),
        ("at: [60, 60]", "at: [60, 99999999999]", ["START.at", "pair of pixels"]),
        ("run-user-password-masked: '1505b'", "use-stop-command: true", ["needs a stop-command"]),
        ("run-user-password-masked", "run-user-password: x\n    run-user-password-masked",
         ["run-user-password", "stands beside"]),
    ],
)  # fmt: skip
def test_refusals_name_place_value_and_rule(old, new, words):
    """What cannot be meant is refused in one line."""
    with pytest.raises(DefinitionError) as caught:
        yamlform.parse(TEXT.replace(old, new, 1), "f.yaml")
    for word in words:
        assert word in str(caught.value)


def test_kinds_without_a_form_are_named():
    """A jobnet with an icon that YAML does not know is not written in part."""
    (definition,) = yamlform.parse(TEXT, "f.yaml")
    definition.icons[2]["job_type"] = int(JobType.FCOPY)
    with pytest.raises(DefinitionError, match=r"PART: icon A: fcopy icons cannot be written"):
        yamltext.write(definition)


@pytest.mark.parametrize(
    ("table", "words"),
    [(t.icon_job, "icon A: has no row"), (t.job_command, "icon A: has no command"),
     (t.icon_if, "icon IF-1: has no row"), (t.icon_jobnet, "icon B: has no row")],
)  # fmt: skip
def test_incomplete_jobnets_are_named(table, words):
    """An icon without its settings cannot be written."""
    (definition,) = yamlform.parse(TEXT, "f.yaml")
    left = {name: rows for name, rows in definition.settings.items() if name != table.name}
    definition = replace(definition, settings=left)
    with pytest.raises(DefinitionError, match=words):
        yamltext.write(definition)
