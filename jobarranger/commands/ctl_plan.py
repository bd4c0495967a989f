"""`jobarg_ctl plan`: every start to come, and what is odd about the schedules (docs/plan.md)."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from jobarranger.calendars.digits import date_digits, slot_date, slot_of
from jobarranger.calendars.schedules import Schedule, Timetable
from jobarranger.calendars.starts import Start, all_starts
from jobarranger.clock import local_time
from jobarranger.commands import runjson
from jobarranger.commands.operate import Session
from jobarranger.db import pauses
from jobarranger.errors import JobArrangerError
from jobarranger.loading.rows.scheduling import Scheduling, read_scheduling
from jobarranger.planning.oddities import Oddity, broken_jobnets, findings_of
from jobarranger.planning.plan import Planned, plan, readable
from jobarranger.planning.rows import loaded
from jobarranger.slots import instant_of
from jobarranger.states import ObjectFlag

#: Exit code: all is shown, and something of it is odd.
ODD = 3
#: Days that are planned if no end is given.
_USUAL_DAYS = 7
#: Later starts may have no date.
_LAST_YEAR = 9998
#: A day or minute as the tables show it.
_SHOWN = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d))?", re.ASCII)
#: Raised when a field of the JSON changes its meaning or goes away.
SCHEMA = 1


def add_parsers(objects: Any) -> None:
    """Add the object `plan` to the command line."""
    parser = objects.add_parser(
        "plan",
        help="list every start to come, and what is odd about the schedules",
        description="Exit codes: 0 nothing is odd, 3 there are warnings, 1 it failed.",
    )
    parser.add_argument(
        "--from", dest="begin", type=_begin, metavar="YYYYMMDD[HHMM]", help="default: now"
    )
    parser.add_argument(
        "--to",
        dest="end",
        type=_end,
        metavar="YYYYMMDD[HHMM]",
        help=f"last minute, or last day; default: {_USUAL_DAYS} days from the beginning",
    )
    for name, text in (
        ("schedule", "only this schedule"),
        ("jobnet", "only this jobnet"),
        ("user", "only jobnets of this owner"),
    ):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="NAME" if name == "user" else "ID",
            help=f"{text} (may be repeated)",
        )
    parser.add_argument("--json", action="store_true", help="for programs: one object on each line")
    parser.set_defaults(work=_plan)


def minute(text: str, *, at_end: bool = False) -> int:
    """Return the slot of `YYYYMMDD` or `YYYYMMDDHHMM`; a day is its first or its last minute.

    What tables show, `YYYY-MM-DD` and `YYYY-MM-DD HH:MM`, is taken, too.
    """
    shown = _SHOWN.fullmatch(text)
    digits = "".join(part or "" for part in shown.groups()) if shown else text
    if len(digits) == 8:
        digits += "2359" if at_end else "0000"
    if len(digits) != 12 or not digits.isascii() or not digits.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is not YYYYMMDD or YYYYMMDDHHMM")
    try:
        if slot_date(int(digits)).year > _LAST_YEAR:
            raise argparse.ArgumentTypeError(f"'{text}' is later than the year {_LAST_YEAR}")
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day or minute of the calendar") from None
    return int(digits)


def _begin(text: str) -> int:
    return minute(text)


def _end(text: str) -> int:
    return minute(text, at_end=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a plan is asked about."""

    first: int  #: slot
    last: int
    schedules: Sequence[Schedule]
    timetable: Timetable

    def starts(self) -> Iterator[Start]:
        """Yield the starts in order of time; they are worked out as they are taken."""
        return all_starts(self.schedules, self.timetable, self.first, self.last)


