"""Icons that run longer than expected: a warning, once; nothing is stopped (docs/flow.md, JOB)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobarranger import messages as m
from jobarranger.db.engine import Database
from jobarranger.flow.engine import Engine
from jobarranger.flow.settling import settle
from jobarranger.flow.transact import transact
from jobarranger.flow.work import Work
from jobarranger.messages import Raised
from jobarranger.model.records import Icon
from jobarranger.requests.rows import overdue
from jobarranger.states import IconStatus

#: Icons warned of in one transaction, and transactions of one pass.
BATCH, MOST_BATCHES = 100, 50


def warn_overdue(db: Database, engine: Engine, now: int) -> int:
    """Mark running icons whose warning time has passed at `now` (UTC ms); return how many."""
    warned = 0
    for _ in range(MOST_BATCHES):
        rows = db.read(lambda conn: overdue.due(conn, now, BATCH))
        if rows:
            warned += _warn(db, engine, rows, now)
        if len(rows) < BATCH:
            break
    return warned


def _warn(db: Database, engine: Engine, rows: Sequence[Any], now: int) -> int:
    """Mark a batch of icons in one transaction; return how many were still running."""
    ids = [row.inner_job_id for row in rows]

    def step(work: Work) -> None:
        conn = work.unit.conn
        icons = work.load_icons(ids)
        minutes = overdue.limits(conn, ids)
        due = overdue.due_of(conn, ids, now)  # another process may have been as fast
        for icon in icons:
            if icon.status is not IconStatus.RUN or icon.id not in due:
                continue
            icon.overdue = True
            icon.changes["timeout_flag"] = 1
            work.log_message(
                _warning(work, icon, minutes.get(icon.id, 0)), work.instance(icon), icon
            )
            work.log("JC00000005", work.instance(icon), icon)
            work.suspects.add(icon.instance_id)
            work.family(icon).steps += 1
        overdue.clear(conn, ids, now)
        settle(work)

    mains = {row.inner_jobnet_main_id for row in rows}
    work, _ = transact(db, engine, mains, step, wait=True)
    return sum(family.steps for family in work.families.values())


def _warning(work: Work, icon: Icon, minutes: int) -> Raised:
    """Return the message about an overdue icon."""
    main = work.family(icon).main
    return m.render(
        m.JAJOBICONJOB300001,
        inner_job_id=icon.id,
        timeout_minutes=minutes,
        start_time=icon.start_time,
        main_jobnet_id=main.jobnet_id,
        job_id_path=work.path(icon),
        execution_user=main.execution_user_name,
    )
