"""Starts against a naive model that goes day by day, and over long times."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.calendars import boottimes
from jobarranger.calendars import starts as starts_module
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.digits import slot_of
from jobarranger.calendars.filters import Filter, resolve
from jobarranger.calendars.months import Month
from jobarranger.calendars.schedules import Schedule, ScheduleDetail, Timetable
from jobarranger.calendars.starts import all_starts, starts
from jobarranger.errors import DefinitionError
from jobarranger.states import BaseDate, ObjectFlag

ONE_DAY = timedelta(days=1)


def naive_filter(rule, year, month, operating):
    """Probe date by date, step by step, as the rule says."""
    n = abs(rule.shift_day)
    direction = ONE_DAY if rule.shift_day >= 0 else -ONE_DAY
    length = monthrange(year, month)[1]
    steps = 0
    if rule.base_date == BaseDate.FIRST:
        probe = date(year, month, 1)
    elif rule.base_date == BaseDate.LAST:
        probe = date(year, month, length)
    elif rule.designated_day <= length:
        probe = date(year, month, rule.designated_day)
    elif rule.shift_day >= 0:
        probe = date(year, month, length) + ONE_DAY
        steps = 1
    else:
        probe = date(year, month, length)
        steps = rule.designated_day - length
    hits = 0
    while steps < 30:
        if probe in operating:
            hits += 1
            if steps == 0 or hits >= n:
                return probe
        if rule.shift_day == 0:
            return None
        probe += direction
        steps += 1
    return None


def naive_days(detail, calendars, filters, years):
    """Return the operating days of a detail, whatever the window."""
    if detail.object_flag == ObjectFlag.CALENDAR:
        return set(calendars.get(detail.object_id, ()))
    rule = filters.get(detail.object_id)
    if rule is None:
        return set()
    operating = set(calendars.get(rule.calendar_id, ()))
    return {naive_filter(rule, year, month, operating) for year in years for month in range(1, 13)}


def naive_starts(schedule, calendars, filters, window_from, window_to):
    """Take each day and each detail, and keep what is in the window; each key once."""
    years = range(window_from.year - 1, window_to.year + 2)
    found: dict = {}
    for detail in schedule.details:
        for day in naive_days(detail, calendars, filters, years):
            if day is None:
                continue
            midnight = datetime.combine(day, time())
            minutes = int(detail.boot_time[:2]) * 60 + int(detail.boot_time[2:])
            moment = midnight + timedelta(minutes=minutes)
            if window_from <= moment <= window_to:
                for jobnet in schedule.jobnet_ids:
                    key = (slot_of(moment), detail.object_id, jobnet)
                    found.setdefault(key, (detail.boot_time, detail.object_flag, day))
    return found


DAYS = st.dates(date(2019, 1, 1), date(2033, 12, 31))
SHIFTS = st.integers(-40, 40)


@st.composite
def calendars(draw):
    """Make a calendar: few days, long runs of days, or what weekdays and holes leave."""
    first = draw(DAYS)
    span = [first + timedelta(days=n) for n in range(draw(st.integers(1, 500)))]
    pattern = draw(st.lists(st.booleans(), min_size=1, max_size=40))
    return OperatingDays(
        day for number, day in enumerate(span) if pattern[number % len(pattern)]
    ) | OperatingDays(draw(st.lists(DAYS, max_size=10)))


FILTERS = st.builds(
    Filter,
    filter_id=st.just("F"),
    calendar_id=st.sampled_from(["A", "B", "NONE"]),
    base_date=st.sampled_from(BaseDate),
    designated_day=st.integers(1, 31),
    shift_day=SHIFTS,
)
BOOT_TIMES = st.builds("{:02}{:02}".format, st.integers(0, 99), st.integers(0, 59))


@given(rule=FILTERS, operating=calendars(), near=DAYS, months=st.integers(1, 24))
def test_filters_probe_by_their_rules(rule, operating, near, months):
    """What bisection finds is what thirty single probes find, in every month."""
    near = operating.first if months % 2 and operating.first else near
    for number in range(months):
        at = near.year * 12 + near.month - 2 + number
        month = Month(at // 12, at % 12 + 1)
        expected = naive_filter(rule, *month, set(operating))
        assert resolve(rule, month, operating) == expected


@given(
    a=calendars(),
    b=calendars(),
    rules=st.lists(FILTERS, min_size=1, max_size=3),
    details=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    (ObjectFlag.CALENDAR, "A"),
                    (ObjectFlag.CALENDAR, "B"),
                    (ObjectFlag.CALENDAR, "F0"),
                    (ObjectFlag.FILTER, "F0"),
                    (ObjectFlag.FILTER, "F1"),
                    (ObjectFlag.FILTER, "F2"),
                ]
            ),
            BOOT_TIMES | st.sampled_from(["0130", "2530", "4930"]),
        ),
        max_size=6,
    ),
    jobnets=st.lists(st.sampled_from(["J", "K", "L"]), max_size=3, unique=True),
    near=DAYS,
    minute=st.integers(0, 1439),
    span=st.integers(0, 60) | st.integers(0, 3 * 366 * 1440),
)
def test_starts_are_those_of_the_naive_model(a, b, rules, details, jobnets, near, minute, span):
    """Over windows from a minute to years, whatever calendars, filters and boot times."""
    known = {"A": a, "B": b}
    filters = {
        f"F{number}": Filter(
            filter_id=f"F{number}",
            calendar_id=rule.calendar_id,
            base_date=rule.base_date,
            designated_day=rule.designated_day,
            shift_day=rule.shift_day,
        )
        for number, rule in enumerate(rules)
    }
    schedule = Schedule(
        schedule_id="S",
        update_date=1,
        details=[
            ScheduleDetail(object_flag=flag, object_id=name, boot_time=boot_time)
            for (flag, name), boot_time in details
        ],
        jobnet_ids=jobnets,
    )
    day = a.first if minute % 2 and a.first else near
    window_from = datetime.combine(day, time()) + timedelta(minutes=minute)
    window_to = window_from + timedelta(minutes=span)
    timetable = Timetable(calendars=known, filters=filters)
    found = list(starts(schedule, timetable, slot_of(window_from), slot_of(window_to)))
    assert [start.slot for start in found] == sorted(start.slot for start in found)
    expected = naive_starts(schedule, known, filters, window_from, window_to)
    assert len(found) == len(expected)
    assert {
        (s.slot, s.object_id, s.jobnet_id): (s.boot_time, s.object_flag, s.operating_date)
        for s in found
    } == expected
    assert (
        list(all_starts([schedule], timetable, slot_of(window_from), slot_of(window_to))) == found
    )


EVERY_DAY = OperatingDays(date(2026, 1, 1) + timedelta(days=number) for number in range(3 * 365))


def plain(name, *times):
    """Return a schedule on every day."""
    return Schedule(
        schedule_id=name,
        update_date=1,
        details=[
            ScheduleDetail(object_flag=ObjectFlag.CALENDAR, object_id="ALL", boot_time=time)
            for time in times
        ],
        jobnet_ids=["J"],
    )


@pytest.mark.parametrize("many", [1, 10, 50, 50_000])
def test_many_schedules_come_in_order_of_time(monkeypatch, many):
    """At one minute they come in the order in which they were given; no piece loses any."""
    monkeypatch.setattr(starts_module, "_MANY", many)
    timetable = Timetable(calendars={"ALL": EVERY_DAY})
    schedules = [plain("B", "1200", "3600"), plain("A", "0600", "1200"), plain("C", "2359")]
    found = list(all_starts(schedules, timetable, 202601011200, 202812310600))
    assert [start.slot for start in found] == sorted(start.slot for start in found)
    first_day = [(start.schedule_id, start.slot) for start in found[:6]]
    assert first_day == [
        ("B", 202601011200),
        ("A", 202601011200),
        ("C", 202601012359),
        ("A", 202601020600),
        ("B", 202601021200),
        ("A", 202601021200),
    ]
    apart = [list(starts(item, timetable, 202601011200, 202812310600)) for item in schedules]
    assert sorted(found) == sorted(start for part in apart for start in part)


def test_no_piece_of_a_dense_plan_is_large(monkeypatch):
    """Pieces grow while they hold few starts, so memory does not grow with the schedules."""
    asked: list[int] = []

    def noted(schedule, timetable, first, last):
        found = list(starts(schedule, timetable, first, last))
        asked.append(len(found))
        return found

    monkeypatch.setattr(starts_module, "starts", noted)
    monkeypatch.setattr(starts_module, "_MANY", 500)
    dense = plain("A", *(f"{hour:02}{minute:02}" for hour in range(24) for minute in (0, 20, 40)))
    timetable = Timetable(calendars={"ALL": EVERY_DAY})
    assert len(list(all_starts([dense], timetable, 202601010000, 202612312359))) == 365 * 72
    assert 250 < max(asked) <= 600


def test_a_window_that_ends_before_it_begins_is_empty():
    """As it happens when clocks are put back."""
    timetable = Timetable(calendars={"ALL": EVERY_DAY})
    assert not list(starts(plain("A", "0130"), timetable, 202610250159, 202610250100))
    assert not list(all_starts([plain("A", "0130")], timetable, 202610250159, 202610240100))


@pytest.mark.parametrize("bound", [202602300000, 202601012400, 202601010060, 0])
def test_a_window_has_real_minutes_as_bounds(bound):
    """Anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"\w"):
        list(starts(plain("A", "0130"), Timetable(calendars={}), bound, 209901010000))


