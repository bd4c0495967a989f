"""jobarg_def with calendars, filters and schedules, as real processes on a real database."""

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from jobarranger.calendars.starts import all_starts
from jobarranger.db import tables as t
from jobarranger.db.definitions import read_versions
from jobarranger.definitions import versions, yamlform
from jobarranger.icons import settings_tables
from jobarranger.loading.rows.scheduling import read_scheduling
from tests.shell import Shell

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "conf" / "demo" / "hello.yaml"
MONTHLY = ROOT / "conf" / "examples" / "monthly.yaml"
ALL = ("calendar:BUSINESS-DAYS", "filter:MONTH-END", "schedule:REPORTS", "HELLO")


@pytest.fixture
def shell(database, tmp_path):
    """Give a shell on a fresh database."""
    return Shell(database, tmp_path)


def in_force(shell):
    """Return what the list marks as in force."""
    lines = shell("jobarg_def list").splitlines()
    return [line.split()[1] for line in lines if line.startswith("*")]


def test_what_is_imported_starts(shell):
    """The example and its jobnet come together; the starts are those that it names."""
    output = shell("jobarg_def import", HELLO, MONTHLY)
    assert output.count(", in force\n") == 4
    assert in_force(shell) == list(ALL)
    first, last = date(2026, 1, 30), date(2026, 2, 1)
    found = shell.db.read(lambda conn: read_scheduling(conn, first, last))
    starts = all_starts(found.schedules, found.timetable, 202601300000, 202602012359)
    assert [(start.slot, start.object_id) for start in starts] == [
        (202601300000, "BUSINESS-DAYS"),
        (202601300100, "BUSINESS-DAYS"),
        (202601300200, "BUSINESS-DAYS"),
        (202601300730, "BUSINESS-DAYS"),
        (202601302200, "BUSINESS-DAYS"),
        (202601302300, "BUSINESS-DAYS"),
        (202601310000, "BUSINESS-DAYS"),
        (202601310100, "BUSINESS-DAYS"),
        (202601310115, "MONTH-END"),
        (202601310200, "BUSINESS-DAYS"),
    ]


def test_an_export_of_all_kinds_can_be_imported(shell, tmp_path):
    """Imported again it gives the same export; later versions are stored, not put in force."""
    shell("jobarg_def import", HELLO, MONTHLY)
    names = " ".join(ALL)
    text = shell(f"jobarg_def export {names}")
    assert text.count("---\n") == 3
    (tmp_path / "again.yaml").write_text(text.replace("2026-01: 2,", "2026-01: 1-2,"))
    shell("jobarg_def import", tmp_path / "again.yaml")
    assert shell(f"jobarg_def export {names}") == text
    lines = shell("jobarg_def list calendar").splitlines()
    assert [line[0] for line in lines] == ["*", " "]
    newest = lines[1].split()[1]
    assert "2026-01: 1-2," in shell(f"jobarg_def export {ALL[0]} --version {newest}")
    shell(f"jobarg_def enable {ALL[0]} {newest}")
    assert "2026-01: 1-2," in shell(f"jobarg_def export {ALL[0]}")
    audit = shell.db.read(lambda conn: conn.execute(select(t.ext_audit)).all())
    assert sorted(row.target for row in audit) == sorted([*ALL, *ALL, ALL[0]])


def test_a_time_limit_belongs_to_its_version(shell, tmp_path):
    """Stored, exported and deleted with it; the Manager's copy of a version has none."""
    drawn = HELLO.read_text()
    (limited, free) = (tmp_path / "limited.yaml", tmp_path / "free.yaml")
    limited.write_text(re.sub(r"^time-limit: .*$", "time-limit: 45", drawn, flags=re.MULTILINE))
    free.write_text(re.sub(r"^time-limit: .*\n", "", drawn, flags=re.MULTILINE))
    shell("jobarg_def import", limited)
    shell("jobarg_def import --enable", free)
    first, second = (line[2:].split()[1] for line in shell("jobarg_def list").splitlines())

    def limits() -> list[tuple[str, int, int]]:
        c = t.ext_jobnet_limit.c
        found = select(c.jobnet_id, c.update_date, c.minutes)
        return [tuple(row) for row in shell.db.read(lambda conn: conn.execute(found).all())]

    assert limits() == [("HELLO", int(first), 45)]
    assert "time-limit" not in shell("jobarg_def export HELLO")
    shell(f"jobarg_def enable HELLO {first}")
    exported = shell("jobarg_def export HELLO")
    assert "\ntime-limit: 45\n" in exported
    shell(f"jobarg_def delete HELLO {second}")
    assert limits() == [("HELLO", int(first), 45)]
    shell("jobarg_def delete HELLO")
    assert limits() == []
    limited.write_text(exported)
    shell("jobarg_def import", limited)
    assert shell("jobarg_def export HELLO") == exported


