"""Calendars, filters and schedules as YAML: what is read, written and refused."""

import builtins
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.commands import definition
from jobarranger.db import tables as t
from jobarranger.db.objects import Version
from jobarranger.definitions import documents
from jobarranger.errors import DefinitionError
from jobarranger.states import ObjectKind

ROOT = Path(__file__).parents[2]

IDS = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)
LABELS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\"'\\,"), max_size=64
)
NUMBERS = st.integers(0, 4000).map(
    lambda n: int((date(2024, 1, 1) + timedelta(days=n)).strftime("%Y%m%d"))
)
BOOT_TIMES = st.builds("{:02}{:02}".format, st.integers(0, 99), st.integers(0, 59))


@st.composite
def versions(draw):
    """Make a calendar, filter or schedule as it can stand in the tables."""
    kind = draw(st.sampled_from([ObjectKind.CALENDAR, ObjectKind.FILTER, ObjectKind.SCHEDULE]))
    key = {f"{kind}_id": draw(IDS), "update_date": 0}
    header = {
        **key,
        "valid_flag": 0,
        "public_flag": draw(st.integers(0, 1)),
        "user_name": draw(LABELS),
        f"{kind}_name": draw(LABELS),
        "memo": draw(st.none() | LABELS),
    }
    parts = {}
    if kind is ObjectKind.CALENDAR:
        days = sorted(draw(st.sets(NUMBERS, max_size=60)))
        parts[t.calendar_detail] = [{"operating_date": day} for day in days]
    elif kind is ObjectKind.FILTER:
        flag = draw(st.integers(0, 2))
        header |= {
            "base_date_flag": flag,
            "designated_day": draw(st.integers(1, 31)) if flag == 2 else 0,
            "shift_day": draw(st.integers(-(2**31), 2**31 - 1)),
            "base_calendar_id": draw(IDS),
        }
    else:
        details = draw(st.sets(st.tuples(st.integers(0, 1), IDS, BOOT_TIMES), max_size=10))
        parts[t.schedule_detail] = [
            {"calendar_id": name, "boot_time": time, "object_flag": flag}
            for flag, name, time in sorted(details)
        ]
        parts[t.schedule_jobnet] = [
            {"jobnet_id": name} for name in sorted(draw(st.sets(IDS, max_size=5)))
        ]
    return Version(
        kind=kind,
        header=header,
        parts={table.name: [{**key, **row} for row in rows] for table, rows in parts.items()},
    )


@given(version=versions())
def test_what_is_written_is_read_again(version):
    """Every text, number, day and boot time."""
    (again,) = documents.parse(documents.write(version), "test")
    assert again == version


def parse(text, **options):
    """Return the one definition of a text."""
    (found,) = documents.parse(text, "f.yaml", **options)
    return found


def days(text, **options):
    """Return the operating days of a calendar."""
    version = parse(f"calendar: C\nowner: o\n{text}", **options)
    return [row["operating_date"] for row in version.rows(t.calendar_detail)]


JULY = "from: 2026-07-01\nto: 2026-07-31\n"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("add: [{weekdays: 'saturday-sunday'}]", [4, 5, 11, 12, 18, 19, 25, 26]),
        ("add: [{weekdays: 'Saturday-monday, friday', nth: 1}]", [3, 4, 5, 6]),
        ("add: [{weekdays: friday, nth: -1}]", [31]),
        ("add: [first-day-of-month, last-day-of-month: true]", [1, 31]),
        ("add: [{day-numbers: '1, 30-31'}, {day-numbers: 7}]", [1, 7, 30, 31]),
        ("add: [every-day]\nremove: [{dates: {2026-07: 2-31}}]", [1]),
        ("add: [every-day]\nonly-nth: [2, -1]", [2, 31]),
        ("add: [every-day]\nonly-nth: 3\ndays: {2026-07: 30}", [3, 30]),
        ("add: [{holidays: JP}]", [20]),
        ("add: [{holidays: DE-BY}, last-day-of-month]", [31]),
        ("days: {2026-07: 5}", [5]),
        ("", []),
    ],
)
def test_rules_fill_a_calendar(rules, expected):
    """What any rule adds, without what any removes, and with the days that are named."""
    assert days(JULY + rules) == [20260700 + day for day in expected]


def test_dates_stand_outside_of_the_stretch():
    """Dates and files say themselves which days they mean; no stretch is needed for them."""
    assert days("add: [{dates: {2030-02: 28}}]\ndays: {2028-02: 29}") == [20280229, 20300228]


