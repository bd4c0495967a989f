"""Works in what waits: the spool on disk and the parked results in `ja_ext_inbox`.

Only the first trapper does this, so that results of one job keep their order. Both are looked at
every few seconds; a check costs a directory listing and one select.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from ipc.errors import ProtocolError
from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.db import inbox
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import (
    DatabaseUnavailable,
    JobArrangerError,
    StateConflict,
    TryAgain,
    in_short,
)
from jobarranger.flow.results import Judged, Verdict
from processes.trapping.results import FIRST_RETRY_MS, ReceivedResult, ResultWork, read_parcel
from processes.trapping.spool import Parcel, Spool

log = logging.getLogger(__name__)

#: Seconds between two looks.
INTERVAL = 2.0
#: Results in one go.
BATCH = 100
#: Milliseconds between two tries of one parked result, at most.
LONGEST_RETRY_MS = 600_000
#: Milliseconds after which a parked result is given up.
KEEP_MS = 86_400_000
#: What says nothing of a result: it is tried again at the next look.
PASSING = (DatabaseUnavailable, StateConflict, TryAgain)


@dataclass(slots=True)
class Replay:
    """Runs on the database thread of the first trapper."""

    work: ResultWork
    spool: Spool
    clock: Clock

    def look(self, db: Database) -> bool:
        """Process one batch of each; return whether more is waiting in the spool.

        However much has piled up, results that arrive have their turn between two looks.
        """
        more = self._empty_spool(db)
        self._empty_inbox(db)
        return more

    def _empty_spool(self, db: Database) -> bool:
        paths = self.spool.waiting(BATCH)
        arrivals = self._read(paths)
        try:
            done = self._take(db, arrivals)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - one of them: reported when met alone
            log.warning("%d kept results are taken one by one: %s", len(arrivals), in_short(error))
            done = sum(self._take_alone(db, one) for one in arrivals)
        if done:
            m.log_message(m.JATRAPPER000001, count=done)
        return len(paths) == BATCH

    def _take(self, db: Database, arrivals: Sequence[tuple[Path, ReceivedResult]]) -> int:
        """Work in parcels and remove their files; return how many."""
        if arrivals:
            judged = self.work.take(db, [arrived for _, arrived in arrivals])
            for (path, arrived), judgement in zip(arrivals, judged, strict=True):
                _note(arrived, judgement)
                self.spool.remove(path)
        return len(arrivals)

    def _take_alone(self, db: Database, one: tuple[Path, ReceivedResult]) -> int:
        """Work in one parcel; set it aside if it fails, so that those behind it get their turn."""
        try:
            return self._take(db, [one])
        except PASSING:
            raise
        except Exception as error:
            path, result = one[0].rename(one[0].with_suffix(".bad")), one[1].result
            reason = f"{in_short(error)} (set aside as {path})"
            if not isinstance(error, JobArrangerError):
                log.exception("%s cannot be processed", path)
            m.log_message(
                m.JATRAPPER300004,
                inner_job_id=result.job_id,
                host=result.host_name,
                reason=reason,
            )
            return 0

    def _read(self, paths: list[Path]) -> list[tuple[Path, ReceivedResult]]:
        arrivals = []
        for path, parcel in self.spool.read(paths):
            try:
                arrivals.append((path, read_parcel(parcel)))
            except ProtocolError as error:
                log.warning("%s is not a result: %s", path, error)
                path.rename(path.with_suffix(".bad"))
        return arrivals

    def _empty_inbox(self, db: Database) -> int:
        now = self.clock.now_ms()
        rows = db.read(lambda conn: inbox.due(conn, now, BATCH))
        if not rows:
            return 0
        arrivals = [_arrival(row) for row in rows]
        judged = self.work.judge(db, arrivals)
        done: list[int] = []
        waiting: list[tuple[int, int, int, str]] = []
        for row, arrived, judgement in zip(rows, arrivals, judged, strict=True):
            if judgement.verdict is not Verdict.PARKED:
                _note(arrived, judgement)
                done.append(row.id)
            elif now - row.received_at > KEEP_MS:
                m.log_message(
                    m.JATRAPPER300004,
                    inner_job_id=row.inner_job_id,
                    host=arrived.result.host_name,
                    reason=judgement.text,
                )
                done.append(row.id)
            else:
                at = now + retry_delay(row.tries + 1)
                waiting.append((row.id, row.tries + 1, at, judgement.text))
        db.transaction(lambda unit: _settle(unit, done, waiting))
        return len(done)


def retry_delay(tries: int) -> int:
    """Return the milliseconds until a parked result is tried again; it doubles."""
    return int(min(FIRST_RETRY_MS * 2 ** min(tries, 20), LONGEST_RETRY_MS))


def _arrival(row: Row[Any]) -> ReceivedResult:
    """Return a parked result; what is in the inbox was readable when it was put there."""
    parcel = Parcel(received_at=row.received_at, peer=row.peer, telegram=row.telegram)
    return read_parcel(parcel)


def _settle(unit: Unit, done: Sequence[int], waiting: Sequence[tuple[int, int, int, str]]) -> None:
    if done:
        inbox.remove(unit.conn, done)
    if waiting:
        inbox.postpone(unit.conn, waiting)


def _note(arrived: ReceivedResult, judged: Judged) -> None:
    if judged.verdict is Verdict.REFUSED:
        result = arrived.result
        m.log_message(
            m.JATRAPPER300004,
            inner_job_id=result.job_id,
            host=result.host_name,
            reason=judged.text,
        )