def test_a_limit_that_the_manager_has_left_counts_for_nothing(database):
    """It deletes a version without it; a new version of the same number has its own or none."""
    version = 20260101000000
    stale = {"jobnet_id": "HELLO", "update_date": version, "minutes": 5}
    database.transaction(lambda unit: unit.execute(insert(t.ext_jobnet_limit), [stale]))
    text = re.sub(r"^time-limit: .*\n", "", HELLO.read_text(), flags=re.MULTILINE)
    (definition,) = yamlform.parse(text, "f.yaml")
    database.transaction(lambda unit: versions.store(unit, definition, version))
    key = ("HELLO", version)
    assert (
        database.read(lambda conn: read_versions(conn, [key], settings_tables()))[key].time_limit
        == 0
    )


def test_what_a_schedule_names_must_be_in_force(shell, tmp_path):
    """Its calendars, filters, their base calendars and its jobnets; or it is forced."""
    output = shell("jobarg_def import", MONTHLY, code=1)
    message = "schedule REPORTS: names the jobnet HELLO, which has no version in force"
    assert output == f"jobarg_def: {message}\n"
    assert shell("jobarg_def list") == ""
    shell("jobarg_def import --no-enable", MONTHLY, HELLO)
    for name, missing in (
        ("filter:MONTH-END", "names the calendar BUSINESS-DAYS, which"),
        ("schedule:REPORTS", "names the calendar BUSINESS-DAYS, which"),
        ("calendar:BUSINESS-DAYS", None),
        ("schedule:REPORTS", "names the filter MONTH-END, which"),
        ("filter:MONTH-END", None),
        ("schedule:REPORTS", "names the jobnet HELLO, which"),
        ("HELLO", None),
        ("schedule:REPORTS", None),
    ):
        output = shell(f"jobarg_def enable {name}", code=1 if missing else 0)
        assert (missing or "in force") in output
    shell("jobarg_def disable --force calendar:BUSINESS-DAYS")
    (tmp_path / "only.yaml").write_text(
        "schedule: ONLY\nowner: o\nstart: [{filter: MONTH-END, at: 1:00}]\njobnets: [HELLO]\n"
    )
    output = shell("jobarg_def import", tmp_path / "only.yaml", code=1)
    assert "filter MONTH-END, whose calendar BUSINESS-DAYS has no version in force" in output
    shell("jobarg_def import --no-enable", tmp_path / "only.yaml")
    assert "in force" in shell("jobarg_def enable --force schedule:ONLY")


def test_a_schedule_that_starts_nothing_is_refused(shell, tmp_path):
    """Without boot times or without jobnets; it can be stored."""
    shell("jobarg_def import", MONTHLY, HELLO)
    for keys, message in (
        ("jobnets: [HELLO]", "schedule BARE: has no boot time, so it would never start"),
        (
            "start: [{calendar: BUSINESS-DAYS, at: 1:00}]",
            "schedule BARE: has no jobnet, so it would start nothing",
        ),
    ):
        (tmp_path / "bare.yaml").write_text(f"schedule: BARE\nowner: o\n{keys}\n")
        assert message in shell("jobarg_def import --enable", tmp_path / "bare.yaml", code=1)
        shell("jobarg_def import --no-enable", tmp_path / "bare.yaml")


def test_what_is_named_stays_in_force(shell):
    """Unless what names it goes first, or by force."""
    shell("jobarg_def import", HELLO, MONTHLY)
    for name, users in (
        (ALL[0], "calendar BUSINESS-DAYS: is named, in force, by filter MONTH-END, schedule REP"),
        (ALL[1], "filter MONTH-END: is named, in force, by schedule REPORTS\n"),
        (ALL[3], "jobnet HELLO: is named, in force, by schedule REPORTS\n"),
    ):
        assert users in shell(f"jobarg_def disable {name}", code=1)
    assert in_force(shell) == list(ALL)
    shell("jobarg_def disable --force HELLO")
    for name in (ALL[2], ALL[1], ALL[0]):
        assert shell(f"jobarg_def disable {name}") == f"{name}: no version in force\n"
    assert in_force(shell) == []
    output = shell("jobarg_def disable schedule:REPORTS")
    assert output == "schedule:REPORTS: no version in force (was none before)\n"
    assert "filter X does not exist" in shell("jobarg_def disable filter:X", code=1)


def test_what_is_named_is_not_deleted(shell):
    """In any version, and whatever is said; one of several versions can always go."""
    shell("jobarg_def import", HELLO, MONTHLY)
    shell("jobarg_def disable schedule:REPORTS")
    for name in (ALL[0], ALL[1], ALL[3]):
        assert "is named, in any version, by" in shell(f"jobarg_def delete {name}", code=1)
    shell("jobarg_def import", HELLO, MONTHLY)
    first = shell("jobarg_def list calendar").splitlines()[0].split()[2]
    output = shell(f"jobarg_def delete {ALL[0]} {first}")
    assert output == f"{ALL[0]}: version {first} deleted\n"
    for name in (ALL[2], ALL[1], ALL[0], ALL[3]):
        shell(f"jobarg_def delete {name}")
    assert shell("jobarg_def list") == ""
    for table in (t.calendar_detail, t.schedule_detail, t.schedule_jobnet, t.job_control):
        assert shell.db.read(lambda conn, table=table: conn.execute(select(table)).all()) == []


