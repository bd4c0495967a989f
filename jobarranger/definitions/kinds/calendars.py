"""Calendars: `days` one by one, and rules that fill a stretch of time."""

from __future__ import annotations

from jobarranger.calendars import generate
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.digits import date_digits, date_from
from jobarranger.db import tables as t
from jobarranger.db.objects import Version
from jobarranger.definitions.daylists import write_months
from jobarranger.definitions.dayrules import Stretch, day_map, read_rules
from jobarranger.definitions.kindform import Content, Context, Keys, KindForm
from jobarranger.definitions.section import Section
from jobarranger.errors import DefinitionError
from jobarranger.states import ObjectKind


def _read(section: Section, context: Context) -> Content:
    """Read the keys of a calendar."""
    stretch = Stretch.read(section)
    filled = read_rules(section, "add", stretch, context)
    filled = filled - read_rules(section, "remove", stretch, context)
    filled = _only(section, stretch, filled)
    days = filled | day_map(section, "days")
    rows = [{"operating_date": date_digits(day)} for day in days]
    return Content({}, {t.calendar_detail: rows})


def _only(section: Section, stretch: Stretch, filled: OperatingDays) -> OperatingDays:
    """Read `only-nth`: keep the n-th of what was filled, in each month."""
    value = section.raw("only-nth")
    if value is None:
        return filled
    found = OperatingDays()
    for n in value if isinstance(value, list) else [value]:
        if isinstance(n, bool) or not isinstance(n, int):
            raise section.error("only-nth", f"{n!r} is not a whole number")
        try:
            found |= generate.nth_operating_day(filled, *stretch.ends("only-nth"), n)
        except DefinitionError as error:
            raise section.error("only-nth", str(error)) from error
    return found


def _write(version: Version) -> Keys:
    """Return the days, month by month."""
    days = []
    for row in version.rows(t.calendar_detail):
        try:
            days.append(date_from(row["operating_date"]))
        except ValueError as error:
            raise DefinitionError(
                f"calendar {version.object_id}: operating day {row['operating_date']} is no date"
            ) from error
    return {"days": write_months(sorted(days))}


FORM = KindForm(kind=ObjectKind.CALENDAR, read=_read, write=_write)
