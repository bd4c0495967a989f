"""What is in force is read set by set, on every product."""

from datetime import date, timedelta

from sqlalchemy import insert

from jobarranger.calendars.findings import schedule_findings
from jobarranger.calendars.starts import all_starts
from jobarranger.db import tables as t
from jobarranger.loading.rows.scheduling import read_scheduling

OLD, NEW = 20260101000000, 20260201000000


def calendar(name, days, *, version=OLD, valid=1):
    """Return the rows of a calendar."""
    key = {"calendar_id": name, "update_date": version}
    return [
        (t.calendar_control, [{**key, "valid_flag": valid, "calendar_name": name}]),
        (t.calendar_detail, [{**key, "operating_date": day} for day in days]),
    ]


def filter_(name, base, *, version=OLD, valid=1, flag=1, day=0, shift=-1):
    """Return the rows of a filter."""
    row = {
        "filter_id": name,
        "update_date": version,
        "valid_flag": valid,
        "base_date_flag": flag,
        "designated_day": day,
        "shift_day": shift,
        "base_calendar_id": base,
        "filter_name": name,
    }
    return [(t.filter_control, [row])]


def schedule(name, details, jobnets, *, version=OLD, valid=1):
    """Return the rows of a schedule."""
    key = {"schedule_id": name, "update_date": version}
    return [
        (t.schedule_control, [{**key, "valid_flag": valid, "schedule_name": name}]),
        (
            t.schedule_detail,
            [
                {**key, "object_flag": flag, "calendar_id": object_id, "boot_time": time}
                for flag, object_id, time in details
            ],
        ),
        (t.schedule_jobnet, [{**key, "jobnet_id": jobnet} for jobnet in jobnets]),
    ]


def jobnet(name, *, valid=1):
    """Return the row of a jobnet without content."""
    row = {"jobnet_id": name, "update_date": OLD, "valid_flag": valid, "jobnet_name": name}
    return [(t.jobnet_control, [row])]


def store(database, *objects):
    """Write rows as they are."""

    def work(unit):
        for table, rows in (part for parts in objects for part in parts):
            if rows:
                unit.execute(insert(table), rows)

    database.transaction(work)


def read(database, first, last, **options):
    """Return what is in force."""
    return database.read(lambda conn: read_scheduling(conn, first, last, **options))


def digits(first, count):
    """Return days in a row as numbers."""
    days = (first + timedelta(days=number) for number in range(count))
    return [int(day.strftime("%Y%m%d")) for day in days]


def test_what_is_in_force_starts(database):
    """Other versions, and objects out of force, are as if they were not there."""
    store(
        database,
        calendar("DAYS", [20260601, 20260602]),
        calendar("DAYS", [20260605], version=NEW, valid=0),
        calendar("OFF", [20260601], valid=0),
        calendar("BARE", []),
        filter_("END", "DAYS", flag=2, day=3),
        filter_("ODD", "DAYS", flag=7),
        schedule("S", [(0, "DAYS", "2530"), (1, "END", "0600"), (0, "OFF", "0700")], ["K", "J"]),
        schedule("S", [(0, "DAYS", "0800")], ["J"], version=NEW, valid=0),
        schedule("ALONE", [(1, "ODD", "0900")], []),
        schedule("EMPTY", [], ["J"]),
        schedule("NONE", [], [], valid=0),
    )
    found = read(database, date(2026, 6, 1), date(2026, 6, 4))
    assert [item.schedule_id for item in found.schedules] == ["ALONE", "EMPTY", "S"]
    assert sorted(found.timetable.calendars) == ["BARE", "DAYS"]
    assert sorted(found.timetable.filters) == ["END"]
    starts = all_starts(found.schedules, found.timetable, 202606010000, 202606042359)
    assert [(s.slot, s.schedule_id, s.object_id, s.boot_time, s.jobnet_id) for s in starts] == [
        (202606020130, "S", "DAYS", "2530", "J"),
        (202606020130, "S", "DAYS", "2530", "K"),
        (202606020600, "S", "END", "0600", "J"),
        (202606020600, "S", "END", "0600", "K"),
        (202606030130, "S", "DAYS", "2530", "J"),
        (202606030130, "S", "DAYS", "2530", "K"),
    ]


