"""Alarms about what cannot be loaded: once per cause, until it changes or the process restarts.

The notification is queued by a transaction of its own, so no failure of a load takes it along.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import tzinfo

from jobarranger import messages as m
from jobarranger.clock import Clock, stamp14
from jobarranger.db.engine import Database, Unit
from jobarranger.loading.notes import queue_notes
from jobarranger.loading.references import Cause
from jobarranger.loading.rows import loaded_starts as queries
from jobarranger.messages.model import Raised

#: What a notification says that is about no jobnet.
_NONE = "none"


class Alarms:
    """What one loader has complained about."""

    def __init__(self, db: Database, clock: Clock, zone: tzinfo) -> None:
        """Nothing yet."""
        self._db = db
        self._clock = clock
        self._zone = zone
        self._known: dict[Cause, None] = {}

    def report(self, causes: Collection[Cause]) -> list[Raised]:
        """Complain about those of the causes that are new."""
        new = [cause for cause in dict.fromkeys(causes) if cause not in self._known]
        if not new:
            return []
        raised = self.report_again(new)
        self._known.update(dict.fromkeys(new))
        return raised

    def report_again(self, causes: Collection[Cause]) -> list[Raised]:
        """Report something, known or not."""
        about = [(m.render(one.message, **dict(one.fields)), one) for one in causes]
        second = stamp14(self._clock.now_ms(), self._zone)

        def work(unit: Unit) -> None:
            wanted = [(raised, one) for raised, one in about if raised.notify]
            names = {one.schedule_id for _, one in wanted if one.schedule_id}
            owners = queries.owners(unit.conn, names) if names else {}
            queue_notes(unit, [(raised, _about(one, owners)) for raised, one in wanted], second)

        if any(raised.notify for raised, _ in about):
            self._db.transaction(work)
        return [m.log_message(one.message, **dict(one.fields)) for one in causes]

    def only(self, kinds: Collection[str], causes: Collection[Cause]) -> list[Raised]:
        """Complain about causes, and forget those of the kinds (message ids) that are no more."""
        still = set(causes)
        for one in list(self._known):
            if one.message.id in kinds and one not in still:
                del self._known[one]
        return self.report(causes)

    def settled(self, pairs: Collection[tuple[str, str]]) -> None:
        """Forget the causes about jobnets of schedules that could be loaded."""
        for one in list(self._known):
            if (one.schedule_id, one.jobnet_id) in pairs:
                del self._known[one]


def _about(one: Cause, owners: dict[str, str]) -> dict[str, object]:
    """Return what a notification says that is about no run."""
    return {
        "inner_jobnet_id": 0,
        "user_name": owners.get(one.schedule_id, ""),
        "jobnet_id": one.jobnet_id or _NONE,
        "jobnet_name": "",
    }
