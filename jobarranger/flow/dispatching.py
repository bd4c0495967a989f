"""What becomes of an icon whose request did not reach its agent, or was refused there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobarranger.db.engine import Database
from jobarranger.flow import stepping
from jobarranger.flow.engine import Engine
from jobarranger.flow.propagation import propagate
from jobarranger.flow.transact import transact
from jobarranger.flow.work import Work
from jobarranger.messages import Raised
from jobarranger.requests.rows import moves, of_icons
from jobarranger.states import AWAITING_RESULT, DispatchState, Method


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchFailure:
    """A request that will not be carried out, as far as the server can know."""

    job_id: int
    attempt: int
    method: Method  #: of the request: a run, a test, a stop command or a kill
    message: Raised
    host: str = ""
    outcome_unknown: bool = False  #: it was sent; whether it ran is not known


def fail_dispatch(db: Database, engine: Engine, failures: Sequence[DispatchFailure]) -> int:
    """Put icons into RUNERR whose requests have failed; return how many that concerned.

    A failure counts only for the icon's newest attempt, and only while its result is outstanding:
    a result that came in the meantime wins.
    """
    ids = {failure.job_id for failure in failures}
    found = db.read(lambda conn: of_icons.runs(conn, ids))
    mains = {int(row.inner_jobnet_main_id) for row in found}

    def step(work: Work) -> None:
        _fail(work, failures)
        propagate(work)

    work, _ = transact(db, engine, mains, step, wait=True)
    return sum(family.steps for family in work.families.values())


def _fail(work: Work, failures: Sequence[DispatchFailure]) -> None:
    """Fail the icons under the lock of their families."""
    conn = work.unit.conn
    ids = sorted({failure.job_id for failure in failures})
    newest: dict[int, Any] = {}
    for row in of_icons.runs(conn, ids):
        newest[row.inner_job_id] = row
    icons = {icon.id: icon for icon in work.load_icons(ids)}
    counting = [
        failure
        for failure in failures
        if failure.job_id in icons
        and failure.job_id in newest
        and newest[failure.job_id].attempt == failure.attempt
        and icons[failure.job_id].status in AWAITING_RESULT
    ]
    chosen = [icons[failure.job_id] for failure in counting]
    work.load_sent(chosen)
    work.load_flows([icon.id for icon in chosen if icon.continues])
    closing: dict[DispatchState, dict[int, int]] = defaultdict(dict)
    for failure in counting:
        icon = icons[failure.job_id]
        if icon.status not in AWAITING_RESULT:
            continue
        work.family(icon).steps += 1
        stepping.fail(work, icon, [failure.message], host=failure.host)
        state = DispatchState.UNKNOWN if failure.outcome_unknown else DispatchState.DONE
        closing[state][icon.id] = failure.attempt
    for state, attempts in closing.items():
        moves.finish(conn, attempts, work.now.at, state)
