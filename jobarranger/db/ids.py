"""Ids out of `ja_index_table`.

A block is reserved by a short transaction of its own, never inside the transaction that uses the
ids: the counter rows are shared with the Manager and must not stay locked. Ids that are not used
in the end leave gaps, which harm nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import SchemaError
from jobarranger.states import Counter

#: First and last id of each counter; after the last comes the first again.
RANGES = {
    Counter.LOADED_JOBNET: (1, 1_499_999_999_999_999_999),
    Counter.MANAGER_JOBNET: (1_500_000_000_000_000_000, 1_599_999_999_999_999_999),
    Counter.CLIENT_JOBNET: (1_600_000_000_000_000_000, 1_699_999_999_999_999_999),
    Counter.ICON: (1, 9_200_000_000_000_000_000),
    Counter.FLOW: (1, 9_200_000_000_000_000_000),
    Counter.SESSION: (1, 9_200_000_000_000_000_000),
}

_LARGEST_BLOCK = 256  #: ids that a process keeps in advance at most

_NEXT = select(t.index.c.nextid).where(t.index.c.count_id == bindparam("counter"))
_SET_NEXT = (
    update(t.index)
    .where(t.index.c.count_id == bindparam("counter"))
    .values(nextid=bindparam("following"))
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a counter gives: the block and the value to store for the next caller."""

    block: range
    following: int


def reservation(counter: Counter, stored: int, count: int) -> Reservation:
    """Decide which `count` ids in a row follow from the stored next id.

    A block never straddles the end of the range: what is left there stays unused. The stored
    value is always one that has not been handed out (the original gives its first id twice).
    """
    first, last = RANGES[counter]
    start = stored if first <= stored and stored + count - 1 <= last else first
    following = start + count
    return Reservation(range(start, following), following if following <= last else first)


def reserve(db: Database, counter: Counter, count: int) -> range:
    """Take `count` ids in a row; nobody else gets them, even if they stay unused.

    Raises:
        SchemaError: the counter's row is missing.
    """

    def take(unit: Unit) -> range:
        stored = unit.execute(unit.lock(_NEXT), {"counter": counter.value}).scalar_one_or_none()
        if stored is None:
            raise SchemaError(f"ja_index_table has no row for counter {counter.value}")
        reserved = reservation(counter, int(stored), count)
        unit.execute(_SET_NEXT, {"counter": counter.value, "following": reserved.following})
        return reserved.block

    return db.transaction(take)


class IdPool:
    """Ids kept in advance by one process: fewer transactions for many small requests.

    The more often a counter is asked, the larger its blocks (1, 2, 4 … 256). What is left at the
    end of the process is lost. Not to be asked while a transaction is open.
    """

    def __init__(self, db: Database) -> None:
        """Keep nothing yet."""
        self._db = db
        self._rest: dict[Counter, range] = {}
        self._size: dict[Counter, int] = {}

    def take(self, counter: Counter, count: int) -> range:
        """Return `count` ids in a row."""
        if count <= 0:
            return range(0)
        rest = self._rest.get(counter, range(0))
        if len(rest) < count:
            rest = self._refill(counter, rest, count)
        self._rest[counter] = rest[count:]
        return rest[:count]

    def take_one(self, counter: Counter) -> int:
        """Return a single id."""
        return self.take(counter, 1)[0]

    def _refill(self, counter: Counter, rest: range, count: int) -> range:
        """Reserve a block that holds at least `count`, joined to the rest if it follows it."""
        size = self._size.get(counter, 1)
        self._size[counter] = min(size * 2, _LARGEST_BLOCK)
        block = reserve(self._db, counter, max(count, size))
        if rest and rest.stop == block.start:
            return range(rest.start, block.stop)
        return block
