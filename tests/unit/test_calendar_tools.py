"""Filling calendars, reading files of dates, and what is odd about schedules."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.calendars import generate
from jobarranger.calendars.datefile import DateLayout, read_dates
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.filters import Filter
from jobarranger.calendars.findings import schedule_findings
from jobarranger.calendars.generate import Weekday
from jobarranger.calendars.schedules import Schedule, ScheduleDetail, Timetable
from jobarranger.errors import DefinitionError
from jobarranger.states import BaseDate, ObjectFlag

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
SPRING = (date(2026, 2, 2), date(2026, 4, 29))


def texts(days):
    """Return the dates as texts."""
    return [day.isoformat() for day in days]


@given(
    days=st.lists(st.dates(date(2025, 1, 1), date(2026, 1, 1)), max_size=30),
    first=st.dates(date(2024, 12, 1), date(2026, 2, 1)),
    last=st.dates(date(2024, 12, 1), date(2026, 2, 1)),
    n=st.integers(-12, 12).filter(bool),
)
def test_operating_days_are_a_set_in_order(days, first, last, n):
    """Whatever the order and the doubles; questions are answered as by looking at each day."""
    calendar = OperatingDays(days)
    ordered = sorted(set(days))
    assert list(calendar) == ordered
    assert (calendar.first, calendar.last) == ((ordered or [None])[0], (ordered or [None])[-1])
    assert list(calendar.between(first, last)) == [day for day in ordered if first <= day <= last]
    assert (first in calendar) == (first in ordered)
    side = [day for day in ordered if (day >= first if n > 0 else day <= first)]
    at = n - 1 if n > 0 else n
    assert calendar.nth_from(first, n) == (side[at] if len(side) >= abs(n) else None)


def test_operating_days_can_be_put_together():
    """Union, what both have, and what one has and the other has not."""
    a = OperatingDays([date(2026, 1, 1), date(2026, 1, 2)])
    b = OperatingDays([date(2026, 1, 2), date(2026, 1, 3)])
    assert texts(a | b) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert texts(a & b) == ["2026-01-02"]
    assert texts(a - b) == ["2026-01-01"]
    assert hash(a | b) == hash(b | a)
    assert "2026-01-01" not in a
    assert repr(a) == "<OperatingDays: 2, 2026-01-01 to 2026-01-02>"
    with pytest.raises(ValueError, match="counted from 1"):
        a.nth_from(date(2026, 1, 1), 0)


def test_days_of_the_week():
    """All Mondays and Fridays of a stretch."""
    found = generate.weekdays(*SPRING, {Weekday.MONDAY, Weekday.FRIDAY})
    assert texts(found)[:3] == ["2026-02-02", "2026-02-06", "2026-02-09"]
    assert {day.weekday() for day in found} == {0, 4}
    assert len(generate.every_day(*YEAR)) == 365


def test_starts_and_ends_of_months():
    """Only those that lie in the stretch; February by its own length."""
    assert texts(generate.month_starts(*SPRING)) == ["2026-03-01", "2026-04-01"]
    assert texts(generate.month_ends(*SPRING)) == ["2026-02-28", "2026-03-31"]
    leap = generate.month_ends(date(2028, 2, 1), date(2028, 2, 29))
    assert texts(leap) == ["2028-02-29"]


def test_numbers_of_days():
    """A number that a month does not have does not fall on another day."""
    assert texts(generate.day_numbers(*SPRING, {15, 31})) == [
        "2026-02-15",
        "2026-03-15",
        "2026-03-31",
        "2026-04-15",
    ]
    with pytest.raises(DefinitionError, match="day 32 of the month is not from 1 to 31"):
        generate.day_numbers(*SPRING, {32})


@given(weekday=st.sampled_from(Weekday), n=st.integers(-5, 5).filter(bool))
def test_the_nth_weekday_of_a_month(weekday, n):
    """Counted from the beginning or, with a negative number, from the end of every month."""
    expected = []
    for month in range(1, 13):
        here = [day for day in generate.weekdays(*YEAR, {weekday}) if day.month == month]
        if len(here) >= abs(n):
            expected.append(here[n - 1 if n > 0 else n])
    assert list(generate.nth_weekday(*YEAR, weekday, n)) == expected


def test_there_is_no_sixth_weekday():
    """And no zeroth."""
    for n in (0, 6, -6):
        with pytest.raises(DefinitionError, match=f"weekday number {n} of the month"):
            generate.nth_weekday(*YEAR, Weekday.MONDAY, n)


def test_the_nth_operating_day_of_a_month():
    """Counted in whole months; a month with too few has none."""
    workdays = generate.weekdays(*YEAR, set(list(Weekday)[:5]))
    assert texts(generate.nth_operating_day(workdays, *SPRING, 1)) == [
        "2026-02-02",
        "2026-03-02",
        "2026-04-01",
    ]
    assert texts(generate.nth_operating_day(workdays, *SPRING, -2)) == [
        "2026-02-26",
        "2026-03-30",
        "2026-04-29",
    ]
    assert texts(generate.nth_operating_day(workdays, *YEAR, 23)) == [
        "2026-07-31",
        "2026-12-31",
    ]
    with pytest.raises(DefinitionError, match="operating day number 0"):
        generate.nth_operating_day(workdays, *YEAR, 0)


@pytest.mark.parametrize(
    ("layout", "line"),
    [
        (DateLayout.YEAR_SLASHES, "2026/03/31"),
        (DateLayout.YEAR_DASHES, "2026-03-31"),
        (DateLayout.YEAR_DIGITS, "20260331"),
        (DateLayout.MONTH_SLASHES, "03/31/2026"),
        (DateLayout.MONTH_DIGITS, "03312026"),
    ],
)
def test_the_layouts_of_files(layout, line):
    """Each layout reads its own form and no other; doubles do not matter."""
    assert texts(read_dates([line, f" {line}\r\n"], layout, "x")) == ["2026-03-31"]
    for other in set(DateLayout) - {layout}:
        with pytest.raises(DefinitionError, match="is no date of the form"):
            read_dates([line], other, "x")


@pytest.mark.parametrize("line", ["", "2026-02-29", "2026-3-1", "2026-03-01 x", "\u0662026-03-01"])
def test_one_bad_line_refuses_a_file(line):
    """The message names file, line, value and layout; nothing is read by halves."""
    with pytest.raises(DefinitionError) as caught:
        read_dates(["2026-03-01", line, "2026-03-02"], DateLayout.YEAR_DASHES, "days.txt")
    assert str(caught.value) == f"days.txt line 2: {line!r} is no date of the form YYYY-MM-DD"


def detail(flag, name, boot_time="0900"):
    """Return a detail."""
    return ScheduleDetail(object_flag=flag, object_id=name, boot_time=boot_time)


def found(details, jobnets, timetable):
    """Return the texts of all findings for 2026."""
    schedule = Schedule(schedule_id="S", update_date=1, details=details, jobnet_ids=jobnets)
    return [finding.text for finding in schedule_findings(schedule, timetable, *YEAR)]


def test_what_will_start_nothing_is_reported():
    """Missing and disabled references, ends of calendars, empty months, stored nonsense."""
    sparse = OperatingDays([date(2026, 1, 5), date(2026, 3, 9), date(2026, 4, 6)])
    timetable = Timetable(
        calendars={"GOOD": generate.every_day(*YEAR), "ENDS": sparse, "BARE": OperatingDays()},
        filters={
            "FIRST": Filter(
                filter_id="FIRST", calendar_id="ENDS", base_date=BaseDate.FIRST, shift_day=1
            ),
            "LOST": Filter(filter_id="LOST", calendar_id="GONE", base_date=BaseDate.FIRST),
        },
        jobnet_ids={"J"},
        disabled={("jobnet", "OFF"), ("calendar", "OFF")},
        bad_dates={"BARE": [20260230]},
    )
    calendar, rule = ObjectFlag.CALENDAR, ObjectFlag.FILTER
    assert found([detail(calendar, "GOOD")], ["J"], timetable) == []
    assert found([], [], timetable) == [
        "schedule S: has no boot time: it never starts",
        "schedule S: has no jobnet: it starts nothing",
    ]
    details = [
        detail(calendar, "GOOD", "95"),
        detail(calendar, "ENDS"),
        detail(calendar, "ENDS", "1000"),
        detail(calendar, "BARE"),
        detail(calendar, "OFF"),
        detail(calendar, "GONE"),
        detail(rule, "FIRST"),
        detail(rule, "LOST"),
        detail(rule, "GONE"),
    ]
    ends = "calendar ENDS has its last operating day on 2026-04-06: nothing starts by it later"
    hole = "filter FIRST finds no operating day for the month 2026-02: nothing starts by it"
    assert found(details, ["J", "OFF", "K"], timetable) == [
        "schedule S: boot time '95' is no time from 0000 to 9959: it never starts",
        f"schedule S: {ends}",
        "schedule S: calendar BARE has the operating day 20260230, which is no date",
        "schedule S: calendar BARE has no operating day: nothing starts by it",
        "schedule S: calendar OFF has no version in force: nothing starts by it",
        "schedule S: calendar GONE does not exist: nothing starts by it",
        f"schedule S: filter FIRST: {ends}",
        f"schedule S: {hole}",
        "schedule S: filter LOST: calendar GONE does not exist: nothing starts by it",
        "schedule S: filter GONE does not exist: nothing starts by it",
        "schedule S: jobnet OFF has no version in force: nothing starts by it",
        "schedule S: jobnet K does not exist: nothing starts by it",
    ]
