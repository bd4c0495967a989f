"""Icons that run longer than expected: a warning, once; nothing is stopped (docs/flow.md, JOB)."""

from __future__ import annotations

from jobarranger import messages as m
from jobarranger.db import overdue
from jobarranger.db.engine import Database, Unit
from jobarranger.flow.engine import Engine
from jobarranger.flow.settling import settle
from jobarranger.flow.work import Work
from jobarranger.states import IconStatus

#: Icons warned of in one transaction.
BATCH = 100


def warn_overdue(db: Database, engine: Engine, now: int) -> int:
    """Mark running icons whose warning time has passed at `now` (UTC ms); return how many."""
    rows = db.read(lambda conn: overdue.due(conn, now, BATCH))
    if not rows:
        return 0
    ids = [row.inner_job_id for row in rows]

    def work_on(unit: Unit) -> Work:
        work = Work(unit, engine)
        work.lock_families({row.inner_jobnet_main_id for row in rows}, wait=True)
        for icon in work.load_icons(ids):
            if icon.status is not IconStatus.RUN or icon.overdue:
                continue
            icon.overdue = True
            icon.changes["timeout_flag"] = 1
            raised = m.render(m.JAJOBICONJOB300001, inner_job_id=icon.id, job=work.path(icon))
            work.say(raised, work.instance(icon), icon)
            work.log("JC00000005", work.instance(icon), icon)
            work.suspects.add(icon.instance_id)
            work.family(icon).steps += 1
        overdue.clear(unit.conn, ids, now)
        settle(work)
        work.write()
        return work

    work = db.transaction(work_on)
    m.write_all(work.raised)
    return sum(family.steps for family in work.families.values())
