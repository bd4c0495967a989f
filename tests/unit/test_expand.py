"""Expansion: definition rows and ids come in, rows of the run tables go out."""

from collections import defaultdict
from itertools import count, pairwise

import pytest

from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition
from jobarranger.errors import DefinitionError
from jobarranger.icons import icon_type, settings_tables
from jobarranger.loading.expand import (
    INSERT_ORDER,
    Ids,
    Library,
    MissingVersion,
    Rows,
    plan,
    rows,
)
from jobarranger.states import Counter, JobType, MethodFlag, RunType

#: Columns that only the run tables have.
ADDED = {
    "inner_job_id",
    "inner_jobnet_id",
    "link_inner_jobnet_id",
    "pid",
    "wait_count",
    "wait_time",
    "submit_inner_jobnet_id",
}


def filled(table, key, **changes):
    """Return a row with something distinct in every column."""
    row = {}
    for number, column in enumerate(table.c):
        if column.name == "created_date":
            continue
        is_number = "INT" in str(column.type)
        row[column.name] = number if is_number else f"{column.name} of {table.name}"
    return {**row, **key, **changes}


def jobnet(name, kinds, *, links=None, **changes):
    """Return a definition with one icon per kind, in a chain, with filled settings."""
    key = {"jobnet_id": name, "update_date": 7}
    icons: list[dict] = []
    settings: dict[str, dict] = defaultdict(dict)
    names = [f"{JobType(kind).name}-{number}" for number, kind in enumerate(kinds)]
    for job_id, kind in zip(names, kinds, strict=True):
        icons.append(
            filled(t.job_control, {**key, "job_id": job_id, "job_type": int(kind)}, method_flag=0)
        )
        for table in settings_tables().get(kind, ()):
            row = filled(table, {**key, "job_id": job_id}, **changes.get(table.name, {}))
            if "link_jobnet_id" in row:
                row["link_jobnet_id"] = links.pop(0)
            settings[table.name][job_id] = [row]
    flows = [
        {**key, "start_job_id": a, "end_job_id": b, "flow_type": 0, "flow_width": 1}
        for a, b in pairwise(names)
    ]
    header = {
        **key, "valid_flag": 1, "public_flag": 1, "multiple_start_up": 2,
        "user_name": "owner", "jobnet_name": f"name of {name}", "memo": None,
    }  # fmt: skip
    return Definition(header=header, icons=icons, flows=flows, settings=settings)


def library(*definitions):
    """Return the definitions, all in force."""
    return Library(
        {item.key: item for item in definitions},
        {item.key[0]: item.key for item in definitions},
    )


def request(name="MAIN", **changes):
    """Return the main row of a request."""
    row: dict[str, object] = {column.name: None for column in t.run_jobnet.c}
    row |= {
        "inner_jobnet_id": 900, "inner_jobnet_main_id": 900, "jobnet_id": name, "update_date": 7,
        "run_type": int(RunType.IMMEDIATE), "scheduled_time": 0, "initial_scheduled_time": 0,
        "public_flag": 1, "multiple_start_up": 2, "user_name": "owner", "jobnet_name": "n",
        "execution_user_name": "caller",
    }  # fmt: skip
    return {**row, **changes}


def expand(run, books):
    """Return the rows of a run; check that it took exactly the ids it asked for."""
    planned = plan(run, books)
    starts = {counter: 1000 * int(counter) for counter in Counter}
    used = {counter: iter(count(start)) for counter, start in starts.items()}
    into: Rows = defaultdict(list)
    rows(planned, Ids(used), into)
    for counter, number in planned.needs.items():
        assert next(used[counter]) == starts[counter] + number, counter
    return into


ALL = [JobType.START, *(kind for kind in JobType if kind not in (0, 1, 5)), JobType.END]


