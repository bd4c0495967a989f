"""What plans show: states, clock changes, filters month by month, oddities, years as pictures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.filters import Filter, MissingDay, resolve
from jobarranger.calendars.months import Month
from jobarranger.calendars.schedules import Schedule, ScheduleDetail, Timetable
from jobarranger.calendars.starts import all_starts
from jobarranger.commands.ctl_calendars import boot_time_text
from jobarranger.commands.yearpicture import year_picture
from jobarranger.model.pauses import Pause, Pauses, in_order
from jobarranger.planning.clockchanges import clock_change
from jobarranger.planning.filterdays import DayReason, explain, year_of
from jobarranger.planning.oddities import broken_jobnets, findings_of
from jobarranger.planning.plan import LoadedRun, key_of, plan
from jobarranger.states import BaseDate, ObjectFlag, PauseScope

BERLIN = ZoneInfo("Europe/Berlin")
NINE = round(datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp() * 1000)


def weekdays(first: date, count: int) -> OperatingDays:
    """Return Monday to Friday of a stretch."""
    every = (first + timedelta(days=number) for number in range(count))
    return OperatingDays(day for day in every if day.weekday() < 5)


def schedule(name: str = "S", *boot_times: str, jobnets: tuple[str, ...] = ("NET",)) -> Schedule:
    """Return a schedule by calendar C."""
    details = [
        ScheduleDetail(object_flag=ObjectFlag.CALENDAR, object_id="C", boot_time=time)
        for time in boot_times
    ]
    return Schedule(schedule_id=name, update_date=1, details=details, jobnet_ids=jobnets)


TABLE = Timetable(calendars={"C": weekdays(date(2026, 1, 1), 365)}, jobnet_ids=frozenset({"NET"}))
STARTS = list(all_starts([schedule("S", "0900")], TABLE, 202606010000, 202606022359))


# -- starts -----------------------------------------------------------------------------------


def test_a_start_without_a_run_is_to_be_loaded():
    """Whoever asks long before the time."""
    reported = list(plan(STARTS, {}, Pauses(), UTC))
    assert [(one.start.slot, one.state, one.remarks) for one in reported] == [
        (202606010900, "to be loaded", []),
        (202606020900, "to be loaded", []),
    ]


def test_a_loaded_start_shows_its_run():
    """With its state, and where it was moved to."""
    run = LoadedRun(registry=7, status="on hold", scheduled_time=202606011000, is_open=True)
    reported = list(plan(STARTS, {key_of(STARTS[0]): run}, Pauses(), UTC))
    assert [one.state for one in reported] == ["on hold [7]", "to be loaded"]
    assert reported[0].remarks == ["moved to 2026-06-01 10:00"]


@pytest.mark.parametrize(
    ("scope", "name", "paused"),
    [
        (PauseScope.ALL, "", True),
        (PauseScope.JOBNET, "NET", True),
        (PauseScope.JOBNET, "OTHER", False),
        (PauseScope.HOST, "NET", False),
    ],
)
def test_a_pause_is_reported_for_the_starts_it_will_hold_up(scope, name, paused):
    """Those before its end; all, if nobody knows the end."""
    pause = Pause(id=1, scope=scope, name=name, since=0, until_at=NINE + 1)
    reported = list(plan(STARTS, {}, in_order([pause], 1), UTC))
    assert [one.pause is not None for one in reported] == [paused, False]
    endless = Pause(id=1, scope=scope, name=name, since=0)
    reported = list(plan(STARTS, {}, in_order([endless], 1), UTC))
    assert [one.pause is not None for one in reported] == [paused, paused]


def test_a_run_that_has_begun_is_not_paused():
    """The pause has come too late for it."""
    run = LoadedRun(registry=7, status="running", scheduled_time=202606010900, is_open=False)
    pause = Pause(id=1, scope=PauseScope.ALL, since=0)
    reported = list(plan(STARTS, {key_of(STARTS[0]): run}, in_order([pause], 1), UTC))
    assert [one.pause is not None for one in reported] == [False, True]


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        (202603290159, None),
        (202603290200, "is left out as the clock is put forward: starts at 03:00"),
        (202603290259, "is left out as the clock is put forward: starts at 03:00"),
        (202603290300, None),
        (202610250159, None),
        (202610250200, "comes twice as the clock is put back: starts the first time only"),
        (202610250259, "comes twice as the clock is put back: starts the first time only"),
        (202610250300, None),
        (202606010900, None),
    ],
)
def test_clock_changes_are_reported(slot, text):
    """The gap and the repeated hour, and neither a minute before nor after."""
    change = clock_change(slot, BERLIN)
    assert (change.text if change else None) == text
    assert clock_change(slot, UTC) is None


def test_a_day_that_is_left_out_whole_names_the_next():
    """Samoa had no 30 December 2011."""
    change = clock_change(201112302130, ZoneInfo("Pacific/Apia"))
    assert change is not None
    assert change.text.endswith("starts at 2011-12-31 00:00")


# -- filters ----------------------------------------------------------------------------------


def rule(base: BaseDate, day: int = 0, shift: int = -1) -> Filter:
    """Return a filter of calendar C."""
    return Filter(
        filter_id="F", calendar_id="C", base_date=base, designated_day=day, shift_day=shift
    )


@pytest.mark.parametrize(
    ("base", "day", "shift", "month", "picked", "reason", "text"),
    [
        (
            BaseDate.LAST,
            0,
            -3,
            6,
            date(2026, 6, 30),
            DayReason.OPERATES,
            "the shift does not count",
        ),
        (
            BaseDate.LAST,
            0,
            -3,
            5,
            date(2026, 5, 27),
            DayReason.SHIFTED,
            "operating day 3 before it",
        ),
        (BaseDate.FIRST, 0, 1, 2, date(2026, 2, 2), DayReason.SHIFTED, "operating day 1 after it"),
        (BaseDate.DESIGNATED, 15, 0, 8, None, DayReason.CLOSED, "shift 0 takes no other day"),
        (
            BaseDate.DESIGNATED,
            31,
            2,
            4,
            date(2026, 5, 4),
            DayReason.SHIFTED,
            "no day 31; operating",
        ),
        (BaseDate.DESIGNATED, 31, -1, 4, date(2026, 4, 30), DayReason.SHIFTED, "from its last day"),
        (BaseDate.DESIGNATED, 31, 0, 4, date(2026, 5, 1), DayReason.SHIFTED, "first of the next"),
        (
            BaseDate.DESIGNATED,
            31,
            0,
            2,
            None,
            DayReason.CLOSED,
            "first of the next month is closed",
        ),
    ],
)
def test_a_filter_says_why_it_picks_a_day(base, day, shift, month, picked, reason, text):
    """For Monday to Friday of 2026."""
    days = weekdays(date(2026, 1, 1), 365)
    reported = explain(rule(base, day, shift), Month(2026, month), days)
    assert (reported.day, reported.reason) == (picked, reason)
    assert text in reported.text


@pytest.mark.parametrize(
    ("missing", "picked", "text"),
    [
        (MissingDay.NEXT_FIRST, date(2026, 5, 1), "the first of the next month operates"),
        (MissingDay.LAST_DAY, date(2026, 4, 30), "its last day operates"),
        (MissingDay.SKIP, None, "such a month is left out"),
    ],
)
def test_what_is_taken_for_a_missing_day_is_reported(missing, picked, text):
    """By the setting, for a filter with shift 0."""
    reported = explain(
        replace(rule(BaseDate.DESIGNATED, 31, 0), missing_day=missing),
        Month(2026, 4),
        weekdays(date(2026, 1, 1), 365),
    )
    assert reported.day == picked
    assert reported.text == f"the month has no day 31; {text}"


def test_a_filter_that_finds_nothing_says_whether_the_calendar_has_run_out():
    """The one is mended by another shift, the other by filling the calendar."""
    days = OperatingDays([date(2026, 1, 31), date(2026, 12, 31)])
    reported = explain(rule(BaseDate.FIRST, shift=1), Month(2026, 1), days)
    assert (reported.day, reported.reason) == (None, DayReason.TOO_FAR)
    reported = explain(rule(BaseDate.FIRST, shift=1), Month(2027, 1), days)
    assert (reported.day, reported.reason) == (None, DayReason.RUNS_OUT)
    assert "2026-01-31 to 2026-12-31" in reported.text
    reported = explain(rule(BaseDate.FIRST, shift=1), Month(2027, 1), OperatingDays())
    assert "no days at all" in reported.text


def test_a_year_has_the_days_that_shifts_carry_into_it():
    """December's day of the year before that lies in January, and all twelve base months."""
    days = weekdays(date(2021, 12, 1), 800)
    found = list(year_of(rule(BaseDate.DESIGNATED, 31, 1), days, 2022))
    assert [str(one.month) for one in found] == [f"2022-{number:02}" for number in range(1, 13)]
    found = list(year_of(rule(BaseDate.LAST, shift=1), days, 2023))
    assert str(found[0].month) == "2022-12"
    assert found[0].day == date(2023, 1, 2)