def test_days_that_were_not_read_are_not_guessed():
    """A timetable that holds a part of the calendars refuses to answer about the rest."""
    timetable = Timetable(
        calendars={"ALL": EVERY_DAY}, covers=(date(2026, 3, 1), date(2026, 3, 31))
    )
    assert len(list(starts(plain("A", "0130"), timetable, 202603010000, 202603312359))) == 31
    with pytest.raises(ValueError, match="not within"):
        list(starts(plain("A", "0130"), timetable, 202603010000, 202604010000))
    with pytest.raises(ValueError, match="not within"):
        list(starts(plain("A", "2530"), timetable, 202603010000, 202603010000))


def test_the_ends_of_time():
    """The last year there is has its starts, and nothing falls over its end."""
    rule = Filter(
        filter_id="F", calendar_id="ALL", base_date=BaseDate.DESIGNATED, designated_day=31
    )
    last = OperatingDays([date(1, 1, 1), date(9999, 12, 31)])
    timetable = Timetable(calendars={"ALL": last}, filters={"F": rule})
    item = Schedule(
        schedule_id="S",
        update_date=1,
        details=[
            ScheduleDetail(object_flag=ObjectFlag.CALENDAR, object_id="ALL", boot_time="9959"),
            ScheduleDetail(object_flag=ObjectFlag.CALENDAR, object_id="ALL", boot_time="0100"),
            ScheduleDetail(object_flag=ObjectFlag.FILTER, object_id="F", boot_time="0100"),
        ],
        jobnet_ids=["J"],
    )
    found = [start.slot for start in starts(item, timetable, 101010000, 999912312359)]
    assert found == [101010100, 101050359, 999912310100, 999912310100]


