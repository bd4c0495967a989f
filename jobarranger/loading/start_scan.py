"""The starts of a window that are not loaded yet, some at a time.

A scan goes through its window in order of time, an hour at a time, and asks the database about
some hundred starts in one statement. It keeps nothing that it has given out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import Enum
from functools import lru_cache

from jobarranger.calendars.schedules import Schedule, Timetable
from jobarranger.calendars.starts import Start, starts
from jobarranger.db.engine import Database
from jobarranger.errors import DefinitionError
from jobarranger.loading.rows import loaded_starts as queries
from jobarranger.loading.rows.loaded_starts import Key
from jobarranger.loading.rows.scheduling import Scheduling
from jobarranger.loading.window import Window, slots_of
from jobarranger.slots import instant_of

#: Starts that are asked about in one statement.
_CHUNK = 500
#: So many statements until somebody else has a turn.
_CHUNKS = 10
#: So many hours, however empty, until somebody else has a turn.
_STRETCHES = 24
#: More than so many starts that are too old are not counted.
MOST_COUNTED = 100_000


class CatchUp(Enum):
    """What becomes of a start that was not loaded in time."""

    LOAD = "load"
    TOO_OLD = "too old"  #: longer ago than is caught up
    UNKNOWN = "unknown"  #: it is not known that all it goes by was in force then


@dataclass(slots=True)
class Tally:
    """How many starts, and from when to when."""

    count: int = 0
    first: int = 0  #: slot
    last: int = 0  #: slot

    def add(self, slot: int) -> None:
        """Count one."""
        self.first = min(self.first or slot, slot)
        self.last = max(self.last, slot)
        self.count += 1


#: Judges a start of the past.
Judge = Callable[[Start, Timetable], CatchUp]
#: Reported for a schedule whose starts cannot be worked out.
Complain = Callable[[Schedule, Exception], None]


@lru_cache(maxsize=4096)
def instant(slot: int, zone: tzinfo) -> int:
    """Return the instant (UTC ms) for which a slot stands; many starts share one."""
    return instant_of(slot, zone)


def key_of(start: Start) -> Key:
    """Return by what a start is known to have been loaded."""
    return start.slot, start.schedule_id, start.object_id, start.jobnet_id


@dataclass(slots=True, kw_only=True)
class StartScan:
    """One scan through one window."""

    scheduling: Scheduling
    window: Window
    zone: tzinfo
    complain: Complain
    #: for the past only
    judge: Judge | None = None
    oldest_at: int = 0  #: starts before this instant (UTC ms) are too old anyway
    tallies: dict[CatchUp, Tally] = field(
        default_factory=lambda: {verdict: Tally() for verdict in CatchUp}
    )
    _starts: Iterator[Start | None] = field(init=False)
    _found: deque[Start] = field(default_factory=deque)
    _ended: bool = False

    def __post_init__(self) -> None:
        self._starts = self._all()

    @property
    def done(self) -> bool:
        """Return whether everything was given out."""
        return self._ended and not self._found

    def take(self, db: Database, most: int) -> list[Start]:
        """Return the next starts to be loaded; few or none of them does not mean the end."""
        left = _STRETCHES
        for _ in range(_CHUNKS):
            if self._ended or not left or len(self._found) >= most:
                break
            chunk, left = self._chunk(left)
            self._found.extend(self._wanted(db, chunk))
        return [self._found.popleft() for _ in range(min(most, len(self._found)))]

    def _chunk(self, stretches: int) -> tuple[list[Start], int]:
        """Return the next starts of at most so many stretches, and how many of these are left."""
        chunk: list[Start] = []
        for start in self._starts:
            if start is not None:
                chunk.append(start)
            else:
                stretches -= 1
            if not stretches or len(chunk) == _CHUNK:
                return chunk, stretches
        self._ended = True
        return chunk, stretches

    def _wanted(self, db: Database, chunk: Sequence[Start]) -> Iterator[Start]:
        """Yield those that were not loaded and are to be."""
        if not chunk:
            return
        keys = [key_of(start) for start in chunk]
        handled = db.read(lambda conn: queries.handled(conn, keys))
        for start, key in zip(chunk, keys, strict=True):
            if key in handled:
                continue
            verdict = CatchUp.LOAD
            if self.judge is not None:
                verdict = self.judge(start, self.scheduling.timetable)
                self.tallies[verdict].add(start.slot)
            if verdict is CatchUp.LOAD:
                yield start

    def _all(self) -> Iterator[Start | None]:
        """Yield all starts of the window, in order of time, and None after each stretch."""
        too_old = self.tallies[CatchUp.TOO_OLD]
        for stretch in self.window.stretches():
            if stretch.last_at < self.oldest_at and too_old.count >= MOST_COUNTED:
                continue
            after, last = slots_of(stretch, self.zone)
            if last <= after:
                continue
            found: list[Start] = []
            for schedule in self.scheduling.schedules:
                found += self._starts_of(schedule, after, last)
            found.sort(key=lambda start: start.slot)  # stable: the schedules' order at one slot
            yield from found
            yield None

    def _starts_of(self, schedule: Schedule, after: int, last: int) -> list[Start]:
        """Return the starts of one schedule; what is wrong with it is no matter of the others."""
        try:
            found = starts(schedule, self.scheduling.timetable, after, last)
            return [start for start in found if start.slot > after]
        except (ValueError, OverflowError, DefinitionError) as error:
            self.complain(schedule, error)
            return []
