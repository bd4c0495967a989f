"""Worked examples: what filters, boot times and schedules give, day by day (docs/calendars.md)."""

from datetime import date, timedelta

import pytest

from jobarranger.calendars import boottimes
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.filters import Filter, MissingDay, resolve
from jobarranger.calendars.generate import Weekday, weekdays
from jobarranger.calendars.months import Month
from jobarranger.calendars.schedules import Schedule, ScheduleDetail, Timetable
from jobarranger.calendars.starts import starts
from jobarranger.states import BaseDate, ObjectFlag

WORKDAYS = [Weekday(number) for number in range(5)]
FIRST, LAST, NAMED = BaseDate.FIRST, BaseDate.LAST, BaseDate.DESIGNATED


def days(*texts):
    """Return a calendar of the dates named."""
    return OperatingDays(map(date.fromisoformat, texts))


def working(year, *closed):
    """Return Monday to Friday of a year without the dates named."""
    return weekdays(date(year, 1, 1), date(year, 12, 31), WORKDAYS) - days(*closed)


BIZ26 = working(
    2026, "2026-01-01", "2026-01-02", "2026-05-04", "2026-05-05", "2026-05-06", "2026-12-25"
)
MONDAYS = days("2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30")


def picked(month, base, number, shift, operating, missing=MissingDay.NEXT_FIRST):
    """Return the date that a filter picks for a month, as text."""
    rule = Filter(
        filter_id="F",
        calendar_id="C",
        base_date=base,
        designated_day=number,
        shift_day=shift,
        missing_day=missing,
    )
    year, _, of_year = month.partition("-")
    found = resolve(rule, Month(int(year), int(of_year)), operating)
    return None if found is None else found.isoformat()


@pytest.mark.parametrize(
    ("month", "base", "number", "shift", "result"),
    [
        ("2026-06", FIRST, 0, 0, "2026-06-01"),
        ("2026-02", FIRST, 0, 1, "2026-02-02"),
        ("2026-02", FIRST, 0, 3, "2026-02-04"),
        ("2026-02", FIRST, 0, -1, "2026-01-30"),
        ("2026-02", FIRST, 0, -2, "2026-01-29"),
        ("2026-05", LAST, 0, -1, "2026-05-29"),
        ("2026-05", LAST, 0, -3, "2026-05-27"),
        ("2026-06", LAST, 0, -3, "2026-06-30"),
        ("2026-01", LAST, 0, 1, "2026-02-02"),
        ("2026-08", NAMED, 15, 0, None),
        ("2026-09", NAMED, 15, 0, "2026-09-15"),
        ("2026-05", NAMED, 4, 1, "2026-05-07"),
        ("2026-05", NAMED, 4, 2, "2026-05-08"),
        ("2026-05", NAMED, 4, -1, "2026-05-01"),
        ("2026-04", NAMED, 31, 1, "2026-05-01"),
        ("2026-04", NAMED, 31, 3, "2026-05-08"),
        ("2026-02", NAMED, 31, 1, "2026-03-02"),
        ("2026-04", NAMED, 31, -1, "2026-04-30"),
        ("2026-04", NAMED, 31, -2, "2026-04-29"),
        ("2026-04", NAMED, 30, -2, "2026-04-30"),
        ("2026-02", NAMED, 31, -1, "2026-02-27"),
        ("2026-04", NAMED, 31, 0, "2026-05-01"),
        ("2026-02", NAMED, 31, 0, None),
        ("2026-02", NAMED, 29, -1, "2026-02-27"),
        ("2026-02", NAMED, 29, 1, "2026-03-02"),
    ],
)
def test_a_filter_on_a_business_calendar(month, base, number, shift, result):
    """An operating base date wins; else the shift counts operating days, forward or back."""
    assert picked(month, base, number, shift, BIZ26) == result


def test_a_leap_day_exists_in_leap_years():
    """Day 29 of February is then the base date itself."""
    assert picked("2028-02", NAMED, 29, -1, working(2028)) == "2028-02-29"


