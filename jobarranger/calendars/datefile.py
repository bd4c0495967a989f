"""Read operating days out of a text with one date in each line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from jobarranger.calendars.days import OperatingDays
from jobarranger.errors import DefinitionError


class DateLayout(StrEnum):
    """The layouts a file of dates can have; one file has one."""

    YEAR_SLASHES = "YYYY/MM/DD"
    YEAR_DASHES = "YYYY-MM-DD"
    YEAR_DIGITS = "YYYYMMDD"
    MONTH_SLASHES = "MM/DD/YYYY"
    MONTH_DIGITS = "MMDDYYYY"


_PARTS = {"YYYY": "(?P<year>[0-9]{4})", "MM": "(?P<month>[0-9]{2})", "DD": "(?P<day>[0-9]{2})"}
_FORMS = {
    layout: re.compile(re.sub("YYYY|MM|DD", lambda part: _PARTS[part[0]], layout.value))
    for layout in DateLayout
}


def read_date(text: str, layout: DateLayout) -> date | None:
    """Return the date of a text, None if it is none in this layout."""
    found = _FORMS[layout].fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None


def read_dates(lines: Iterable[str], layout: DateLayout, place: str) -> OperatingDays:
    """Return the dates of all lines; a date that stands twice counts once.

    Args:
        lines: without or with their ends; blanks around a date do not matter.
        layout: of every line.
        place: the file, for messages.

    Raises:
        DefinitionError: names the first line that is no date; an empty line is none.
    """
    days = []
    for number, line in enumerate(lines, 1):
        day = read_date(line.strip(), layout)
        if day is None:
            raise DefinitionError(
                f"{place} line {number}: {line.strip()!r} is no date of the form {layout}"
            )
        days.append(day)
    return OperatingDays(days)
