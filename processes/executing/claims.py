"""Writes what has happened and claims what may be sent, in one transaction.

A claim is committed before the first byte leaves. Every change names the states it may find.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from jobarranger.clock import Clock
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import StateConflict
from jobarranger.failpoints import failpoint
from jobarranger.requests.request import Key, Request
from jobarranger.requests.rows import agents, moves
from jobarranger.requests.rows import claims as claim_rows
from jobarranger.states import DispatchState
from processes.executing import changes
from processes.executing.host_table import HostTable
from processes.executing.plan import ScanPlan
from processes.executing.work import Begin, Record, Task

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Claims:
    """Claims for one executor."""

    clock: Clock
    table: HostTable
    _unsure: dict[Key, int] = field(default_factory=dict)  #: claims not sent, by their instant

    def commit(self, db: Database, records: Sequence[Record], plan: ScanPlan) -> list[Task]:
        """Write records and claims in one transaction; return what may be sent."""
        written = [*records, *plan.records]
        now = self.clock.now_ms()
        claimed = plan.claims
        self._unsure.update((one.key, now) for one in claimed)
        if any(changes.writes(record) for record in written) or claimed:
            try:
                db.transaction(lambda unit: self._write(unit, written, plan, claimed, now))
            except StateConflict:
                claimed = self._one_by_one(db, written, plan, now)
            failpoint("executor.after_commit")
        for one in claimed:
            del self._unsure[one.key]
        fresh = [
            replace(one, state=DispatchState.SENDING, sending_at=now, tries=one.tries + 1)
            for one in claimed
        ]
        self.table.acquire([*fresh, *(task.request for task in plan.tasks)])
        self.table.wait(plan.waiting)
        return [*(Task(one, Begin.SEND) for one in fresh), *plan.tasks]

    def _write(
        self,
        unit: Unit,
        records: Sequence[Record],
        plan: ScanPlan,
        claims: Sequence[Request],
        now: int,
    ) -> None:
        if claims:
            names = {one.host_name for one in claims}
            places = {name: plan.places[name] for name in names}
            moved = claim_rows.claim(unit.conn, [one.key for one in claims], places, now)
            if moved != len(claims):
                raise StateConflict(f"{moved} of {len(claims)} requests were still new")
        found = ((one.request.key, changes.of_row(one)) for one in records)
        moves.move(unit.conn, [(key, change) for key, change in found if change])
        learnt = {one.request.host_name: one.learnt for one in records if one.learnt}
        for name, (kind, version) in learnt.items():
            agents.remember_agent(unit.conn, name, kind, version, now)
        failpoint("executor.before_commit")

    def _one_by_one(
        self, db: Database, records: Sequence[Record], plan: ScanPlan, now: int
    ) -> list[Request]:
        """Claim singly after a conflict: what somebody else has moved is left out."""
        db.transaction(lambda unit: self._write(unit, records, plan, (), now))
        claimed = []
        for one in plan.claims:
            try:
                db.transaction(lambda unit, one=one: self._write(unit, (), plan, [one], now))  # type: ignore[misc]
            except StateConflict:
                log.debug("request %s was moved by somebody else", one.key)
            else:
                claimed.append(one)
        return claimed

    def give_back(self, db: Database) -> None:
        """Make those new again whose claim was committed without our hearing of it.

        Not one byte of them was sent, and nobody else would ever look at them: to this executor
        they seem to be taken by somebody, to a scan they are in somebody's hand.
        """
        if self._unsure:
            db.transaction(lambda unit: claim_rows.give_back(unit.conn, self._unsure))
            self._unsure.clear()