def test_a_file_of_dates_lies_beside(tmp_path):
    """Its name is relative to the place of the YAML file."""
    (tmp_path / "days.txt").write_text("03/31/2026\r\n03/01/2026\n03/31/2026\n")
    text = "add: [{file: days.txt, layout: MM/DD/YYYY}]"
    assert days(text, directory=tmp_path) == [20260301, 20260331]
    (tmp_path / "c.yaml").write_text(f"calendar: C\nowner: o\n{text}\n")
    (version,) = documents.read_file(tmp_path / "c.yaml")
    assert len(version.rows(t.calendar_detail)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("add: [every-day]", "f.yaml.from: is missing; every-day needs it"),
        ("from: 2026-01-01\nadd: [{holidays: JP}]", "f.yaml.to: is missing; holidays needs it"),
        ("from: 2026-02-30", "f.yaml.from: '2026-02-30' is no date of the form YYYY-MM-DD"),
        ("from: 2026-07-01\nto: 2026-06-30", "f.yaml.to: 2026-06-30 is not from 2026-07-01 to"),
        ("from: 2026-07-01\nto: 2226-06-30", "f.yaml.to: 2226-06-30 is not from 2026-07-01 to"),
        (JULY + "add: every-day", "f.yaml.add: 'every-day' is not a list of rules"),
        (JULY + "add: [often]", "f.yaml.add[1]: 'often' is none of the rules every-day, weekdays"),
        (JULY + "add: [{weekdays: moonday}]", "'moonday' is no day or span of days of monday"),
        (JULY + "add: [{weekdays: monday, nth: 6}]", "nth: 6 is not a whole number from -5 to 5"),
        (JULY + "add: [{weekdays: monday, nth: 0}]", "f.yaml.add[1]: weekday number 0 of"),
        (JULY + "add: [{day-numbers: 32}]", "day-numbers: '32' is no day or span of days from 1"),
        (JULY + "add: [{holidays: XX}]", "f.yaml.add[1].holidays: 'XX' is no country or part"),
        (JULY + "add: [{holidays: DE-XX}]", "'DE-XX' is no country or part of one"),
        (JULY + "add: [every-day]\nonly-nth: x", "f.yaml.only-nth: 'x' is not a whole number"),
        (JULY + "only-nth: 40", "f.yaml.only-nth: operating day number 40 is not from 1 to 31"),
        ("days: {2026-02: 27-29}", "f.yaml.days.2026-02: '27-29' is no day or span of days from 1"),
        ("days: {2026-02: 3-1}", "'3-1' is no day or span"),
        ("days: {2026-13: 1}", "f.yaml.days.2026-13: '2026-13' is no month of the form YYYY-MM"),
        ("days: {2026-02-01: 1}", "'2026-02-01' is no month"),
        ("add: [{file: none.txt}]", "f.yaml.add[1]: none.txt: cannot be read: No such file"),
        ("add: [{file: x, layout: YY}]", "f.yaml.add[1].layout: 'YY' is none of YYYY/MM/DD"),
        ("add: [{dates: {2026-01: 1}, else: 2}]", "f.yaml.add[1].else: is not known here"),
        ("dayz: {}", "f.yaml.dayz: is not known here"),
    ],
)
def test_bad_rules_are_reported(text, message):
    """One line names place, value and rule."""
    with pytest.raises(DefinitionError) as caught:
        days(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_reported(monkeypatch):
    """Public holidays are an extra; without it the line says what to install."""
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "holidays":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DefinitionError, match=r"pip install 'jobarranger\[holidays\]'"):
        days(JULY + "add: [{holidays: JP}]")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("base: first-day", (0, 0, 1)),
        ("base: last-day\nshift: -3", (1, 0, -3)),
        ("base: 31\nshift: 0", (2, 31, 0)),
    ],
)
def test_filters(keys, expected):
    """A word or a number says where a filter begins; the shift is 1 unless another is named."""
    row = parse(f"filter: F\nowner: o\ncalendar: C\n{keys}").header
    assert (row["base_date_flag"], row["designated_day"], row["shift_day"]) == expected
    assert row["base_calendar_id"] == "C"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("base: 32", "f.yaml.base: 32 is none of first-day, last-day and no day from 1 to 31"),
        ("shift: 1", "f.yaml.base: None is none of"),
        ("base: 1\nshift: x", "f.yaml.shift: 'x' is not a whole number"),
        ("base: 1\nschedule: S", "f.yaml: filter and schedule stand in one document"),
    ],
)
def test_bad_filters_are_reported(keys, message):
    """One line names place, value and rule."""
    with pytest.raises(DefinitionError) as caught:
        parse(f"filter: F\nowner: o\ncalendar: C\n{keys}")
    assert message in str(caught.value)