def test_several_are_done_at_once(shell):
    """They may name each other; what one of them does not bear is done to none."""
    shell("jobarg_def import", HELLO, MONTHLY)
    some = "calendar:BUSINESS-DAYS filter:MONTH-END HELLO"
    text = shell(f"jobarg_def disable {some}", code=1)
    assert "is named, in force, by" in text
    assert in_force(shell) == list(ALL)
    text = shell(f"jobarg_def disable {some} schedule:REPORTS")
    assert text.count(": no version in force\n") == 4
    assert in_force(shell) == []
    text = shell("jobarg_def enable schedule:REPORTS filter:MONTH-END HELLO", code=1)
    assert "has no version in force" in text
    assert in_force(shell) == []
    text = shell(f"jobarg_def enable schedule:REPORTS {some}")
    assert text.count(", in force\n") == 4
    assert in_force(shell) == list(ALL)
    version = re.search(r"HELLO: version (\d{14})", text)
    assert version is not None
    assert "HELLO" in shell(f"jobarg_def enable HELLO {version[1]}")
    shell(f"jobarg_def disable {some} schedule:REPORTS")
    shell(f"jobarg_def delete {some} schedule:REPORTS")
    assert shell("jobarg_def list") == ""


def test_a_jobnet_and_what_is_inside_are_put_in_force_together(shell, tmp_path):
    """The outer one needs the inner one, whatever their order."""
    inner, outer = tmp_path / "inner.yaml", tmp_path / "outer.yaml"
    drawing = (
        "icons: {{START: {{type: start}}, X: {}, END: {{type: end}}}}\nflows: [START -> X -> END]\n"
    )
    head = "jobnet: {}\nowner: o\nmultiple-start-up: parallel\n"
    inner.write_text(head.format("Z") + drawing.format("{type: value, values: {A: '1'}}"))
    outer.write_text(head.format("A") + drawing.format("{type: jobnet, jobnet: Z}"))
    shell("jobarg_def import --no-enable", inner, outer)
    shell("jobarg_def enable A", code=1)
    shell("jobarg_def enable A Z")
    assert in_force(shell) == ["A", "Z"]


def test_jobnets_inside_others_count(shell, tmp_path):
    """JOBNET and TASK icons name jobnets; a jobnet is not kept by its own icons."""
    (tmp_path / "in.yaml").write_text(
        "jobnet: OUT\nowner: o\nicons: {START: {type: start}, IN: {type: jobnet, jobnet: HELLO},"
        " END: {type: end}}\nflows: [START -> IN -> END]\n"
    )
    shell("jobarg_def import", HELLO, tmp_path / "in.yaml")
    output = shell("jobarg_def delete HELLO", code=1)
    assert output == "jobarg_def: jobnet HELLO: is named, in any version, by jobnet OUT\n"
    version = int(shell("jobarg_def list jobnet").splitlines()[1].split()[2])
    task = {
        "jobnet_id": "OUT",
        "job_id": "IN",
        "update_date": version,
        "submit_jobnet_id": "OUT",
    }
    shell.db.transaction(lambda unit: unit.execute(insert(t.icon_task), [task]))
    shell("jobarg_def delete OUT")
    shell("jobarg_def delete HELLO")


def test_ids_of_one_kind_have_nothing_to_do_with_others(shell, tmp_path):
    """A calendar and a filter may be called the same; users are distinguished by what they name."""
    (tmp_path / "same.yaml").write_text(
        "calendar: X\nowner: o\ndays: {2026-01: 1}\n---\n"
        "calendar: Y\nowner: o\ndays: {2026-01: 1}\n---\n"
        "filter: X\nowner: o\ncalendar: Y\nbase: 1\n---\n"
        "schedule: X\nowner: o\nstart: [{filter: X, at: 1:00}]\njobnets: [HELLO]\n"
    )
    shell("jobarg_def import", HELLO, tmp_path / "same.yaml")
    assert in_force(shell) == ["calendar:X", "calendar:Y", "filter:X", "schedule:X", "HELLO"]
    shell("jobarg_def delete calendar:X")
    assert "by schedule X" in shell("jobarg_def delete filter:X", code=1)
    output = shell("jobarg_def import", tmp_path / "same.yaml", tmp_path / "same.yaml", code=1)
    assert "calendar X is defined twice" in output
    assert "'calender' is no kind of definition" in shell("jobarg_def list calender", code=1)
    assert "'x' is no kind of definition" in shell("jobarg_def export x:Y", code=1)


def test_the_examples_of_the_docs_can_be_put_in_force(shell, tmp_path):
    """What docs/calendars.md shows is imported together with the jobnet of definitions.md."""
    shown = []
    for page in ("definitions.md", "calendars.md"):
        text = (ROOT / "docs" / page).read_text()
        shown += re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "docs.yaml").write_text("---\n".join(shown))
    output = shell("jobarg_def import", tmp_path / "docs.yaml")
    assert output.count(", in force\n") == len(shown) == output.count("\n")
