"""Lets the engine fail the icons whose requests have failed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobarranger.clock import Clock
from jobarranger.db.engine import Database
from jobarranger.errors import DatabaseUnavailable
from jobarranger.flow.dispatching import fail_dispatch
from jobarranger.flow.engine import Engine
from jobarranger.model.change import Change
from jobarranger.requests.request import Key
from jobarranger.requests.rows import moves, of_icons
from jobarranger.requests.steps import Fail
from jobarranger.states import DispatchState
from processes.executing.wording import IconName, Wording, is_unknown
from processes.executing.work import Record

log = logging.getLogger(__name__)

#: A request whose failure cannot be processed is left alone for so long (ms).
DEFERRED = 60_000


@dataclass(slots=True, kw_only=True)
class Failures:
    """Fails requests for one executor."""

    clock: Clock
    engine: Engine
    wording: Wording
    _kept: list[Record] = field(default_factory=list)  #: the database did not take them yet

    def keys(self) -> set[Key]:
        """Return the requests that have failed and whose rows are still open."""
        return {record.request.key for record in self._kept}

    def fail(self, db: Database, records: Sequence[Record]) -> None:
        """Let the engine fail the icons whose requests have failed.

        What was claimed just before must be sent whatever happens here, so nothing is raised:
        failures that the database would not take are kept for the next time.
        """
        new = [record for record in records if isinstance(record.step, Fail)]
        failed = list({one.request.key: one for one in [*self._kept, *new]}.values())
        if not failed:
            return
        self._kept = failed
        try:
            self._fail_all(db, failed)
        except DatabaseUnavailable as error:
            log.warning("%d failed requests are kept: %s", len(failed), error)
        else:
            self._kept = []

    def _fail_all(self, db: Database, failed: Sequence[Record]) -> None:
        ids = {one.request.job_id for one in failed}
        icons = {
            row.key.job_id: IconName(row.job_type, row.job_name)
            for row in db.read(lambda conn: of_icons.siblings(conn, ids))
        }
        try:
            self._fail_some(db, failed, icons)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("%d failed requests could not be processed together", len(failed))
            for record in failed:
                self._fail_alone(db, record, icons)

    def _fail_alone(self, db: Database, record: Record, icons: dict[int, IconName]) -> None:
        try:
            self._fail_some(db, [record], icons)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("the failure of request %s could not be processed", record.request.key)
            self._close(db, [(record, {"next_try_at": self.clock.now_ms() + DEFERRED})])

    def _fail_some(
        self, db: Database, records: Sequence[Record], icons: dict[int, IconName]
    ) -> None:
        failures = []
        closing: list[tuple[Record, dict[str, object]]] = []
        for record in records:
            request, step = record.request, record.step
            assert isinstance(step, Fail)
            failure = self.wording.failure(request, step, icons.get(request.job_id))
            if failure:
                failures.append(failure)
            unknown = is_unknown(request, step)
            state = DispatchState.UNKNOWN if unknown else DispatchState.DONE
            closing.append((record, {"state": state, "next_try_at": None}))
        if failures:
            fail_dispatch(db, self.engine, failures)
        self._close(db, closing)

    def _close(self, db: Database, closing: Sequence[tuple[Record, dict[str, object]]]) -> None:
        """Write what stands after the engine's work, in rows that it left open."""
        changes = [
            (record.request.key, Change(0, int(DispatchState.ACCEPTED), values))
            for record, values in closing
        ]
        db.transaction(lambda unit: moves.move(unit.conn, changes))