def _plan(session: Session, arguments: argparse.Namespace) -> int:
    asked = _asked(session, arguments)
    odd = oddities(session, asked)
    changes: dict[int, tuple[Planned, int]] = {}
    count = 0
    show = _JsonLines() if arguments.json else _Lines(asked)
    for one in planned(session, asked):
        show.start(one, session)
        count += 1
        if one.change is not None:
            known = changes.get(one.start.slot, (one, 0))
            changes[one.start.slot] = (known[0], known[1] + 1)
    odd += [_clock_oddity(one, number) for one, number in changes.values()]
    show.end(count, odd)
    return ODD if odd else 0


def _asked(session: Session, arguments: argparse.Namespace) -> Asked:
    """Return the range and the schedules that are wanted.

    Raises:
        JobArrangerError: the range is empty, or something that was named is not there.
    """
    now = local_time(session.clock.now_ms(), session.zone)
    first = arguments.begin or slot_of(now)
    last = arguments.end or slot_of(_wall(first) + timedelta(days=_USUAL_DAYS))
    if last < first:
        raise JobArrangerError(f"--to {last} lies before --from {first}")
    found = session.db.read(
        lambda conn: read_scheduling(conn, slot_date(first), slot_date(last), for_findings=True)
    )
    schedules = _wanted(session, found, arguments)
    return Asked(first=first, last=last, schedules=schedules, timetable=found.timetable)


def _wall(slot: int) -> datetime:
    return datetime.strptime(f"{slot:012}", "%Y%m%d%H%M")  # noqa: DTZ007 - digits know no zone


def _wanted(
    session: Session, found: Scheduling, arguments: argparse.Namespace
) -> Sequence[Schedule]:
    """Return the schedules that are named, with those of their jobnets that are."""
    schedules: Sequence[Schedule] = found.schedules
    if arguments.schedule:
        missing = set(arguments.schedule) - {one.schedule_id for one in schedules}
        if missing:
            raise JobArrangerError(f"schedule {min(missing)} has no version in force")
        schedules = [one for one in schedules if one.schedule_id in arguments.schedule]
    if arguments.jobnet:
        missing = set(arguments.jobnet) - {name for one in schedules for name in one.jobnet_ids}
        if missing:
            raise JobArrangerError(f"no schedule in force starts jobnet {min(missing)}")
        schedules = _only(schedules, set(arguments.jobnet))
    if arguments.user:
        owned = {
            jobnet_id
            for user in arguments.user
            for jobnet_id in session.db.read(
                lambda conn, user=user: loaded.owned_by(conn, user)  # type: ignore[misc]
            )
        }
        schedules = _only(schedules, owned)
    return schedules


def _only(schedules: Iterable[Schedule], jobnets: set[str]) -> list[Schedule]:
    """Return schedules with no other jobnets than these, those left with any."""
    cut = [
        replace(one, jobnet_ids=[name for name in one.jobnet_ids if name in jobnets])
        for one in schedules
    ]
    return [one for one in cut if one.jobnet_ids]


def oddities(session: Session, asked: Asked) -> list[Oddity]:
    """Return what is odd about the schedules that are asked about."""
    timetable = asked.timetable
    first, last = slot_date(asked.first), slot_date(asked.last)
    parts = session.db.read(loaded.sub_jobnets)
    return [
        *findings_of(asked.schedules, timetable, first, last),
        *broken_jobnets(asked.schedules, timetable.jobnet_ids, parts),
    ]


