"""YAML jobnets: what is taken, and that every refusal names place, value and rule."""

import pytest

from jobarranger.db import tables as t
from jobarranger.definitions import versions, yamlform
from jobarranger.definitions.secret import obfuscate
from jobarranger.errors import DefinitionError
from jobarranger.states import JobType, MethodFlag, MultipleStart

GOOD = """
jobnet: NIGHT
name: Every night
owner: oper
public: true
multiple-start-up: wait
time-limit: 90
icons:
  START: {type: start}
  ENV-1: {type: value, values: {DAY: monday, N: 3}}
  JOB-1:
    type: job
    host: web1
    command: "echo $DAY"
    stop-command: kill it
    error-codes: 1-9, 255
    timeout: 5
    variables: {D: $DAY}
    receive: [JOB_EXIT_CD]
    beforehand: hold
    force: true
    run-user: app
    run-user-password: ab
  END-1: {type: end, exit-code: 3, stop-before: true}
flows:
  - START -> ENV-1 -> JOB-1 -> END-1
"""


def parse(text=GOOD):
    """Return the one jobnet of a text."""
    (definition,) = yamlform.parse(text, "f.yaml")
    return definition


def test_header():
    """The head of the file becomes the header, not in force."""
    header = parse().header
    assert header["jobnet_id"] == "NIGHT"
    assert header["jobnet_name"] == "Every night"
    assert (header["user_name"], header["public_flag"], header["valid_flag"]) == ("oper", 1, 0)
    assert header["multiple_start_up"] == MultipleStart.DELAY


def test_time_limit():
    """Minutes, kept beside the rows of the original and in every version; none by default."""
    assert versions.with_version(parse(), 20260101000000).time_limit == parse().time_limit == 90
    assert parse(GOOD.replace("time-limit: 90\n", "")).time_limit == 0


def test_job_icon():
    """A job brings its settings, both commands and both kinds of variables."""
    definition = parse()
    row = next(row for row in definition.icons if row["job_id"] == "JOB-1")
    assert row["job_type"] == JobType.JOB
    assert row["method_flag"] == MethodFlag.WAIT
    assert (row["force_flag"], row["run_user"], row["run_user_password"]) == (1, "app", "1505b")
    (job,) = definition.settings[t.icon_job.name]["JOB-1"]
    assert (job["host_name"], job["host_flag"], job["stop_flag"]) == ("web1", 0, 1)
    assert (job["timeout"], job["stop_code"]) == (5, "1-9, 255")
    commands = definition.settings[t.job_command.name]["JOB-1"]
    assert {row["command_cls"]: row["command"] for row in commands} == {
        0: "echo $DAY",
        2: "kill it",
    }
    assert definition.settings[t.value_job.name]["JOB-1"][0]["value"] == "$DAY"
    assert definition.settings[t.value_jobcon.name]["JOB-1"][0]["value_name"] == "JOB_EXIT_CD"


def test_flows_and_places():
    """A chain becomes its flows; icons stand in columns."""
    definition = parse()
    pairs = [(row["start_job_id"], row["end_job_id"]) for row in definition.flows]
    assert pairs == [("START", "ENV-1"), ("ENV-1", "JOB-1"), ("JOB-1", "END-1")]
    columns = [row["point_x"] for row in definition.icons]
    assert columns == sorted(columns)
    assert len(set(columns)) == 4


