"""Boot times: minutes counted from the beginning of an operating day, `0000` to `9959`.

An hour of 24 and more means a later day: `2530` of a Monday is Tuesday, 01:30. The operating day
is the day that a boot time is counted from, not the day it starts on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache

from jobarranger.calendars.digits import date_digits
from jobarranger.errors import DefinitionError

#: A boot time lies at most so many days after its operating day.
MAX_DAYS = 99 // 24
#: What people may write: 7:05, 07:05, 0705, 705.
_WRITTEN = re.compile(r"([0-9]{1,2}):?([0-9]{2})", re.ASCII)
#: What the tables hold.
_STORED = re.compile(r"[0-9]{2}[0-5][0-9]", re.ASCII)
#: Longest stretch of a cycle (minutes): 23 h 59 min.
_CYCLE = 24 * 60 - 1
#: Longest step of a cycle (minutes): half a day.
_STEP = 12 * 60


@dataclass(frozen=True, order=True)
class BootTime:
    """A time of day with an hour from 0 to 99."""

    minutes: int  #: since 00:00 of the operating day

    def __post_init__(self) -> None:
        if not 0 <= self.minutes < 100 * 60:
            raise DefinitionError(f"boot time {self}: the hour goes from 0 to 99")

    def __str__(self) -> str:
        return f"{self.minutes // 60:02}{self.minutes % 60:02}"

    @cached_property
    def days(self) -> int:
        """Return how many days after the operating day it starts: 0 to 4."""
        return self.minutes // (24 * 60)

    @cached_property
    def of_day(self) -> int:
        """Return the time on the day it starts as the number `HHMM`."""
        return self.minutes % (24 * 60) // 60 * 100 + self.minutes % 60

    def slot(self, day: date) -> int:
        """Return the scheduled minute of an operating day.

        Raises:
            OverflowError: it lies after the year 9999.
        """
        start = day + timedelta(days=self.days) if self.days else day
        return date_digits(start) * 10_000 + self.of_day


def written(text: str) -> BootTime:
    """Read a boot time as people write it: `7:05`, `07:05`, `705` or `0705`; hours go to 99.

    Minutes always have two digits; `9:5` could mean 9:05 or 9:50 and is refused.

    Raises:
        DefinitionError: names the value and the rule.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[2]) > 59:
        raise DefinitionError(
            f"boot time {text!r}: H:MM, HH:MM or HHMM is wanted, hours 0 to 99, minutes 00 to 59"
        )
    return BootTime(int(found[1]) * 60 + int(found[2]))


@lru_cache(maxsize=10_000)
def stored(text: str) -> BootTime | None:
    """Read a boot time as the tables hold it, four digits; None if it is none and never starts."""
    if not _STORED.fullmatch(text):
        return None
    return BootTime(int(text[:2]) * 60 + int(text[2:]))


def cycle(first: BootTime, last: BootTime, every: int) -> list[BootTime]:
    """Return the boot times from `first` to `last`, both included, each `every` minutes after.

    Times of 24:00 and later keep their hour, so a cycle from 22:00 to 26:00 goes on in the night
    that follows the operating day.

    Raises:
        DefinitionError: names the value and the rule.
    """
    if not 1 <= every <= _STEP:
        raise DefinitionError(f"cycle: every {every} minutes is not from 1 to {_STEP}")
    if first.days:
        raise DefinitionError(f"cycle: it begins at {first}, the hour goes from 0 to 23")
    if not 0 < last.minutes - first.minutes <= _CYCLE:
        raise DefinitionError(f"cycle: {first} to {last} must go forward, by 23 h 59 min at most")
    return [BootTime(at) for at in range(first.minutes, last.minutes + 1, every)]