@given(
    base=st.sampled_from(BaseDate),
    day=st.integers(1, 31),
    shift=st.integers(-7, 7),
    month=st.integers(1, 12),
    days=st.sets(st.dates(date(2026, 1, 1), date(2027, 2, 1)), max_size=60),
)
def test_the_explanation_agrees_with_the_rule(base, day, shift, month, days):
    """It never says another day than the one that starts, and a reason fits having one."""
    operating = OperatingDays(days)
    reported = explain(rule(base, day, shift), Month(2026, month), operating)
    assert reported.day == resolve(rule(base, day, shift), Month(2026, month), operating)
    assert (reported.day is None) == (
        reported.reason in {DayReason.CLOSED, DayReason.TOO_FAR, DayReason.RUNS_OUT}
    )
    assert (reported.reason is DayReason.OPERATES) == (
        reported.base_date is not None and reported.base_date in operating
    )


# -- oddities ---------------------------------------------------------------------------------


def test_what_many_schedules_suffer_from_is_one_warning():
    """It names three of them and counts the others."""
    schedules = [schedule(f"S{number}", "0900") for number in range(5)]
    (one,) = findings_of(schedules, TABLE, date(2026, 6, 1), date(2027, 3, 1))
    assert one.schedules == ("S0", "S1", "S2", "S3", "S4")
    assert one.line == (
        "calendar C has its last operating day on 2026-12-31: nothing starts by it later"
        " (schedules S0, S1, S2 and 2 more)"
    )


