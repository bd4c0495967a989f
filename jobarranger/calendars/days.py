"""A calendar's content: a finite set of dates, and questions about it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date


class OperatingDays:
    """The days on which something operates; any date that is not named is closed.

    There is no rule behind them: a calendar that is filled to the end of a year ends there.
    """

    __slots__ = ("_days",)

    def __init__(self, days: Iterable[date] = ()) -> None:
        """Take the dates in any order; doubles count once."""
        self._days: tuple[date, ...] = tuple(sorted(set(days)))

    @property
    def first(self) -> date | None:
        """Return the earliest day, None if there is none at all."""
        return self._days[0] if self._days else None

    @property
    def last(self) -> date | None:
        """Return the last day: beyond it the calendar has run out."""
        return self._days[-1] if self._days else None

    def between(self, first: date, last: date) -> Sequence[date]:
        """Return the days from `first` to `last`, both included, in order."""
        return self._days[bisect_left(self._days, first) : bisect_right(self._days, last)]

    def nth_from(self, day: date, n: int) -> date | None:
        """Return the n-th operating day from `day` on; negative: backwards; `day` itself counts.

        Raises:
            ValueError: n is 0.
        """
        if n == 0:
            raise ValueError("days are counted from 1")
        if n > 0:
            place = bisect_left(self._days, day) + n - 1
            return self._days[place] if place < len(self._days) else None
        place = bisect_right(self._days, day) + n
        return self._days[place] if place >= 0 else None

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        place = bisect_left(self._days, day)
        return place < len(self._days) and self._days[place] == day

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def __len__(self) -> int:
        return len(self._days)

    def __or__(self, other: OperatingDays) -> OperatingDays:
        return OperatingDays((*self._days, *other))

    def __and__(self, other: OperatingDays) -> OperatingDays:
        return OperatingDays(set(self._days).intersection(other))

    def __sub__(self, other: OperatingDays) -> OperatingDays:
        return OperatingDays(set(self._days).difference(other))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OperatingDays) and self._days == other._days

    def __hash__(self) -> int:
        return hash(self._days)

    def __repr__(self) -> str:
        return f"<OperatingDays: {len(self)}, {self.first} to {self.last}>"
