"""One pass over everything that is due, in small transactions; whoever calls pauses in between.

Each kind of rows gets a portion in turn: millions of one keep none of the others waiting.

The order within a run is: icons with all that hangs on them, arrows, sub-jobnets, and last the main
row with the summary. So a pass that is broken off anywhere leaves runs that the next one finds
again; small runs go in one transaction, several at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import Any, TypeVar

from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.db.engine import Database, Unit
from jobarranger.failpoints import failpoint
from jobarranger.icons import run_settings_tables
from jobarranger.purging.limits import PurgeLimits, limits_at
from jobarranger.purging.rows import due as due_rows
from jobarranger.purging.rows import keyed, log, removing
from jobarranger.purging.spans import Mistake, read_spans

T = TypeVar("T")

#: Runs of one transaction at most.
RUNS = 20
#: Icons of one transaction, which have dozens of rows each; also arrows, also sub-jobnets.
ICONS = 100
#: Rows of one transaction where each stands for itself.
ROWS = 500
#: A transaction that holds its locks for longer (seconds) makes the following ones smaller:
#: SQLite has one writer, and every other process waits for it.
LONGEST = 0.01
#: The smallest share of the numbers above. Below it the transaction itself costs more than its
#: rows, and a purge on a busy machine would fall behind what ends meanwhile.
LEAST = 0.25


@dataclass(frozen=True, slots=True)
class Portion:
    """What one transaction has removed."""

    kind: str  #: in the words of titles and messages
    done: int  #: units; 0 if they belong to runs that are not through yet


class Purger:
    """Knows the limits and what was said about them; one per process."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        zone: tzinfo,
        grace_ms: int = 0,
        *,
        again: float = float("inf"),
    ) -> None:
        """Know nothing yet.

        Args:
            db: the process' database.
            clock: the present.
            zone: of the stamps in the tables.
            grace_ms: how late a start may be.
            again: seconds after which a kind that is through is looked at again while others of
                the same pass go on.
        """
        self._db = db
        self._clock = clock
        self._zone = zone
        self._grace_ms = grace_ms
        self._again = again
        self._reported: set[Mistake] = set()
        self._share = 1.0  #: of the numbers above that portions have at present

    def limits(self) -> PurgeLimits:
        """Return what is due now; parameters that say nothing are reported once each."""
        spans, mistakes = read_spans(self._db.read(due_rows.parameters))
        for mistake in set(mistakes) - self._reported:
            m.log_message(
                m.JAPURGE300001,
                parameter_name=mistake.parameter,
                value=mistake.value,
                minutes=mistake.used,
            )
        self._reported = set(mistakes)
        return limits_at(self._clock.now_ms(), self._zone, spans, self._grace_ms)

    def pass_over(self) -> Iterator[Portion]:
        """Remove everything that is due, a portion with each step; the kinds take turns.

        Raises:
            DatabaseUnavailable: begin a new pass later.
        """
        makers = [self._runs, self._requests, self._log]
        makers += [partial(self._keyed, kind) for kind in keyed.DUE]
        going = deque((make, make()) for make in makers)
        over: deque[tuple[Callable[[], Iterator[Portion]], float]] = deque()
        while going:
            make, kind = going.popleft()
            portion = next(kind, None)
            if portion is not None:
                going.append((make, kind))
                yield portion
            else:
                over.append((make, self._clock.monotonic()))
            while going and over and self._clock.monotonic() - over[0][1] >= self._again:
                make, _ = over.popleft()
                going.append((make, make()))

    def _runs(self) -> Iterator[Portion]:
        after = (0, 0)
        while page := self._due_runs(limits := self.limits(), after):
            after = page[-1]
            yield from self._families([run for _, run in page], limits)

    def _due_runs(self, limits: PurgeLimits, after: tuple[int, int]) -> Sequence[tuple[int, int]]:
        return self._db.read(lambda conn: due_rows.due_runs(conn, limits, after, self._part(RUNS)))

    def _requests(self) -> Iterator[Portion]:
        after = 0
        while page := self._due_requests(limits := self.limits(), after):
            after = page[-1]
            yield from self._families(page, limits)

    def _due_requests(self, limits: PurgeLimits, after: int) -> list[int]:
        return self._db.read(
            lambda conn: due_rows.due_requests(conn, limits, after, self._part(RUNS))
        )

    def _families(self, mains: Sequence[int], limits: PurgeLimits) -> Iterator[Portion]:
        """Remove runs, over several transactions if they are large."""
        through = False
        while not through:
            icons = self._part(ICONS)
            done, through = self._commit(partial(_remove, mains, limits, icons))
            yield Portion("runs", done)

    def _log(self) -> Iterator[Portion]:
        after: int | None = 0
        while after is not None:
            done, after = self._remove_log(self.limits(), after)
            yield Portion("log entries", done)

    def _remove_log(self, limits: PurgeLimits, after: int) -> tuple[int, int | None]:
        rows = self._part(ROWS)
        return self._commit(lambda unit: log.remove_log(unit.conn, limits.log, after, rows))

    def _keyed(self, kind: str) -> Iterator[Portion]:
        full = True
        while full:
            limits, rows = self.limits(), self._part(ROWS)
            found = self._due_keys(kind, limits, rows)
            full = sum(len(keys) for _, keys in found) == rows
            for number, keys in found:
                yield Portion(kind, self._remove_keys(kind, number, keys, limits))

    def _due_keys(self, kind: str, limits: PurgeLimits, rows: int) -> list[tuple[int, list[Any]]]:
        return self._db.read(lambda conn: keyed.due_keys(conn, kind, limits, rows))

    def _remove_keys(self, kind: str, number: int, keys: Sequence[Any], at: PurgeLimits) -> int:
        return self._commit(lambda unit: keyed.remove_keys(unit.conn, kind, number, keys, at))

    def _part(self, most: int) -> int:
        """Return how many of at most so many a portion is to have at present."""
        return max(1, int(most * self._share))

    def _commit(self, work: Callable[[Unit], T]) -> T:
        begun = 0.0

        def guarded(unit: Unit) -> T:
            nonlocal begun
            begun = self._clock.monotonic()  # others were waited for until now
            result = work(unit)
            failpoint("purge.before_commit")
            return result

        result = self._db.transaction(guarded)
        failpoint("purge.after_commit")
        held = self._clock.monotonic() - begun
        change = 0.7 if held > LONGEST else 1.2
        self._share = min(max(LEAST, self._share * change), 1.0)
        return result


def _remove(mains: Sequence[int], limits: PurgeLimits, most: int, unit: Unit) -> tuple[int, bool]:
    """Remove a portion of runs; return how many are gone, and whether nothing is left to do."""
    due = due_rows.lock_due(unit, mains, limits)
    if not due:
        return 0, True
    icons = partial(removing.remove_icons, kinds=run_settings_tables())
    for remove in (icons, removing.remove_arrows, removing.remove_subs):
        if remove(unit.conn, due, most) == most:
            return 0, False
    removing.remove_mains(unit.conn, due)
    return len(due), True