def test_months_without_a_day_are_one_warning():
    """All of them are named."""
    detail = ScheduleDetail(object_flag=ObjectFlag.FILTER, object_id="F", boot_time="0900")
    one = Schedule(schedule_id="S", update_date=1, details=[detail], jobnet_ids=["NET"])
    table = Timetable(
        calendars=TABLE.calendars,
        filters={"F": rule(BaseDate.DESIGNATED, 15, 0)},
        jobnet_ids=TABLE.jobnet_ids,
    )
    (reported,) = findings_of([one], table, date(2026, 7, 1), date(2026, 11, 30))
    assert reported.values == ("2026-08", "2026-11")
    assert "for the months 2026-08, 2026-11" in reported.line


def test_bad_boot_times_belong_to_their_schedule():
    """Two schedules with the same slip are two warnings."""
    found = findings_of(
        [schedule("A", "95"), schedule("B", "95")], TABLE, date(2026, 6, 1), date(2026, 6, 2)
    )
    assert [one.line for one in found] == [
        f"schedule {name}: boot time '95' is no time from 0000 to 9959: it never starts"
        for name in "AB"
    ]


def test_a_jobnet_with_a_part_that_is_not_in_force_cannot_be_loaded():
    """However deep, and also if jobnets contain each other."""
    parts = {"NET": {"SUB"}, "SUB": {"GONE", "NET"}}
    (one,) = broken_jobnets([schedule("S", "0900"), schedule("T")], {"NET", "SUB"}, parts)
    assert one.line == (
        "jobnet GONE, part of NET/SUB, has no version in force: NET cannot be loaded"
        " (schedules S, T)"
    )


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("0905", "09:05"),
        ("2400", "00:00, next day"),
        ("9959", "03:59, 4 days later"),
        ("95", "no time: it never starts"),
    ],
)
def test_boot_times_are_reported_in_words(text, meaning):
    """The hour of 24 and more is another day."""
    assert boot_time_text(text) == meaning


# -- pictures ---------------------------------------------------------------------------------


def drawn(width: int) -> list[str]:
    """Return the lines of 2026 with Monday to Friday, on 25 November."""
    out = StringIO()
    days = weekdays(date(2026, 1, 1), 365)
    console = Console(file=out, width=width, highlight=False, markup=False)
    console.print(year_picture(2026, days, date(2026, 11, 25), width=width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_year_is_drawn_month_by_month():
    """Operating days are numbers, closed ones dots; counts stand beside the names."""
    lines = drawn(100)
    shown = " ".join(lines[0].split())
    assert shown == "January 2026 22 February 2026 20 March 2026 22 April 2026 22"
    assert lines[1].startswith(" Mo Tu We Th Fr Sa Su")
    assert lines[2].startswith("           1  2  ·  ·")
    november = next(line for line in lines if ">25" in line)
    assert november.count(">") == 1


@pytest.mark.parametrize(("width", "across"), [(200, 4), (100, 4), (72, 3), (48, 2), (20, 1)])
def test_a_narrow_terminal_gets_fewer_months_in_a_row(width, across):
    """Nothing is cut."""
    lines = drawn(width)
    assert lines[0].count("2026") == across
    assert sum(line.count("2026") for line in lines) == 12