def test_the_newest_of_several_versions_in_force_counts(database):
    """Nothing in the tables keeps two from being marked."""
    store(
        database,
        calendar("DAYS", [20260601], version=NEW),
        calendar("DAYS", [20260602], version=OLD),
        schedule("S", [(0, "DAYS", "0800")], ["J"], version=OLD),
        schedule("S", [(0, "DAYS", "0900")], ["J"], version=NEW),
    )
    found = read(database, date(2026, 6, 1), date(2026, 6, 4))
    starts = all_starts(found.schedules, found.timetable, 202606010000, 202606042359)
    assert [start.slot for start in starts] == [202606010900]


def test_days_are_read_as_far_as_starts_depend_on_them(database):
    """Years of days are not read for an hour, yet filters and late boot times find theirs."""
    store(
        database,
        calendar("LONG", digits(date(2020, 1, 1), 4000)),
        calendar("FAR", [20260530]),
        filter_("FORWARD", "FAR", flag=2, day=1, shift=1),
        filter_("BACK", "FAR", flag=2, day=28, shift=-1),
        schedule("S", [(1, "FORWARD", "9600"), (1, "BACK", "9600"), (0, "LONG", "0000")], ["J"]),
    )
    day = date(2026, 6, 3)
    found = read(database, day, day)
    assert len(found.timetable.calendars["LONG"]) < 100
    starts = list(all_starts(found.schedules, found.timetable, 202606030000, 202606030000))
    assert [start.object_id for start in starts] == ["LONG", "BACK", "FORWARD"]


def test_the_number_of_statements_does_not_grow(database):
    """Three for starts, eight with findings."""
    for count in (1, 50):
        names = [f"S{count}-{number}" for number in range(count)]
        store(
            database,
            *(calendar(name, digits(date(2026, 6, 1), 10)) for name in names),
            *(filter_(name, name) for name in names),
            *(schedule(name, [(0, name, "0900"), (1, name, "1000")], ["J"]) for name in names),
        )
        for options, statements in (({}, 3), ({"for_findings": True}, 8)):
            before = database.statements
            read(database, date(2026, 6, 1), date(2026, 6, 30), **options)
            assert database.statements - before == statements


def test_findings_of_what_is_stored(database):
    """Ends of calendars are known though their last days were not read."""
    store(
        database,
        calendar("ENDED", [20250106, 20250107]),
        calendar("WRONG", [20260230, *digits(date(2026, 1, 1), 365)]),
        calendar("OFF", [], valid=0),
        filter_("LATE", "WRONG", flag=0, shift=1),
        filter_("OFF", "WRONG", valid=0),
        schedule(
            "S",
            [
                (0, "ENDED", "0900"),
                (0, "WRONG", "0900"),
                (0, "OFF", "0900"),
                (0, "GONE", "95"),
                (1, "LATE", "0900"),
                (1, "OFF", "0900"),
            ],
            ["J", "OFF", "GONE"],
        ),
        jobnet("J"),
        jobnet("OFF", valid=0),
    )
    first, last = date(2026, 2, 10), date(2026, 2, 20)
    found = read(database, first, last, for_findings=True)
    texts = [f.text for f in schedule_findings(found.schedules[0], found.timetable, first, last)]
    ended = "calendar ENDED has its last operating day on 2025-01-07: nothing starts by it later"
    assert texts == [
        "schedule S: boot time '95' is no time from 0000 to 9959: it never starts",
        f"schedule S: {ended}",
        "schedule S: calendar GONE does not exist: nothing starts by it",
        "schedule S: calendar OFF has no version in force: nothing starts by it",
        "schedule S: calendar WRONG has the operating day 20260230, which is no date",
        "schedule S: filter LATE: calendar WRONG has the operating day 20260230, which is no date",
        "schedule S: filter OFF has no version in force: nothing starts by it",
        "schedule S: jobnet GONE does not exist: nothing starts by it",
        "schedule S: jobnet OFF has no version in force: nothing starts by it",
    ]