@pytest.mark.parametrize(
    "stored", ["", "95", "900", "0960", "24:0", "abcd", "09 0", "\u0661\u0661\u0661\u0661"]
)
def test_a_stored_text_that_is_no_boot_time_never_starts(stored):
    """It stands in nobody's way and has its finding."""
    assert boottimes.stored(stored) is None
    timetable = Timetable(calendars={"ALL": EVERY_DAY})
    found = list(starts(plain("A", stored, "0900"), timetable, 202601010000, 202601012359))
    assert [start.boot_time for start in found] == ["0900"]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("7:05", "0705"), ("07:05", "0705"), ("705", "0705"), ("0705", "0705"), ("99:59", "9959")],
)
def test_boot_times_as_people_write_them(text, canonical):
    """All forms mean one boot time, and the tables hold four digits."""
    assert str(boottimes.written(text)) == canonical
    assert boottimes.stored(canonical) == boottimes.written(text)


@pytest.mark.parametrize("text", ["9:5", "9:005", "0960", "100:00", "", "7", "75", "-1:00", "7.05"])
def test_what_is_no_boot_time_is_reported(text):
    """The line names value and rule."""
    with pytest.raises(DefinitionError, match="hours 0 to 99, minutes 00 to 59") as caught:
        boottimes.written(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("first", "last", "every", "rule"),
    [
        ("0900", "0900", 10, "must go forward"),
        ("0900", "0800", 10, "must go forward"),
        ("0900", "3300", 10, "23 h 59 min"),
        ("2400", "2500", 10, "hour goes from 0 to 23"),
        ("0900", "1000", 0, "every 0 minutes"),
        ("0900", "1000", 721, "every 721 minutes"),
    ],
)
def test_a_cycle_has_limits(first, last, every, rule):
    """Those of the Manager's dialog."""
    with pytest.raises(DefinitionError, match=rule):
        boottimes.cycle(boottimes.written(first), boottimes.written(last), every)


def test_a_cycle_need_not_meet_its_end():
    """It stops before the end if no step falls on it."""
    times = boottimes.cycle(boottimes.written("9:00"), boottimes.written("10:00"), 25)
    assert list(map(str, times)) == ["0900", "0925", "0950"]
