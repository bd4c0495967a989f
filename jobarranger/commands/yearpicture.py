"""A year of operating days on the terminal: twelve months as grids."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import date, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jobarranger.calendars.months import Month

#: Columns of a day, and of a month.
_DAY, _MONTH = 3, 7 * 3
_WEEK = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: A closed day, and the mark of today.
_CLOSED, _TODAY = "·", ">"
#: Rows of a month's weeks.
_WEEKS = 6


def year_picture(year: int, days: Container[date], today: date, *, width: int) -> Group:
    """Return a year: operating days as numbers, closed ones as dots, today marked by `>`.

    Args:
        year: which.
        days: the operating days.
        today: is marked if it lies in the year.
        width: columns there is room for.
    """
    across = max(1, min(4, (width + 3) // (_MONTH + 3)))
    months = [_month(Month(year, number), days, today) for number in range(1, 13)]
    rows: list[RenderableType] = []
    for begin in range(0, 12, across):
        row = Table.grid(padding=(0, 3, 0, 0))
        row.add_row(*months[begin : begin + across])
        rows += [row, ""]
    return Group(*rows)


def _month(month: Month, days: Container[date], today: date) -> Text:
    """Return one month with the number of its operating days."""
    first = month.first
    dates = [first + timedelta(days=number) for number in range(month.length)]
    count = sum(1 for day in dates if day in days)
    title = f"{_NAMES[month.month - 1]} {month.year}"
    text = Text()
    text.append(f"{title:<{_MONTH - 3}}{count:>3}\n", style="bold")
    text.append("".join(f"{name:>{_DAY}}" for name in _WEEK) + "\n", style="dim")
    for week in _weeks(dates):
        for day in week:
            text.append_text(_day(day, days, today))
        text.append("\n")
    text.rstrip()
    return text


def _weeks(dates: Sequence[date]) -> list[list[date | None]]:
    """Return the days of a month in rows of seven, Mondays first."""
    cells: list[date | None] = [None] * dates[0].weekday() + list(dates)
    cells += [None] * (7 * _WEEKS - len(cells))
    return [cells[begin : begin + 7] for begin in range(0, 7 * _WEEKS, 7)]


def _day(day: date | None, days: Container[date], today: date) -> Text:
    if day is None:
        return Text(" " * _DAY)
    operates = day in days
    mark = _TODAY if day == today else " "
    shown = f"{day.day:>2}" if operates else f"{_CLOSED:>2}"
    style = "bold green" if operates else "dim"
    return Text(mark + shown, style=f"reverse {style}" if day == today else style)
