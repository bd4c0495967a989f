"""Random schedules, and the starts they mean, worked out day by day by the plainest code."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import insert

from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.states import JobType

#: The version of every definition: long before the first day.
VERSION = 20200101000000


def _weekly(weekday: int) -> Callable[[date], bool]:
    """Return the rule of a calendar that holds one day of the week."""
    return lambda day: day.weekday() == weekday


#: Calendars, by the rule that fills them.
CALENDARS: dict[str, Callable[[date], bool]] = {
    "DAILY": lambda day: True,
    "BUSINESS": lambda day: day.weekday() < 5,
    **{f"WEEKLY_{n}": _weekly(n) for n in range(7)},
    "TENTHS": lambda day: day.day in {10, 20, 30},
}
#: A filter: the last business day of each month.
MONTH_END = "MONTH_END"


@dataclass(frozen=True)
class Plan:
    """One schedule with its one jobnet."""

    name: str
    object_id: str
    hour: int  #: from 24 on: of a later day
    minute: int

    @property
    def boot_time(self) -> str:
        """Return it as stored."""
        return f"{self.hour:02}{self.minute:02}"

    def slots(self, first: date, last: date) -> Iterator[int]:
        """Yield the slots of the operating days from `first` to `last`."""
        day = first
        while day <= last:
            if operates(self.object_id, day):
                days, hour = divmod(self.hour, 24)
                yield int(f"{day + timedelta(days):%Y%m%d}{hour:02}{self.minute:02}")
            day += timedelta(days=1)


def operates(object_id: str, day: date) -> bool:
    """Return whether a calendar or filter names a day."""
    if object_id != MONTH_END:
        return CALENDARS[object_id](day)
    later = day + timedelta(days=1)
    while later.month == day.month and not CALENDARS["BUSINESS"](later):
        later += timedelta(days=1)
    return CALENDARS["BUSINESS"](day) and later.month != day.month


def make_plans(count: int, luck: random.Random) -> list[Plan]:
    """Return random plans: some daily, most weekly or monthly, some past midnight."""
    kinds = ["DAILY", "BUSINESS", "TENTHS", MONTH_END, MONTH_END] * 2
    kinds += [f"WEEKLY_{n}" for n in range(7)] * 2
    hours = [*range(24)] * 3 + [24, 25, 26, 49]
    return [
        Plan(f"S{number}", luck.choice(kinds), luck.choice(hours), luck.choice([0, 0, 0, 30, 59]))
        for number in range(count)
    ]


def store(db: Database, plans: Sequence[Plan], first: date, last: date) -> None:
    """Write calendars, filter, schedules and jobnets, all in force."""
    days = [first + timedelta(days=n) for n in range(-5, (last - first).days + 6)]
    dated = [
        {"calendar_id": name, "update_date": VERSION, "operating_date": int(f"{day:%Y%m%d}")}
        for name in CALENDARS
        for day in days
        if operates(name, day)
    ]
    common = {"update_date": VERSION, "valid_flag": 1, "user_name": "owner"}

    def work(unit: Unit) -> None:
        unit.execute(
            insert(t.calendar_control),
            [{"calendar_id": name, "calendar_name": name, **common} for name in CALENDARS],
        )
        unit.execute(insert(t.calendar_detail), dated)
        unit.execute(
            insert(t.filter_control),
            {
                "filter_id": MONTH_END, "filter_name": MONTH_END, "base_date_flag": 1,
                "designated_day": 0, "shift_day": -1, "base_calendar_id": "BUSINESS", **common,
            },
        )  # fmt: skip
        for plan in plans:
            _store_plan(unit, plan, common)

    db.transaction(work)


def _store_plan(unit: Unit, plan: Plan, common: dict[str, object]) -> None:
    """Write one schedule and its jobnet START-END."""
    names = {"schedule_id": plan.name, "schedule_name": plan.name}
    key = {"schedule_id": plan.name, "update_date": VERSION}
    detail = {
        "calendar_id": plan.object_id,
        "boot_time": plan.boot_time,
        "object_flag": int(plan.object_id == MONTH_END),
    }
    jobnet = {"jobnet_id": plan.name, "update_date": VERSION}
    unit.execute(insert(t.schedule_control), {**names, **common})
    unit.execute(insert(t.schedule_detail), {**key, **detail})
    unit.execute(insert(t.schedule_jobnet), {**key, "jobnet_id": plan.name})
    unit.execute(
        insert(t.jobnet_control),
        {"jobnet_id": plan.name, "jobnet_name": plan.name, "multiple_start_up": 0, **common},
    )
    for job_id, kind in (("START", JobType.START), ("END-1", JobType.END)):
        icon = {"job_id": job_id, "job_type": int(kind), "job_name": job_id}
        unit.execute(insert(t.job_control), {**jobnet, **icon})
    unit.execute(insert(t.icon_end), {**jobnet, "job_id": "END-1", "jobnet_stop_code": "0"})
    arrow = {"start_job_id": "START", "end_job_id": "END-1"}
    unit.execute(insert(t.flow_control), {**jobnet, **arrow})
