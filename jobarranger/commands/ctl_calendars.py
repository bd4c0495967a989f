"""`jobarg_ctl calendar|filter|schedule show`: what is defined, and which days and starts follow."""

from __future__ import annotations

import argparse
from datetime import date
from itertools import islice
from typing import Any

from rich.table import Table
from rich.text import Text

from jobarranger.calendars.boottimes import stored
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.digits import date_digits, slot_date, slot_of
from jobarranger.calendars.filters import Filter
from jobarranger.calendars.months import shifted
from jobarranger.calendars.schedules import Schedule
from jobarranger.clock import local_time
from jobarranger.commands import ctl_plan, picture, runjson
from jobarranger.commands.operate import Session
from jobarranger.commands.yearpicture import year_picture
from jobarranger.errors import JobArrangerError
from jobarranger.loading.rows.scheduling import read_scheduling
from jobarranger.planning.filterdays import Picked, year_of
from jobarranger.planning.plan import Planned, readable
from jobarranger.planning.rows import previews
from jobarranger.planning.rows.previews import ShownVersion
from jobarranger.states import BaseDate, ObjectFlag

#: Next starts that are shown of a schedule, and days in which they are looked for.
_NEXT, _AHEAD = 10, 400
SCHEMA = ctl_plan.SCHEMA


def add_parsers(objects: Any) -> None:
    """Add the objects `calendar`, `filter` and `schedule` to the command line."""
    for kind, work, year, text in (
        ("calendar", _calendar, True, "draw a year of a calendar"),
        ("filter", _filter, True, "list the days that a filter picks in a year, and why"),
        ("schedule", _schedule, False, "show the parts of a schedule and its next starts"),
    ):
        parser = objects.add_parser(kind, help=f"{kind}s of starts")
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        show = actions.add_parser("show", help=text)
        show.add_argument("id", metavar="ID", help=f"the {kind}")
        if year:
            show.add_argument("--year", type=_year, metavar="Y", help="default: this year")
        show.add_argument("--json", action="store_true", help="for programs: one object")
        show.set_defaults(work=work)