@pytest.mark.parametrize(
    ("month", "base", "number", "shift", "operating", "result"),
    [
        ("2026-01", FIRST, 0, 1, days("2026-01-30"), "2026-01-30"),
        ("2026-01", FIRST, 0, 1, days("2026-01-31"), None),
        ("2026-02", NAMED, 10, 1, days("2026-03-11"), "2026-03-11"),
        ("2026-02", NAMED, 10, 1, days("2026-03-12"), None),
        ("2026-03", FIRST, 0, 5, MONDAYS, "2026-03-30"),
        ("2026-03", FIRST, 0, 7, MONDAYS, None),
        ("2026-02", NAMED, 31, -1, days("2026-02-02"), "2026-02-02"),
        ("2026-02", NAMED, 31, -1, days("2026-02-01"), None),
        ("2026-04", NAMED, 31, 1, days("2026-05-29"), "2026-05-29"),
        ("2026-04", NAMED, 31, 1, days("2026-05-30"), None),
    ],
)
def test_a_filter_looks_at_thirty_dates(month, base, number, shift, operating, result):
    """What lies further away is not found; days that a month does not have count, too."""
    assert picked(month, base, number, shift, operating) == result


@pytest.mark.parametrize(
    ("missing", "april", "february"),
    [
        (MissingDay.NEXT_FIRST, "2026-05-01", None),
        (MissingDay.LAST_DAY, "2026-04-30", None),
        (MissingDay.SKIP, None, None),
    ],
)
def test_a_month_without_the_designated_day(missing, april, february):
    """With shift 0 the setting decides; a closed day is not taken in any case."""
    assert picked("2026-04", NAMED, 31, 0, BIZ26, missing) == april
    assert picked("2026-02", NAMED, 31, 0, BIZ26, missing) == february
    assert picked("2026-04", NAMED, 30, 0, BIZ26, missing) == "2026-04-30"
    assert picked("2026-04", NAMED, 31, 1, BIZ26, missing) == "2026-05-01"
    assert picked("2026-04", NAMED, 31, -2, BIZ26, missing) == "2026-04-29"


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("0000", 202603310000),
        ("2359", 202603312359),
        ("2400", 202604010000),
        ("2530", 202604010130),
        ("4759", 202604012359),
        ("4800", 202604020000),
        ("9600", 202604040000),
        ("9959", 202604040359),
    ],
)
def test_a_boot_time_counts_from_its_operating_day(text, slot):
    """Hours from 24 on are hours of later days."""
    assert boottimes.written(text).slot(date(2026, 3, 31)) == slot
    assert str(boottimes.written(text)) == text


def calendar(object_id, boot_time):
    """Return a detail that names a calendar."""
    return ScheduleDetail(object_flag=ObjectFlag.CALENDAR, object_id=object_id, boot_time=boot_time)


def schedule(*details, jobnets=("J",)):
    """Return a schedule."""
    return Schedule(
        schedule_id="S", update_date=20260101000000, details=details, jobnet_ids=jobnets
    )


WEEK = BIZ26.between(date(2026, 3, 30), date(2026, 4, 3))
TIMETABLE = Timetable(
    calendars={
        "BIZ26": BIZ26,
        "WEEK": OperatingDays(WEEK),
        "BIZ26_COPY": OperatingDays(WEEK),
        "ALL": OperatingDays(date(2026, 1, 1) + timedelta(days=n) for n in range(365)),
    },
    filters={
        "MONTHEND": Filter(filter_id="MONTHEND", calendar_id="BIZ26", base_date=LAST, shift_day=-1)
    },
)


def slots(item, first, last):
    """Return the slots of a schedule's starts."""
    return [start.slot for start in starts(item, TIMETABLE, first, last)]


def test_past_midnight():
    """The operating day is the day before: nothing on Monday night, but a start on Saturday."""
    item = schedule(calendar("WEEK", "2530"))
    found = list(starts(item, TIMETABLE, 202603290000, 202604052359))
    assert [(start.operating_date, start.slot) for start in found] == [
        (date(2026, 3, 30), 202603310130),
        (date(2026, 3, 31), 202604010130),
        (date(2026, 4, 1), 202604020130),
        (date(2026, 4, 2), 202604030130),
        (date(2026, 4, 3), 202604040130),
    ]
    saturday = found[-1]
    assert (saturday.object_id, saturday.boot_time) == ("WEEK", "2530")
    assert saturday.object_flag is ObjectFlag.CALENDAR
    assert (saturday.schedule_id, saturday.jobnet_id) == ("S", "J")