def test_schedules():
    """Boot times in all forms, cycles with their days, each time once."""
    version = parse(
        "schedule: S\nowner: o\njobnets: [A, 007]\nstart:\n"
        "  - {calendar: C, at: [7:30, 0730, 730, '25:00']}\n"
        "  - {calendar: C, from: 22:00, to: 26:00, every: 60}\n"
        "  - {filter: C, at: 0:05}\n"
    )
    found = [
        (row["object_flag"], row["calendar_id"], row["boot_time"])
        for row in version.rows(t.schedule_detail)
    ]
    times = ["0730", "2500", "2200", "2300", "2400", "2600"]
    assert found == [*((0, "C", time) for time in times), (1, "C", "0005")]
    assert [row["jobnet_id"] for row in version.rows(t.schedule_jobnet)] == ["A", "007"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{calendar: C, at: '9:5'}", "f.yaml.start[1].at: boot time '9:5': H:MM, HH:MM or HHMM"),
        ("{calendar: C}", "f.yaml.start[1].at: is missing (or from, to and every)"),
        ("{calendar: C, filter: F, at: 1:00}", "f.yaml.start[1]: either calendar or filter"),
        ("{at: 1:00}", "f.yaml.start[1]: either calendar or filter is wanted"),
        ("{calendar: C, from: 1:00, every: 5}", "f.yaml.start[1].to: is missing"),
        ("{calendar: C, from: 1:00, to: 2:00, every: 0}", "every: 0 is not a whole number from 1"),
        ("{calendar: C, from: 2:00, to: 1:00, every: 5}", "start[1]: cycle: 0200 to 0100 must"),
        ("{calendar: C, at: 1:00, every: 5}", "f.yaml.start[1].every: is not known here"),
        ("5", "f.yaml.start[1]: 5 is not a mapping"),
    ],
)
def test_bad_schedules_are_reported(entry, message):
    """One line names place, value and rule."""
    with pytest.raises(DefinitionError) as caught:
        parse(f"schedule: S\nowner: o\nstart: [{entry}]")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("start: 5", "f.yaml.start: 5 is not a list"),
        ("jobnets: [A, A]", "f.yaml.jobnets: A is named twice"),
        ("jobnets: [A B]", "f.yaml.jobnets: 'A B' is no id"),
    ],
)
def test_bad_lists_are_reported(keys, message):
    """One line names place, value and rule."""
    with pytest.raises(DefinitionError) as caught:
        parse(f"schedule: S\nowner: o\n{keys}")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "header", "table", "row", "message"),
    [
        ("calendar", {}, t.calendar_detail, {"operating_date": 20260230}, "20260230 is no date"),
        ("schedule", {}, t.schedule_detail, {"boot_time": "95  "}, "boot time '95  ' with"),
        (
            "filter",
            {"base_date_flag": 2, "designated_day": 0},
            None,
            {},
            "base_date_flag 2 with day 0 has no meaning",
        ),
    ],
)
def test_what_has_no_meaning_cannot_be_written(kind, header, table, row, message):
    """Stored nonsense is reported instead of written as if it were good."""
    common = {f"{kind}_id": "X", f"{kind}_name": "X", "user_name": "o", "public_flag": 0}
    version = Version(
        kind=ObjectKind(kind),
        header={**common, "memo": None, "base_calendar_id": "C", "shift_day": 0, **header},
        parts={table.name: [{"calendar_id": "C", "object_flag": 0, **row}]} if row else {},
    )
    with pytest.raises(DefinitionError, match=message):
        documents.write(version)


@pytest.mark.parametrize(
    "path", [ROOT / "docs/calendars.md", *ROOT.glob("conf/examples/*.yaml")], ids=lambda p: p.name
)
def test_examples_of_documents_and_files(path):
    """All that is shown can be read, and written again."""
    text = path.read_text()
    if path.suffix == ".md":
        text = "---\n".join(part.partition("```")[0] for part in text.split("```yaml\n")[1:])
    found = documents.parse(text, path.name, directory=path.parent)
    assert {item.kind for item in found} == set(ObjectKind) - {ObjectKind.JOBNET}
    again = documents.parse("---\n".join(map(documents.write, found)), path.name)
    for old, new in zip(found, again, strict=True):
        assert old.header == new.header
        for name in old.parts:
            assert sorted(map(str, old.parts[name])) == sorted(map(str, new.parts[name]))


def test_check_shows_what_files_hold(capsys):
    """Without a database, one line for each definition."""
    files = [ROOT / "conf/demo/hello.yaml", ROOT / "conf/examples/monthly.yaml"]
    assert definition.main(["check", *map(str, files)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "HELLO: good, 6 icons",
        "calendar:BUSINESS-DAYS: good, 515 operating days, the last 20271230",
        "filter:MONTH-END: good, base calendar BUSINESS-DAYS",
        "schedule:REPORTS: good, 7 boot times, 1 jobnets",
    ]