def test_host_variable():
    """The host may come out of a variable."""
    definition = parse(GOOD.replace("host: web1", "host-variable: TARGET"))
    (job,) = definition.settings[t.icon_job.name]["JOB-1"]
    assert (job["host_name"], job["host_flag"]) == ("TARGET", 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("jobnet: NIGHT", "jobnet: 'a b'", ["jobnet", "'a b'", "letters"]),
        ("host: web1", "hosts: web1", ["JOB-1.host", "missing"]),
        ("timeout: 5", "timeout: soon", ["JOB-1.timeout", "'soon'", "0 to 99999"]),
        ("N: 3", "N: true", ["ENV-1.values.N", "True is not a text", "quotes"]),
        ("force: true", "force: maybe", ["JOB-1.force", "true nor false"]),
        ("error-codes: 1-9, 255", "error-codes: x", ["JOB-1.error-codes", "'x'"]),
        ("exit-code: 3", "exit-code: 256", ["END-1.exit-code", "256"]),
        ("{DAY: monday, N: 3}", "{}", ["ENV-1.values", "at least one"]),
        ("{DAY: monday, N: 3}", "{1X: a}", ["ENV-1.values", "1X"]),
        ("public: true", "public: true\ncolour: red", ["colour", "not known"]),
        ("force: true", "forse: true", ["JOB-1.forse", "not known"]),
        ("time-limit: 90", "time-limit: 0", ["time-limit", "0 is", "1 to 99999"]),
        ("time-limit: 90", "time-limit: 100000", ["time-limit", "100000", "1 to 99999"]),
        ("time-limit: 90", "time-limit: 1h", ["time-limit", "'1h'", "1 to 99999"]),
        ("multiple-start-up: wait", "multiple-start-up: later", ["'later'", "parallel, skip"]),
        ("owner: oper\n", "", ["owner", "missing"]),
        ("name: Every night", "name: a,b", ["name", ","]),
        ("type: job", "type: fcopy", ["JOB-1.type", "fcopy", "yet"]),
        ("type: job", "type: magic", ["JOB-1.type", "'magic'", "start, end"]),
        ("-> JOB-1 -> END-1", "-> JOB-9 -> END-1", ["flows", "JOB-9", "not exist"]),
        ("START -> ENV-1 -> JOB-1 -> END-1", "START -> ENV-1 -> END-1", ["JOB-1", "exactly 1"]),
        ("START -> ENV-1", "START => ENV-1", ["flows[1]", "chain"]),
        ("END-1: {type: end, exit-code: 3, stop-before: true}", "", ["at least one end"]),
        ("  START: {type: start}", "", ["exactly one start"]),
        ("jobnet: NIGHT", "jobnet: NIGHT\njobnet: DAY", ["line 3", "duplicate"]),
        ('command: "echo $DAY"', f"command: '{'x' * 4001}'", ["command", "4000"]),
    ],
)
def test_refusals_name_place_value_and_rule(old, new, words):
    """A mistake is one line that says where, what and why."""
    assert old in GOOD
    with pytest.raises(DefinitionError) as caught:
        parse(GOOD.replace(old, new))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("f.yaml")
    for word in words:
        assert word in text, text


def test_branches_are_understood_and_belong_to_conditions():
    """A true branch out of a job is refused as such."""
    with pytest.raises(DefinitionError, match="true branch"):
        parse(GOOD.replace("JOB-1 -> END-1", "JOB-1 -true-> END-1"))


@pytest.mark.parametrize(
    "written", ["007", "1.10", "2026-11-25", "1_000", "0x1F", "1e3", "12:30", "9" * 5000, ".5"]
)
def test_values_are_texts_as_they_are_written(written):
    """What YAML takes for a number or a date keeps its zeros, without quotes."""
    definition = parse(GOOD.replace("N: 3", f"N: {written}"))
    rows = definition.settings[t.icon_value.name]["ENV-1"]
    assert {row["value_name"]: row["value"] for row in rows}["N"] == written


def test_ids_are_texts_as_they_are_written():
    """A number as an id keeps its zeros, also as a key."""
    text = GOOD.replace("NIGHT", "007").replace("JOB-1", "01")
    definition = parse(text)
    assert definition.header["jobnet_id"] == "007"
    assert "01" in {row["job_id"] for row in definition.icons}


@pytest.mark.parametrize(
    ("now", "dates", "expected"),
    [
        (20261122101500, [], 20261122101500),
        (20261122101500, [20261122101459], 20261122101500),
        (20261122101500, [20261122101500], 20261122101501),
        (20261122101500, [20261231235959], 20270101000000),
    ],
)
def test_versions_only_grow(now, dates, expected):
    """A version is later than all others of its id, and a real time of day."""
    assert versions.next_version(now, dates) == expected


def test_masked_password_is_the_agents_form():
    """The mask is `1` and the text XORed with 199907 in hexadecimal."""
    assert obfuscate("") == ""
    assert obfuscate("1999071") == "1" + "00" * 6 + "00"