def test_every_kind_of_icon_is_copied():
    """All settings columns of all kinds reach the run table of the same name."""
    into = expand(request(), library(jobnet("MAIN", ALL)))
    assert {row["job_type"] for row in into[t.run_job]} == {int(kind) for kind in ALL}
    for kind in ALL:
        for settings in icon_type(kind).tables:
            source, target = settings.definition, settings.run
            assert target.name == source.name.replace("ja_", "ja_run_", 1)
            (row,) = into[target]
            assert set(row) == {column.name for column in target.c}, target.name
            for column in set(row) - ADDED:
                if (source, column) != (t.icon_agentless, "session_id"):
                    assert row[column] == filled(source, {})[column]
            assert row["inner_jobnet_id"] == 900


def test_rows_have_the_columns_of_their_tables():
    """Every row names every column but the one the database fills in."""
    books = library(jobnet("MAIN", [0, 5, 1], links=["SUB"]), jobnet("SUB", [0, 4, 1]))
    into = expand(request(), books)
    assert set(into) <= set(INSERT_ORDER)
    for table, found in into.items():
        for row in found:
            assert set(row) == {c.name for c in table.c} - {"created_date"}, table.name


def test_icons_of_a_simple_run():
    """Incoming flows are counted, a job gets a second id, NULL texts become empty."""
    definition = jobnet("MAIN", [0, 4, 1])
    definition.icons[1]["run_user"] = None
    into = expand(request(), library(definition))
    start, end, job = into[t.run_job]
    assert [row["boot_count"] for row in (start, job, end)] == [0, 1, 1]
    assert job["inner_job_id_fs_link"] == job["inner_job_id"] + 1
    assert start["inner_job_id_fs_link"] == end["inner_job_id_fs_link"] == 0
    assert job["run_user"] == ""
    ends = [(row["start_inner_job_id"], row["end_inner_job_id"]) for row in into[t.run_flow]]
    ids = [row["inner_job_id"] for row in (start, job, end)]
    assert ends == [(ids[0], ids[1]), (ids[1], ids[2])]


def test_extended_job_and_task_get_their_run_time_columns():
    """Columns that a definition does not have start empty."""
    into = expand(request(), library(jobnet("MAIN", [0, 9, 11, 1])))
    (extjob,), (task,) = into[t.run_icon_extjob], into[t.run_icon_task]
    assert (extjob["pid"], extjob["wait_count"], extjob["wait_time"]) == (0, 0, None)
    assert task["submit_inner_jobnet_id"] == 0


@pytest.mark.parametrize(("flag", "expected"), [(0, "@SESSION-40000"), (1, None)])
def test_one_time_sessions_get_a_number(flag, expected):
    """Session flag 0 takes a new number, others keep the session's name."""
    settings = {t.icon_agentless.name: {"session_flag": flag}}
    into = expand(request(), library(jobnet("MAIN", [0, 18, 1], **settings)))
    (row,) = into[t.run_icon_agentless]
    assert row["session_id"] == (expected or f"session_id of {t.icon_agentless.name}")


def test_wait_run_holds_only_the_main_start():
    """Run type 2 holds the START icon of the main jobnet, not those of sub-jobnets."""
    books = library(jobnet("MAIN", [0, 5, 1], links=["SUB"]), jobnet("SUB", [0, 1]))
    into = expand(request(run_type=int(RunType.WAIT)), books)
    held = {row["inner_jobnet_id"]: row["method_flag"] for row in into[t.run_job]
            if row["job_type"] == JobType.START}  # fmt: skip
    assert held.pop(900) == MethodFlag.WAIT
    assert set(held.values()) == {MethodFlag.NORMAL}


def test_test_run_marks_every_icon():
    """Run type 3 sets the test flag on all icons of all levels."""
    books = library(jobnet("MAIN", [0, 5, 1], links=["SUB"]), jobnet("SUB", [0, 1]))
    into = expand(request(run_type=int(RunType.TEST)), books)
    assert {row["test_flag"] for row in into[t.run_job]} == {1}