def _year(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 9999:
        raise argparse.ArgumentTypeError(f"'{text}' is no year from 1 to 9999")
    return int(text)


def _today(session: Session) -> date:
    return local_time(session.clock.now_ms(), session.zone).date()


# -- calendars --------------------------------------------------------------------------------


def _calendar(session: Session, arguments: argparse.Namespace) -> int:
    version, days = _calendar_called(session, arguments.id)
    today = _today(session)
    year = arguments.year or today.year
    in_year = days.between(date(year, 1, 1), date(year, 12, 31))
    if arguments.json:
        print(
            runjson.page(
                {
                    **_head("calendar", arguments.id, version),
                    "year": year,
                    "days": [date_digits(day) for day in in_year],
                    "all_days": len(days),
                    "first_day": _digits(days.first),
                    "last_day": _digits(days.last),
                }
            )
        )
        return 0
    console = picture.console()
    console.print(_title("calendar", arguments.id, version))
    console.print(f"{len(in_year)} operating days in {year}, {len(days)} in all{_span(days)}")
    console.print()
    console.print(year_picture(year, days, today, width=console.width))
    return 0


def _calendar_called(session: Session, calendar_id: str) -> tuple[ShownVersion, OperatingDays]:
    found = session.db.read(lambda conn: previews.calendar(conn, calendar_id))
    if found is None:
        raise JobArrangerError(f"there is no calendar {calendar_id}")
    return found


def _span(days: OperatingDays) -> str:
    return f", from {days.first} to {days.last}" if days.first else ""


# -- filters ----------------------------------------------------------------------------------


def _filter(session: Session, arguments: argparse.Namespace) -> int:
    try:
        found = session.db.read(lambda conn: previews.filter_(conn, arguments.id))
    except ValueError as error:
        raise JobArrangerError(f"filter {arguments.id}: {error}") from None
    if found is None:
        raise JobArrangerError(f"there is no filter {arguments.id}")
    version, rule = found
    calendar = session.db.read(lambda conn: previews.calendar(conn, rule.calendar_id))
    if calendar is None:
        raise JobArrangerError(
            f"filter {arguments.id}: its base calendar {rule.calendar_id} does not exist"
        )
    base, days = calendar
    year = arguments.year or _today(session).year
    picked = list(year_of(rule, days, year))
    if arguments.json:
        print(runjson.page(_filter_object(arguments.id, version, rule, year, picked)))
        return 0
    console = picture.console()
    console.print(_title("filter", arguments.id, version))
    off = "" if base.in_force else ", which has no version in force"
    console.print(f"{rule_text(rule)}; base calendar {rule.calendar_id}{off}{_span(days)}")
    table = Table("month", "base date", "day", "why")
    for one in picked:
        shown = _day_text(one.day)
        table.add_row(
            str(one.month),
            _day_text(one.base_date) or "none",
            Text(shown, style="green") if shown else Text("none", style="red"),
            one.text,
        )
    console.print(table)
    return 0


def rule_text(rule: Filter) -> str:
    """Return what a filter does."""
    match rule.base_date:
        case BaseDate.FIRST:
            base = "first day of the month"
        case BaseDate.LAST:
            base = "last day of the month"
        case BaseDate.DESIGNATED:
            base = f"day {rule.designated_day} of the month"
    return f"{base}, shift {rule.shift_day:+d}" if rule.shift_day else f"{base}, shift 0"


def _day_text(day: date | None) -> str:
    return f"{day} {day:%a}" if day else ""


def _filter_object(
    filter_id: str, version: ShownVersion, rule: Filter, year: int, picked: list[Picked]
) -> dict[str, Any]:
    return {
        **_head("filter", filter_id, version),
        "calendar": rule.calendar_id,
        "base_date": rule.base_date.name.lower(),
        "designated_day": rule.designated_day,
        "shift_day": rule.shift_day,
        "year": year,
        "months": [
            {
                "month": str(one.month),
                "base_date": _digits(one.base_date),
                "day": _digits(one.day),
                "reason": one.reason.value,
                "text": one.text,
            }
            for one in picked
        ],
    }


# -- schedules --------------------------------------------------------------------------------


def _schedule(session: Session, arguments: argparse.Namespace) -> int:
    found = session.db.read(lambda conn: previews.schedule(conn, arguments.id))
    if found is None:
        raise JobArrangerError(f"there is no schedule {arguments.id}")
    version, schedule = found
    asked = _ahead(session, schedule)
    starts = list(islice(ctl_plan.planned(session, asked), _NEXT))
    odd = ctl_plan.oddities(session, asked)
    if arguments.json:
        print(
            runjson.page(
                {
                    **_head("schedule", arguments.id, version),
                    "times": [
                        {
                            "by": _kind(detail.object_flag),
                            "calendar": detail.object_id,
                            "boot_time": detail.boot_time,
                        }
                        for detail in schedule.details
                    ],
                    "jobnets": list(schedule.jobnet_ids),
                    "next": [ctl_plan.start_object(one, session) for one in starts],
                    "warnings": [ctl_plan.oddity_object(one) for one in odd],
                }
            )
        )
        return 0
    console = picture.console()
    console.print(_title("schedule", arguments.id, version))
    times = Table("boot time", "means", "by", title="times", title_justify="left")
    for detail in schedule.details:
        times.add_row(
            detail.boot_time,
            boot_time_text(detail.boot_time),
            f"{_kind(detail.object_flag)} {detail.object_id}",
        )
    console.print(times)
    console.print(f"jobnets: {', '.join(schedule.jobnet_ids) or 'none'}")
    console.print(_next_table(version, starts))
    for one in odd:
        console.print(Text(f"warning: {one.line}", style="red"))
    return 0


def _ahead(session: Session, schedule: Schedule) -> ctl_plan.Asked:
    """Return what is asked to see the next starts."""
    now = slot_of(local_time(session.clock.now_ms(), session.zone))
    last = date_digits(shifted(slot_date(now), _AHEAD)) * 10_000 + 2359
    found = session.db.read(
        lambda conn: read_scheduling(conn, slot_date(now), slot_date(last), for_findings=True)
    )
    return ctl_plan.Asked(first=now, last=last, schedules=[schedule], timetable=found.timetable)


def _next_table(version: ShownVersion, starts: list[Planned]) -> Table:
    would = "" if version.in_force else " if it were in force"
    table = Table("time", "jobnet", "by", "operating day", "state")
    table.title, table.title_justify = f"next starts{would}", "left"
    for one in starts:
        start = one.start
        table.add_row(
            f"{readable(start.slot)} {slot_date(start.slot):%a}",
            start.jobnet_id,
            f"{_kind(start.object_flag)} {start.object_id} {start.boot_time}",
            _day_text(start.operating_date),
            "; ".join([one.state, *one.remarks]),
        )
    if not starts:
        table.add_row(f"none within {_AHEAD} days")
    return table


def boot_time_text(text: str) -> str:
    """Return what a stored boot time means."""
    found = stored(text)
    if found is None:
        return "no time: it never starts"
    clock = f"{found.of_day // 100:02}:{found.of_day % 100:02}"
    if not found.days:
        return clock
    return clock + (", next day" if found.days == 1 else f", {found.days} days later")


def _kind(flag: ObjectFlag) -> str:
    return "filter" if flag is ObjectFlag.FILTER else "calendar"


# -- all --------------------------------------------------------------------------------------


def _head(kind: str, object_id: str, version: ShownVersion) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "kind": kind,
        "id": object_id,
        "name": version.name,
        "memo": version.memo,
        "user": version.user_name,
        "version": version.update_date,
        "in_force": version.in_force,
    }


def _title(kind: str, object_id: str, version: ShownVersion) -> Text:
    force = "in force" if version.in_force else "the newest; none is in force"
    return Text.assemble(
        (f"{kind} {object_id}", "bold"),
        f" {version.name}" if version.name else "",
        f" (version {version.update_date}, {force}; {version.user_name or 'nobody'})",
    )


def _digits(day: date | None) -> int | None:
    return None if day is None else date_digits(day)
