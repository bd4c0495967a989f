"""Which slots a pass of the scheduled load looks at. Pure.

Windows are stretches of time; `slots_of` turns one into slots by the rule of `jobarranger.slots`,
so that two windows that follow each other neither share a slot nor leave one out between them,
whatever the clock's changes are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from jobarranger.slots import MINUTE_MS, due_slot

#: Minutes ahead that are loaded when the parameter is of no use.
DEFAULT_SPAN = 60
#: Nobody wants to load more than a year ahead.
LONGEST_SPAN = 366 * 24 * 60
#: A parameter with more characters is of no use.
_SPAN_DIGITS = 10
#: A guard is kept at least so long after its slot (ms): a clock may be set back by so much.
GUARD_MS = 7 * 24 * 60 * MINUTE_MS
#: Starts are worked out for so long at a time.
_STRETCH = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Window:
    """Instants (UTC ms) from `first_at` to `last_at`, both included."""

    first_at: int
    last_at: int

    def __bool__(self) -> bool:
        return self.first_at <= self.last_at

    def stretches(self) -> Iterator[Window]:
        """Yield it in pieces of at most an hour, in order."""
        at = self.first_at
        while at <= self.last_at:
            end = min(at + _STRETCH - 1, self.last_at)
            yield Window(at, end)
            at = end + 1


def load_span(text: str | None) -> int:
    """Return the minutes that a stored `JOBNET_LOAD_SPAN` means; 60 if it is none."""
    if text is None or len(text) > _SPAN_DIGITS or not text.strip().isdecimal():
        return DEFAULT_SPAN
    return min(int(text), LONGEST_SPAN) or DEFAULT_SPAN


def slots_of(window: Window, zone: tzinfo) -> tuple[int, int]:
    """Return the slots after which a window begins, and with which it ends.

    Those between are just the ones whose instants lie in the window.
    """
    return due_slot(window.first_at - 1, zone), due_slot(window.last_at, zone)


def guards_over(at: int) -> int:
    """Return before which instant of its slot a guard may be forgotten (UTC ms).

    Guards go when they are over both at the present and at the instant up to which everything
    was loaded (`ja_ext_window`): a gap that is still to be caught up finds them, and so does a
    clock that is set back by a week.
    """
    return at - GUARD_MS


def minute_of(at: int) -> int:
    """Return the instant at which the minute of an instant began."""
    return at - at % MINUTE_MS