@pytest.mark.parametrize(
    ("now", "span_end", "loaded"),
    [
        (202603310029, 202603310129, []),
        (202603310030, 202603310130, [202603310130]),
        (202603310130, 202603310230, [202603310130]),
        (202603310131, 202603310231, []),
    ],
)
def test_both_ends_of_a_window_belong_to_it(now, span_end, loaded):
    """A start can be loaded from the first minute whose window reaches it until its own."""
    assert slots(schedule(calendar("WEEK", "2530")), now, span_end) == loaded


def test_the_latest_boot_time():
    """9959 of Monday is 03:59 of Friday."""
    item = schedule(calendar("WEEK", "9959"))
    assert slots(item, 202604030259, 202604030359) == [202604030359]
    assert slots(item, 202604030258, 202604030358) == []


def test_two_ways_to_one_minute():
    """The same calendar leads to one start, by whichever detail comes first."""
    item = schedule(calendar("WEEK", "2530"), calendar("WEEK", "0130"))
    found = [(s.slot, s.boot_time) for s in starts(item, TIMETABLE, 202603290000, 202604052359)]
    assert found == [
        (202603300130, "0130"),
        (202603310130, "2530"),
        (202604010130, "2530"),
        (202604020130, "2530"),
        (202604030130, "2530"),
        (202604040130, "2530"),
    ]


def test_two_calendars_lead_to_two_starts():
    """Another calendar id is another start, even with the same days."""
    item = schedule(calendar("WEEK", "2530"), calendar("BIZ26_COPY", "0130"))
    found = slots(item, 202603290000, 202604052359)
    both = [202603310130, 202604010130, 202604020130, 202604030130]
    assert found == sorted([202603300130, *both, *both, 202604040130])


def test_a_filter_with_a_boot_time_on_the_next_day():
    """The base month may be over when the start comes."""
    item = schedule(
        ScheduleDetail(object_flag=ObjectFlag.FILTER, object_id="MONTHEND", boot_time="2400")
    )
    assert slots(item, 202605010000, 202607312359) == [
        202605010000,
        202605300000,
        202607010000,
    ]
    assert slots(item, 202605292300, 202605300000) == [202605300000]
    assert slots(item, 202605292259, 202605292359) == []
    assert slots(item, 202607010000, 202607010000) == [202607010000]


def test_a_cycle_as_the_manager_stores_it():
    """Times without their day part are times of the same operating day."""
    item = schedule(*(calendar("ALL", f"{hour:02}00") for hour in (22, 23, 0, 1, 2)))
    assert slots(item, 202603310000, 202603312359) == [
        202603310000,
        202603310100,
        202603310200,
        202603312200,
        202603312300,
    ]


def test_a_cycle_as_it_is_meant():
    """Ours keeps the day part: the runs after midnight are in the following night."""
    times = boottimes.cycle(boottimes.written("22:00"), boottimes.written("26:00"), 60)
    assert list(map(str, times)) == ["2200", "2300", "2400", "2500", "2600"]
    item = schedule(*(calendar("WEEK", str(time)) for time in times))
    assert slots(item, 202603300000, 202603311200) == [
        202603302200,
        202603302300,
        202603310000,
        202603310100,
        202603310200,
    ]


def test_every_detail_applies_to_every_jobnet():
    """The schedule is the cross product; jobnets keep their order at one minute."""
    item = schedule(calendar("ALL", "0900"), calendar("WEEK", "0900"), jobnets=("A", "B"))
    found = [
        (s.object_id, s.jobnet_id) for s in starts(item, TIMETABLE, 202603300900, 202603300900)
    ]
    assert found == [("ALL", "A"), ("ALL", "B"), ("WEEK", "A"), ("WEEK", "B")]
