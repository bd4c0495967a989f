"""Filters: `calendar`, `base` and `shift`."""

from __future__ import annotations

from jobarranger.db.objects import Version
from jobarranger.definitions.kindform import Content, Context, Keys, KindForm
from jobarranger.definitions.section import Section
from jobarranger.errors import DefinitionError
from jobarranger.states import BaseDate, ObjectKind

_WORDS = {"first-day": BaseDate.FIRST, "last-day": BaseDate.LAST}
#: What the column holds; the Manager offers -7 to 7, and beyond 30 nothing is found.
_MOST = 2**31 - 1


def _read(section: Section, context: Context) -> Content:
    """Read the keys of a filter."""
    base, day = _base(section)
    return Content(
        {
            "base_date_flag": int(base),
            "designated_day": day,
            "shift_day": section.number("shift", 1, least=-_MOST - 1, most=_MOST),
            "base_calendar_id": section.id("calendar"),
        },
        {},
    )


def _base(section: Section) -> tuple[BaseDate, int]:
    """Read `base`: a word, or the number of a day."""
    value = section.raw("base")
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value], 0
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 31:
        return BaseDate.DESIGNATED, int(value)
    words = ", ".join(_WORDS)
    raise section.error("base", f"{value!r} is none of {words} and no day from 1 to 31")


def _write(version: Version) -> Keys:
    """Return the keys of a filter."""
    row = version.header
    number, day = row["base_date_flag"], row["designated_day"]
    base: str | int
    if number == BaseDate.DESIGNATED and 1 <= day <= 31:
        base = day
    else:
        words = [word for word, flag in _WORDS.items() if flag == number]
        if not words:
            raise DefinitionError(
                f"filter {version.object_id}: base_date_flag {number} with day {day} has no meaning"
            )
        base = words[0]
    return {"calendar": row["base_calendar_id"], "base": base, "shift": row["shift_day"]}


FORM = KindForm(kind=ObjectKind.FILTER, read=_read, write=_write)
