"""Days of months as people write them: `2026-05: 4-6, 29`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby

from ruamel.yaml.scalarstring import PlainScalarString

from jobarranger.calendars.months import Month, month_of
from jobarranger.errors import DefinitionError

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)
_SPAN = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", re.ASCII)


def read_month(place: str, text: str) -> Month:
    """Return the month `YYYY-MM`.

    Raises:
        DefinitionError: it is none.
    """
    found = _MONTH.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1:
        raise DefinitionError(f"{place}: {text!r} is no month of the form YYYY-MM")
    return Month(int(found[1]), int(found[2]))


def read_numbers(place: str, text: str, *, most: int = 31) -> Iterator[int]:
    """Yield the numbers of a list like `4-6, 29`.

    Raises:
        DefinitionError: names the first part that is no day from 1 to `most`.
    """
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        low = int(found[1]) if found else 0
        high = int(found[2] or low) if found else 0
        if not 1 <= low <= high <= most:
            raise DefinitionError(
                f"{place}: {part.strip()!r} is no day or span of days from 1 to {most}"
            )
        yield from range(low, high + 1)


def write_months(days: Iterable[date]) -> dict[str, str]:
    """Return days, which come in order, as a list of numbers for each month, without quotes."""
    return {
        PlainScalarString(str(month)): _spans([day.day for day in found])
        for month, found in groupby(days, key=month_of)
    }


def _spans(numbers: list[int]) -> str:
    """Return numbers as spans."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    parts = (f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0]) for span in spans)
    plain: str = PlainScalarString(", ".join(parts))
    return plain
