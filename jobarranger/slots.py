"""Minutes of the calendar (slots, `YYYYMMDDHHMM`) and the instants they stand for. Pure.

A slot is local wall-clock time, so a change of the zone's offset leaves slots out or has them
twice. The rule (docs/time.md): a slot that is left out stands for the first instant after the gap,
one that comes twice for the first time. So a later slot never stands for an earlier instant, and
"due by then" can be asked of the digits alone once `due_slot` has found where the present stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from jobarranger.clock import local_time, stamp12

#: Milliseconds of a minute.
MINUTE_MS = 60_000


def instant_of(slot: int, zone: tzinfo) -> int:
    """Return the instant (UTC milliseconds) for which a slot stands in `zone`.

    Raises:
        ValueError: the digits are no date and time.
    """
    day, minute = divmod(slot, 10_000)
    wall = datetime(
        day // 10_000, day // 100 % 100, day % 100, minute // 100, minute % 100, tzinfo=zone
    )
    at = _seconds(wall)
    if datetime.fromtimestamp(at, zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
        # Left out: as read by the offset before the gap it lies behind the change, and by the
        # offset after the gap before it.
        at = _change_of_offset(_seconds(wall.replace(fold=1)), at, zone)
    return at * 1000


def due_slot(at: int, zone: tzinfo) -> int:
    """Return the last slot whose instant is not after `at` (UTC milliseconds).

    It is the present minute, except while minutes come for the second time: then it is the last
    of those that do.
    """
    here = local_time(at, zone)
    if not here.fold:
        return stamp12(at, zone)
    first_time = _seconds(here.replace(fold=0, microsecond=0))
    change = _change_of_offset(first_time, at // 1000, zone)
    return stamp12(change * 1000 - 1, zone)


def _change_of_offset(before: int, after: int, zone: tzinfo) -> int:
    """Return the first second at which the offset is no longer that of `before`, up to `after`."""
    old = _offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after


def _seconds(wall: datetime) -> int:
    """Return the second (UTC) of a wall-clock time; `fold` chooses where there are two."""
    return int(wall.timestamp())


def _offset(second: int, zone: tzinfo) -> timedelta | None:
    """Return how far the zone is ahead of UTC at a second."""
    return datetime.fromtimestamp(second, zone).utcoffset()