def planned(session: Session, asked: Asked) -> Iterator[Planned]:
    """Yield the starts with what is known of them; runs are read day by day."""
    now = session.clock.now_ms()
    paused = session.db.read(lambda conn: pauses.read(conn, now))
    last_loaded = session.db.read(loaded.last_loaded)
    for day, starts in groupby(asked.starts(), key=lambda start: start.slot // 10_000):
        first, last = day * 10_000, day * 10_000 + 2359
        runs = (
            session.db.read(
                lambda conn, first=first, last=last: loaded.loaded_runs(conn, first, last)  # type: ignore[misc]
            )
            if first <= last_loaded
            else {}
        )
        yield from plan(starts, runs, paused, session.zone)


def _clock_oddity(one: Planned, count: int) -> Oddity:
    change = one.change
    assert change is not None
    starts = "1 start" if count == 1 else f"{count} starts"
    return Oddity(
        problem="clock",
        kind="slot",
        object_id=str(change.slot),
        text=f"{readable(change.slot)} {change.text} ({starts})",
    )


class _Lines:
    """Shows a plan to people: one line for each start, warnings below."""

    def __init__(self, asked: Asked) -> None:
        jobnets = {name for one in asked.schedules for name in one.jobnet_ids}
        objects = {detail.object_id for one in asked.schedules for detail in one.details}
        self._widths = (
            _width("jobnet", jobnets),
            _width("schedule", (one.schedule_id for one in asked.schedules)),
            _width("", objects) + len("calendar "),
        )
        self._begun = False

    def start(self, one: Planned, session: Session) -> None:
        """Print a line."""
        if not self._begun:
            self._begun = True
            self._print("time", "jobnet", "schedule", "by", "day", "boot", "state")
        start = one.start
        self._print(
            f"{readable(start.slot)} {_weekday(start.slot)}",
            start.jobnet_id,
            start.schedule_id,
            f"{_by(start)} {start.object_id}",
            start.operating_date.isoformat(),
            start.boot_time,
            "; ".join([one.state, *one.remarks]),
        )

    def _print(self, *cells: str) -> None:
        jobnet, schedule, by = self._widths
        when, name, of, through, day, boot, state = cells
        print(
            f"{when:20}  {name:{jobnet}}  {of:{schedule}}  {through:{by}}  {day:10}  {boot:4}"
            f"  {state}"
        )

    def end(self, count: int, odd: Sequence[Oddity]) -> None:
        """Print what is odd."""
        if not count:
            print("nothing starts")
        sys.stdout.flush()
        for one in odd:
            print(f"jobarg_ctl: warning: {one.line}", file=sys.stderr)


class _JsonLines:
    """Gives a plan to programs: one object on each line, the last one counts the others."""

    def start(self, one: Planned, session: Session) -> None:
        """Print an object."""
        print(runjson.line(start_object(one, session)))

    def end(self, count: int, odd: Sequence[Oddity]) -> None:
        """Print what is odd, and the end."""
        for one in odd:
            print(runjson.line(oddity_object(one)))
        end = {"schema": SCHEMA, "kind": "end", "starts": count, "warnings": len(odd)}
        print(runjson.line(end))


def start_object(one: Planned, session: Session) -> dict[str, Any]:
    """Return a start for programs."""
    start, run = one.start, one.run
    at = local_time(instant_of(start.slot, session.zone), session.zone)
    return {
        "schema": SCHEMA,
        "kind": "start",
        "scheduled_time": start.slot,
        "at": at.isoformat(),
        "jobnet": start.jobnet_id,
        "schedule": start.schedule_id,
        "by": _by(start),
        "calendar": start.object_id,
        "operating_date": date_digits(start.operating_date),
        "boot_time": start.boot_time,
        "status": run.status if run else None,
        "registry": run.registry if run else None,
        "moved_to": run.scheduled_time if run and run.scheduled_time != start.slot else None,
        "paused": one.pause.what if one.pause else None,
        "clock": None if one.change is None else ("twice" if one.change.twice else "left out"),
    }


def oddity_object(one: Oddity) -> dict[str, Any]:
    """Return a warning for programs."""
    return {
        "schema": SCHEMA,
        "kind": "warning",
        "problem": one.problem,
        "of": one.kind,
        "id": one.object_id,
        "schedules": list(one.schedules),
        "values": list(one.values),
        "text": one.text,
    }


def _by(start: Start) -> str:
    return "filter" if start.object_flag is ObjectFlag.FILTER else "calendar"


def _width(title: str, names: Iterable[str]) -> int:
    return max([len(title), *map(len, names)])


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _weekday(slot: int) -> str:
    return _DAYS[slot_date(slot).weekday()]
