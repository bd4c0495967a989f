"""`jobarg_ctl plan` and `calendar|filter|schedule show` on real databases."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, update

from jobarranger.calendars.starts import all_starts
from jobarranger.commands import ctl_plan, operate
from jobarranger.db import pauses
from jobarranger.db import tables as t
from jobarranger.loading.rows.scheduling import read_scheduling
from jobarranger.states import PauseScope
from tests.plans import (
    VERSION,
    calendar,
    days,
    jobnet,
    month_filter,
    run,
    schedule,
    store,
)
from tests.shell import ROOT, Shell

#: A year to come, and its Mondays to Fridays.
YEAR = date(2031, 1, 1)
WORKING = [day for day in days(YEAR, 365) if day.weekday() < 5]

#: What is odd in the test of that name.
EXPECTED = """\
calendar C has its last operating day on 2031-12-31: nothing starts by it later (schedules A, B)
calendar NOWHERE does not exist: nothing starts by it (schedule A)
calendar OFF has no version in force: nothing starts by it (schedule A)
filter NEVER finds no operating day for the month 2031-11: nothing starts by it (schedule B)
jobnet DISABLED has no version in force: nothing starts by it (schedule B)
jobnet GONE, part of NET, has no version in force: NET cannot be loaded (schedules A, B)
schedule A: boot time '95' is no time from 0000 to 9959: it never starts
schedule D has no boot time: it never starts
schedule D has no jobnet: it starts nothing
"""


@pytest.fixture
def shell(database, tmp_path):
    """Give a shell on a fresh database."""
    return Shell(database, tmp_path)


def zone(shell, name):
    """Let the server's zone be another."""
    text = shell.config.read_text()
    shell.config.write_text(text.replace("JaTimeZone=UTC", f"JaTimeZone={name}"))


