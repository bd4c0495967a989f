"""Which runs take longer than their jobnet's time limit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from jobarranger.slots import MINUTE_MS, instant_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A main run at work that has a time limit."""

    run: int
    jobnet_id: str
    schedule_id: str
    calendar_id: str
    user_name: str
    scheduled_time: int
    start_time: int  #: 14 digits; 0 if its start was missed
    time_limit: int  #: minutes

    @property
    def cause(self) -> str:
        """Return what distinguishes its overrun from all others, and is the same whoever looks."""
        return f"limit:{self.run}"


def instant_of_second(second: int, zone: tzinfo) -> int | None:
    """Return the instant (UTC ms) of 14 local digits, None if they are no time.

    A second that comes twice stands for the first time, as minutes do (docs/time.md).
    """
    try:
        return instant_of(second // 100, zone) + second % 100 * 1000
    except ValueError:
        return None


def is_over(began: int | None, until: int, minutes: int) -> bool:
    """Say whether the time limit is used up at an instant (UTC ms); never without a beginning."""
    return began is not None and until - began >= minutes * MINUTE_MS
