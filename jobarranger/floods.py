"""When lines of one kind flood the log: which are written, what is reported about the rest. Pure.

The first lines of a kind within a window are written, the rest is counted and reported as one line
when the window is over. So whatever happens, and whatever strangers send, a kind of line takes so
many lines of the log in each window and no more. How many kinds are known is bounded as well: what
comes beyond that shares one kind for each logger and level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

#: Seconds of a window, and lines of one kind that are written in it.
WINDOW, FIRST = 10.0, 20
#: Kinds that are known at one time.
MOST_KINDS: Final = 500
#: Characters of what names a kind.
NAME_LIMIT: Final = 200
#: Name of the kind that all lines of a logger and level share when too many are known.
OTHERS: Final = "other lines"


class LineKind(NamedTuple):
    """What makes lines alike."""

    logger: str
    level: int
    name: str  #: the text before its values are filled in, or a message's id


class Sum(NamedTuple):
    """What is reported about the lines of a kind that were not written."""

    kind: LineKind
    left_out: int
    seconds: int  #: from the first line of the window on

    @property
    def text(self) -> str:
        """Return the line that stands for them."""
        within = f"in {self.seconds} s" if self.seconds else "within a second"
        return f"... {self.left_out:,} more {within} of: {self.kind.name}"


@dataclass(slots=True)
class _Window:
    since: float
    count: int = 0
    left_out: int = 0


class Floods:
    """Counts lines by kind; all instants are monotonic seconds that the caller passes in."""

    def __init__(self) -> None:
        """Know no kind yet."""
        self._windows: dict[LineKind, _Window] = {}
        self.due_at = float("inf")  #: when there is next something to report

    def admits(self, kind: LineKind, now: float) -> bool:
        """Count a line; return whether it is to be written. Ask `due` first."""
        window = self._window(kind, now) or self._window(kind._replace(name=OTHERS), now)
        assert window is not None
        window.count += 1
        if window.count <= FIRST:
            return True
        window.left_out += 1
        self.due_at = min(self.due_at, window.since + WINDOW)
        return False

    def due(self, now: float, *, all_of_it: bool = False) -> list[Sum]:
        """Return what to report about windows that are over (or all), and forget these."""
        over = [
            kind
            for kind, window in self._windows.items()
            if all_of_it or now - window.since >= WINDOW
        ]
        sums = []
        for kind in over:
            window = self._windows.pop(kind)
            if window.left_out:
                seconds = round(min(now - window.since, WINDOW))
                sums.append(Sum(kind, window.left_out, seconds))
        left = (window.since for window in self._windows.values() if window.left_out)
        self.due_at = min(left, default=float("inf")) + WINDOW
        return sums

    def _window(self, kind: LineKind, now: float) -> _Window | None:
        """Return the window in which a line counts; None if no more kinds can be known."""
        window = self._windows.get(kind)
        if window is not None and now - window.since < WINDOW:
            return window
        if window is None and not self._has_room(now) and kind.name != OTHERS:
            return None
        window = self._windows[kind] = _Window(now)
        return window

    def _has_room(self, now: float) -> bool:
        """Return whether another kind can be known; forget what is over if that makes room."""
        if len(self._windows) >= MOST_KINDS:
            over = [one for one, window in self._windows.items() if now - window.since >= WINDOW]
            for kind in over:
                del self._windows[kind]
        return len(self._windows) < MOST_KINDS
