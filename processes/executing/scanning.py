"""Finds what is due: what was hinted at, what a sweep sees, what an earlier executor has left.

A scan takes a bounded part, so that the next hint has not long to wait, and no host hides another:
a sweep takes one request of each host before a second, and hosts that answer come first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from jobarranger.clock import Clock
from jobarranger.db import pauses
from jobarranger.requests.request import Key, Request
from jobarranger.requests.rows import due
from jobarranger.requests.rows.due import Share
from processes.executing.host_table import HostTable
from processes.executing.plan import MOST_STRANGE
from processes.executing.work import Scan

#: Rows that one scan takes of what a sweep finds, and of what is hinted at. The next scan comes
#: at once, but a hint of another process may go in between.
BATCH = 100
#: Rows that are read once, at the start.
MOST_LEFT = 10_000
#: Icons in an urgent hint that goes before all else.
SHORT = 20


@dataclass(slots=True, kw_only=True)
class Scanner:
    """Reads candidates; what one scan leaves is remembered for the next."""

    clock: Clock
    table: HostTable
    share: Share
    more: bool = False  #: the last scan has left something that is due
    _hinted: list[int] = field(default_factory=list)  #: icons whose turn has not come
    _put_off: list[Scan] = field(default_factory=list)  #: scans that let urgent ones go first

    def first(self, scans: Sequence[Scan]) -> list[Scan]:
        """Let short urgent scans go first, alone; but never twice before the others."""
        waited, self._put_off = self._put_off, []
        all_ = [*waited, *scans]
        urgent = [scan for scan in all_ if scan.urgent and len(scan.ids) <= SHORT]
        if waited or len(urgent) in {0, len(all_)} or any(scan.left for scan in all_):
            return all_
        self._put_off = [scan for scan in all_ if scan not in urgent]
        return urgent

    def candidates(
        self, conn: Connection, scans: Sequence[Scan], failing: Collection[Key]
    ) -> list[Request]:
        """Read what is due; each query only if somebody asks for it.

        Args:
            conn: for reading.
            scans: what is asked for.
            failing: requests that have failed, though their rows are still open.
        """
        now = self.clock.now_ms()
        found: list[Request] = []
        self.more = False
        if ids := self._next_hinted(scans):
            found += due.due_of(conn, ids, self.share.channels, now)
        if any(scan.left for scan in scans):
            found += due.left_sending(conn, self.share, most=MOST_LEFT)
            # an agent that hears from us knows that it can deliver what it holds
            found += due.one_accepted_each(conn, self.share, most=MOST_LEFT)
        if any(scan.sweep for scan in scans):
            found += self._swept(conn, now, failing)
        if any(scan.silent for scan in scans):
            found += due.silent_accepted(conn, self.share, now, most=BATCH)
        self.more |= bool(self._put_off or self._hinted)
        return self._free(found, failing)

    def _next_hinted(self, scans: Sequence[Scan]) -> list[int]:
        """Return icons that were hinted at: short hints first, no more than a scan takes."""
        ids = [one for scan in sorted(scans, key=lambda scan: len(scan.ids)) for one in scan.ids]
        waiting = list(dict.fromkeys([*ids, *self._hinted]))
        self._hinted = waiting[BATCH:]
        return waiting[:BATCH]

    def _free(self, found: Sequence[Request], failing: Collection[Key]) -> list[Request]:
        """Leave out what is in progress or has failed; return each request once."""
        unique = {request.key: request for request in found}
        return [
            one
            for key, one in unique.items()
            if key not in failing and not self.table.in_flight(key)
        ]

    def _swept(self, conn: Connection, now: int, failing: Collection[Key]) -> list[Request]:
        """Read what is due in our share: one of each host first, then the oldest.

        Pauses matter, and are read, only if something is due.
        """
        sweep = due.Sweep(
            share=self.share, now=now, full=self.table.full(now), asked=self.table.probed()
        )
        first = due.first_due(conn, sweep)
        if first and (paused := pauses.read(conn, now)).keep_jobs:
            sweep = replace(sweep, paused=paused.hosts, runs=not paused.hold_jobs)
            first = due.first_due(conn, sweep)
        if not first:
            return []
        chosen = self._chosen(first)
        found = due.due_of(conn, chosen, self.share.channels, now)
        if len(first) < BATCH:
            found += due.due_in(conn, sweep, most=BATCH)
        rest = len(chosen) < len(first) or len(found) >= BATCH
        self.more = rest and bool(self._free(found, failing))
        return found

    def _chosen(self, first: Sequence[tuple[str, int]]) -> list[int]:
        """Choose icons of hosts that answer before those of hosts that may not.

        Of the others both ends: what has just come is found at once behind a crowd that has long
        been waiting for hosts that are gone.
        """
        sure = [icon for name, icon in first if self.table.health(name).answers]
        others = [icon for name, icon in first if not self.table.health(name).answers]
        half = MOST_STRANGE // 2
        ends = others if len(others) <= MOST_STRANGE else [*others[-half:], *others[:half]]
        return [*sure[:BATCH], *ends]

    def put_back(self, ids: Iterable[int]) -> None:
        """Take icons for the next scan that were too many for this one."""
        self._hinted += ids
        self.more |= bool(self._hinted)