def objects(text):
    """Return the objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_plan_lists_every_start_in_order(database, shell):
    """By calendars and filters, with operating day and boot time; nothing is odd: exit code 0."""
    store(
        database,
        calendar("C", WORKING),
        month_filter("LAST", "C"),
        jobnet("NET"),
        jobnet("B"),
        schedule("S", [(0, "C", "2530")], ["NET", "B"]),
        schedule("T", [(1, "LAST", "0900")], ["NET"]),
    )
    out = shell("jobarg_ctl plan --from 203105300000 --to 20310602")
    assert out.splitlines()[0] == (
        "time                  jobnet  schedule  by             day         boot  state"
    )
    assert out.splitlines()[3] == (
        "2031-05-30 09:00 Fri  NET     T         filter LAST    2031-05-30  0900  to be loaded"
    )
    lines = [line.split() for line in out.splitlines()[1:]]
    assert [(line[0], line[1], line[3], line[7], line[8]) for line in lines] == [
        ("2031-05-30", "01:30", "B", "2031-05-29", "2530"),
        ("2031-05-30", "01:30", "NET", "2031-05-29", "2530"),
        ("2031-05-30", "09:00", "NET", "2031-05-30", "0900"),
        ("2031-05-31", "01:30", "B", "2031-05-30", "2530"),
        ("2031-05-31", "01:30", "NET", "2031-05-30", "2530"),
    ]


def test_a_plan_is_what_the_loader_will_load(database, shell):
    """The same functions, over a year, minute by minute."""
    store(
        database,
        calendar("C", WORKING),
        month_filter("DAY15", "C", flag=2, day=15, shift=2),
        jobnet("NET"),
        schedule("S", [(0, "C", "0900"), (1, "DAY15", "9959"), (0, "C", "2430")], ["NET"]),
    )
    reported = objects(shell("jobarg_ctl plan --from 20310101 --to 20311231 --json"))
    found = database.read(lambda conn: read_scheduling(conn, date(2031, 1, 1), date(2031, 12, 31)))
    wanted = all_starts(found.schedules, found.timetable, 203101010000, 203112312359)
    assert [(one["scheduled_time"], one["calendar"]) for one in reported[:-1]] == [
        (one.slot, one.object_id) for one in wanted
    ]
    assert reported[-1] == {"schema": 1, "kind": "end", "starts": len(reported) - 1, "warnings": 0}


def test_a_plan_can_be_narrowed(database, shell):
    """To schedules, jobnets and owners; what is named and not there is an error."""
    store(
        database,
        calendar("C", WORKING),
        jobnet("NET"),
        jobnet("B", user="bob"),
        schedule("S", [(0, "C", "0900")], ["NET", "B"]),
        schedule("T", [(0, "C", "1000")], ["NET"]),
    )

    def reported(options):
        out = shell(f"jobarg_ctl plan --from 20310602 --to 20310602 --json {options}")
        return [(one["schedule"], one["jobnet"]) for one in objects(out)[:-1]]

    assert reported("--schedule T") == [("T", "NET")]
    assert reported("--schedule T --schedule S") == [("S", "B"), ("S", "NET"), ("T", "NET")]
    assert reported("--jobnet B") == [("S", "B")]
    assert reported("--user ann") == [("S", "NET"), ("T", "NET")]
    assert reported("--user bob --jobnet NET") == []
    out = shell("jobarg_ctl plan --schedule X", code=1)
    assert out == "jobarg_ctl: schedule X has no version in force\n"
    out = shell("jobarg_ctl plan --jobnet X", code=1)
    assert out == "jobarg_ctl: no schedule in force starts jobnet X\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--from 2031060", "'2031060' is not YYYYMMDD or YYYYMMDDHHMM"),
        ("--from 2031-6-1", "'2031-6-1' is not YYYYMMDD or YYYYMMDDHHMM"),
        ("--from 20310631", "'20310631' is no day or minute of the calendar"),
        ("--to 99990101", "'99990101' is later than the year 9998"),
        ("--to 203106012460", "'203106012460' is no day or minute of the calendar"),
    ],
)
def test_what_is_no_time_is_refused(shell, options, text):
    """With the value and the form that is wanted."""
    assert text in shell(f"jobarg_ctl plan {options}", code=2)


def test_times_are_taken_as_they_are_shown(shell):
    """What stands in the plan can be copied to its options."""
    out = shell("jobarg_ctl plan --from 2031-06-02 --to 2031-06-01T23:58", code=1)
    assert out == "jobarg_ctl: --to 203106012358 lies before --from 203106020000\n"


def test_a_range_that_goes_back_is_refused(shell):
    """It would be an empty plan that looks like good news."""
    out = shell("jobarg_ctl plan --from 20310602 --to 20310601", code=1)
    assert out == "jobarg_ctl: --to 203106012359 lies before --from 203106020000\n"


def test_what_is_known_of_a_start_is_reported(database, shell):
    """Its run, a hold, another time, a pause."""
    store(
        database,
        calendar("C", WORKING),
        jobnet("NET"),
        jobnet("OTHER"),
        schedule("S", [(0, "C", "0900")], ["NET", "OTHER"]),
        run(7, 203106020900, start_pending_flag=1),
        run(8, 203106030900, scheduled_time=203106031000),
        run(9, 203106040900, run_type=4),
    )
    database.transaction(
        lambda unit: pauses.add(
            unit.conn,
            scope=PauseScope.JOBNET,
            name="OTHER",
            since=1,
            until_at=None,
            actor_user="ann",
            reason="x",
        )
    )
    out = shell("jobarg_ctl plan --from 20310602 --to 20310604")
    states = [line.partition("0900")[2].strip() for line in out.splitlines()[1:]]
    assert states == [
        "on hold [7]",
        "to be loaded; paused: jobnet OTHER",
        "scheduled [8]; moved to 2031-06-03 10:00",
        "to be loaded; paused: jobnet OTHER",
        "to be loaded",
        "to be loaded; paused: jobnet OTHER",
    ]
    first, second, third, *_ = objects(
        shell("jobarg_ctl plan --from 20310602 --to 20310604 --json")
    )
    assert (first["registry"], first["status"], first["paused"]) == (7, "on hold", None)
    assert (second["registry"], second["paused"]) == (None, "jobnet OTHER")
    assert third["moved_to"] == 203106031000


def test_a_start_whose_run_was_purged_is_known(database, shell):
    """It is not taken for one that is still to be loaded."""
    store(
        database, calendar("C", WORKING), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"])
    )
    row = {"slot": 203106020900, "schedule_id": "S", "calendar_id": "C", "jobnet_id": "NET"}
    row |= {"inner_jobnet_id": 7, "slot_at": 1, "at": 1}
    database.transaction(lambda unit: unit.execute(insert(t.ext_slot), row))
    out = shell("jobarg_ctl plan --from 20310602 --to 20310602")
    assert out.splitlines()[1].endswith("purged [7]")


def test_what_is_odd_is_reported_and_gives_another_exit_code(database, shell):
    """References, boot times, calendars that run out, filters without days, jobnets, parts."""
    store(
        database,
        calendar("C", WORKING),
        calendar("OFF", WORKING, valid=0),
        month_filter("NEVER", "C", flag=2, day=1, shift=0),
        jobnet("NET"),
        jobnet("DISABLED", valid=0),
        schedule("A", [(0, "C", "95"), (0, "OFF", "0900"), (0, "NOWHERE", "0900")], ["NET"]),
        schedule("B", [(1, "NEVER", "0900")], ["DISABLED", "NET"]),
        schedule("D", [], []),
    )
    key = {"jobnet_id": "NET", "update_date": VERSION, "job_id": "NET-1"}

    def add_part(unit):
        unit.execute(insert(t.job_control), {**key, "job_type": 5})
        unit.execute(insert(t.icon_jobnet), {**key, "link_jobnet_id": "GONE"})

    database.transaction(add_part)
    out = shell("jobarg_ctl plan --from 20311101 --to 20320131", code=3)
    warnings = [
        line.removeprefix("jobarg_ctl: warning: ")
        for line in out.splitlines()
        if line.startswith("jobarg_ctl: warning: ")
    ]
    assert sorted(warnings) == EXPECTED.splitlines()
    reported = objects(shell("jobarg_ctl plan --from 20311101 --to 20320131 --json", code=3))
    assert reported[-1]["warnings"] == len(warnings)
    kinds = {one["problem"] for one in reported if one["kind"] == "warning"}
    assert {"boot time", "disabled", "missing", "runs out", "no day", "sub-jobnet"} <= kinds


def test_clock_changes_in_the_range_are_reported(database, shell):
    """Beside the start, and as a warning that says what will happen."""
    zone(shell, "Europe/Berlin")
    store(
        database,
        calendar("C", days(YEAR, 365)),
        jobnet("NET"),
        jobnet("B"),
        schedule("S", [(0, "C", "0230")], ["NET", "B"]),
    )
    out = shell("jobarg_ctl plan --from 20310329 --to 20310331", code=3)
    assert out.splitlines()[-1] == (
        "jobarg_ctl: warning: 2031-03-30 02:30 is left out as the clock is put forward: starts at"
        " 03:00 (2 starts)"
    )
    assert out.count("is left out") == 3
    (one,) = [
        one
        for one in objects(shell("jobarg_ctl plan --from 20311026 --to 20311026 --json", code=3))
        if one.get("jobnet") == "NET"
    ]
    assert (one["clock"], one["at"]) == ("twice", "2031-10-26T02:30:00+02:00")
    shell("jobarg_ctl plan --from 20310401 --to 20311025")


def test_nothing_to_come_is_said(shell):
    """An empty answer could as well be a fault."""
    assert shell("jobarg_ctl plan") == "nothing starts\n"


def test_a_long_plan_needs_no_more_memory_than_a_short_one(database, tmp_path):
    """A year of a hundred jobnets each half hour: 1.7 million starts, taken one by one."""
    if database.kind.value != "sqlite":
        pytest.skip("the plan is the same on all products")
    nets = [f"NET{number}" for number in range(100)]
    times = [(0, "C", f"{hour:02}{half}") for hour in range(24) for half in ("00", "30")]
    store(
        database,
        calendar("C", days(YEAR, 365)),
        *map(jobnet, nets),
        schedule("S", times, nets),
    )
    shell = Shell(database, tmp_path)
    with operate.session(shell.config, "jobarg_ctl") as session:
        found = database.read(
            lambda conn: read_scheduling(conn, date(2031, 1, 1), date(2031, 12, 31))
        )
        asked = ctl_plan.Asked(
            first=203101010000,
            last=203112312359,
            schedules=found.schedules,
            timetable=found.timetable,
        )
        coming = ctl_plan.planned(session, asked)
        for _ in range(100 * 48 * 40):  # the first pieces, which grow to a month
            next(coming)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(100 * 48 * 100):
            next(coming)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000  # KiB


# -- show -------------------------------------------------------------------------------------


def test_a_calendar_is_drawn(database, shell):
    """Twelve months without a terminal, with counts; or an object."""
    store(database, calendar("C", WORKING))
    out = shell("jobarg_ctl calendar show C --year 2031")
    assert out.startswith(f"calendar C C days (version {VERSION}, in force; nobody)\n")
    assert "261 operating days in 2031, 261 in all, from 2031-01-01 to 2031-12-31" in out
    assert re.search("December 2031 +23$", out, re.MULTILINE)
    assert "\x1b" not in out
    reported = json.loads(shell("jobarg_ctl calendar show C --year 2031 --json"))
    assert reported["days"] == [int(day.strftime("%Y%m%d")) for day in WORKING]
    assert (reported["in_force"], reported["last_day"]) == (True, 20311231)
    assert "0 operating days in 2030" in shell("jobarg_ctl calendar show C --year 2030")
    assert shell("jobarg_ctl calendar show X", code=1) == "jobarg_ctl: there is no calendar X\n"
    assert "no year from 1 to 9999" in shell("jobarg_ctl calendar show C --year x", code=2)


def test_the_newest_version_is_shown_if_none_is_in_force(database, shell):
    """As drafts are to be looked at, too."""
    store(database, calendar("C", WORKING, valid=0))
    assert "the newest; none is in force" in shell("jobarg_ctl calendar show C --year 2031")


def test_the_days_of_a_filter_are_listed_with_reasons(database, shell):
    """Also those that fell away."""
    store(
        database,
        calendar("C", WORKING),
        month_filter("DAY15", "C", flag=2, day=15, shift=0),
    )
    out = shell("jobarg_ctl filter show DAY15 --year 2031")
    assert "day 15 of the month, shift 0; base calendar C, from 2031-01-01 to 2031-12-31" in out
    assert "the base date is closed, and shift 0 takes no other day" in out
    reported = json.loads(shell("jobarg_ctl filter show DAY15 --year 2031 --json"))
    assert [one["day"] for one in reported["months"]] == [
        int(date(2031, number, 15).strftime("%Y%m%d"))
        if date(2031, number, 15).weekday() < 5
        else None
        for number in range(1, 13)
    ]
    assert reported["months"][1]["reason"] == "closed"
    assert shell("jobarg_ctl filter show X", code=1) == "jobarg_ctl: there is no filter X\n"


def test_a_filter_without_its_calendar_is_reported(database, shell):
    """Nothing can be listed then."""
    store(database, month_filter("F", "NOWHERE"))
    out = shell("jobarg_ctl filter show F", code=1)
    assert out == "jobarg_ctl: filter F: its base calendar NOWHERE does not exist\n"


def test_a_filter_whose_base_date_has_no_meaning_is_reported(database, shell):
    """With the value and the rule."""
    store(database, calendar("C", WORKING), month_filter("F", "C", flag=7))
    out = shell("jobarg_ctl filter show F", code=1)
    assert out == "jobarg_ctl: filter F: base_date_flag is 7, not 0, 1 or 2\n"


def test_a_schedule_shows_its_parts_and_next_starts(database, shell):
    """Boot times in words, jobnets, ten starts, and what is odd."""
    today = date.today()  # noqa: DTZ011 - the command uses the machine's day, too
    store(
        database,
        calendar("C", days(today - timedelta(days=5), 500)),
        jobnet("NET"),
        schedule("S", [(0, "C", "2530"), (0, "GONE", "0900"), (0, "C", "9")], ["NET"]),
    )
    out = shell("jobarg_ctl schedule show S")
    assert "01:30, next day" in out
    assert "no time: it never starts" in out
    assert "jobnets: NET" in out
    assert "warning: calendar GONE does not exist" in out
    reported = json.loads(shell("jobarg_ctl schedule show S --json"))
    assert len(reported["next"]) == 10
    assert [one["boot_time"] for one in reported["times"]] == ["0900", "2530", "9"]
    assert {one["problem"] for one in reported["warnings"]} == {"missing", "boot time"}
    out = shell("jobarg_ctl schedule show X", code=1)
    assert out == "jobarg_ctl: there is no schedule X\n"


def test_the_example_of_the_page_can_be_planned(database, shell, tmp_path):
    """As it stands in docs/plan.md; a year of it, and what its filter picks."""
    page = (ROOT / "docs/plan.md").read_text()
    example = tmp_path / "plan.yaml"
    example.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    store(database, jobnet("NET"))
    shell("jobarg_def import --enable", example)
    reported = objects(shell("jobarg_ctl plan --from 20270401 --to 20270531 --json"))
    paydays = [one["scheduled_time"] for one in reported if one.get("by") == "filter"]
    assert paydays == [202704230900, 202705250900]
    shown = shell("jobarg_ctl filter show PAYDAY --year 2027")
    assert "the base date is closed; operating day 1 before it" in shown
    assert reported[-1]["starts"] == len(reported) - 1 == 45


@pytest.mark.parametrize("json", ["", " --json"])
def test_output_that_cannot_be_written_is_one_line(database, shell, json):
    """A full disk is reported; a reader that has gone, like `head`, needs no word."""
    store(database, calendar("C", WORKING), jobnet("NET"), schedule("S", [(0, "C", "9")], ["NET"]))
    command = shell.command(f"jobarg_ctl plan --from 20310101{json}")
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "jobarg_ctl: cannot write: No space left on device"
    assert "Traceback" not in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 1
    assert "Error" not in done.stderr


def test_a_terminal_without_some_characters_gets_others(database, shell):
    """Dots between operating days are no reason to fail, nor are names."""
    store(database, calendar("C", WORKING))
    command = shell.command("jobarg_ctl calendar show C --year 2031")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "January 2031" in done.stdout
    assert " ?" in done.stdout
    change = update(t.calendar_control).values(calendar_name="\u55b6\u696d\u65e5")
    database.transaction(lambda unit: unit.execute(change))
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, env=environment, check=True
    )
    assert json.loads(done.stdout)["name"] == "\u55b6\u696d\u65e5"