def test_end_with_stop_flag_is_held():
    """An END that is to stop in front waits for a release in any run."""
    settings = {t.icon_end.name: {"jobnet_stop_flag": 1}}
    into = expand(request(), library(jobnet("MAIN", [0, 1], **settings)))
    (end,) = [row for row in into[t.run_job] if row["job_type"] == JobType.END]
    assert end["method_flag"] == MethodFlag.WAIT


def test_sub_jobnets_are_private_copies():
    """Two icons naming one jobnet get an instance each, linked both ways."""
    books = library(jobnet("MAIN", [0, 5, 5, 1], links=["SUB", "SUB"]), jobnet("SUB", [0, 1]))
    into = expand(request(), books)
    links = {row["inner_job_id"]: row["link_inner_jobnet_id"] for row in into[t.run_icon_jobnet]}
    subs = {row["inner_job_id"]: row for row in into[t.run_jobnet]}
    assert {icon: row["inner_jobnet_id"] for icon, row in subs.items()} == links
    assert len(set(links.values())) == 2
    for row in subs.values():
        assert (row["main_flag"], row["status"], row["inner_jobnet_main_id"]) == (1, 0, 900)
        assert (row["memo"], row["execution_user_name"]) == ("", "caller")
        assert (row["schedule_id"], row["calendar_id"], row["boot_time"]) == (None, None, None)
        assert (row["jobnet_name"], row["user_name"]) == ("name of SUB", "owner")
    expanded = [row["invo_flag"] for row in into[t.run_job] if row["job_type"] == JobType.JOBNET]
    assert expanded == [1, 1]
    assert {row["inner_jobnet_id"] for row in into[t.run_job]} == {900, *links.values()}


def test_summary_copies_the_main_row():
    """The summary is expanded, at rest, and carries the request's own values."""
    (row,) = expand(request(scheduled_time=5), library(jobnet("MAIN", [0, 1])))[
        t.run_jobnet_summary
    ]
    assert (row["invo_flag"], row["status"], row["scheduled_time"]) == (1, 0, 5)
    assert (row["memo"], row["execution_user_name"]) == ("", "caller")


def test_a_cycle_is_refused_with_its_chain():
    """Jobnets that contain each other are named from the main jobnet downwards."""
    books = library(
        jobnet("MAIN", [0, 5, 1], links=["A"]),
        jobnet("A", [0, 5, 1], links=["B"]),
        jobnet("B", [0, 5, 1], links=["A"]),
    )
    with pytest.raises(DefinitionError, match="MAIN -> A -> B -> A"):
        plan(request(), books)


def test_missing_versions_are_kept_apart():
    """The main jobnet's recorded version and a sub-jobnet's version in force."""
    with pytest.raises(MissingVersion) as main:
        plan(request(), library())
    assert main.value.jobnet_id == "MAIN"
    with pytest.raises(MissingVersion, match="SUB") as sub:
        plan(request(), library(jobnet("MAIN", [0, 5, 1], links=["SUB"])))
    assert sub.value.jobnet_id == "SUB"


@pytest.mark.parametrize("table", [t.icon_job, t.job_command, t.icon_end])
def test_missing_settings_are_refused(table):
    """An icon without its settings row cannot run."""
    definition = jobnet("MAIN", [0, 4, 1])
    del definition.settings[table.name]
    with pytest.raises(DefinitionError, match=table.name):
        plan(request(), library(definition))


def test_empty_variable_tables_are_fine():
    """A job may have no variables."""
    definition = jobnet("MAIN", [0, 4, 1])
    del definition.settings[t.value_job.name], definition.settings[t.value_jobcon.name]
    into = expand(request(), library(definition))
    assert t.run_value_job not in into


def test_doubling_sub_jobnets_end_in_an_error():
    """A tree that doubles at every level is refused instead of filling the memory."""
    levels = [jobnet(f"L{n}", [0, 5, 5, 1], links=[f"L{n + 1}"] * 2) for n in range(20)]
    books = library(*levels, jobnet("L20", [0, 1]))
    with pytest.raises(DefinitionError, match="sub-jobnets"):
        plan(request("L0"), books)
