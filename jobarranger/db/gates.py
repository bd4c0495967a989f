"""Multiple start-up: which runs are at work, and the gate of their jobnet.

Whoever lets a run start that may not run beside others locks the gate of its jobnet first, before
any main row (docs/database.md, Order of locks), and only then looks for others. So of two
processes or servers that want to start runs of one jobnet the second sees what the first has done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Update, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.states import (
    ACTIVE_JOBNET,
    AWAITING_RESULT,
    JobnetStatus,
    LoadStatus,
)

_G, _I = t.ext_gate.c, t.run_job.c
_J, _S = t.run_jobnet.c, t.run_jobnet_summary.c

#: Others may make one of the gates meanwhile so often.
_ATTEMPTS = 5

_HAS_ICONS_AT_WORK = (
    select(_I.inner_job_id)
    .where(_I.inner_jobnet_main_id == _S.inner_jobnet_id, _I.status.in_(sorted(AWAITING_RESULT)))
    .correlate(t.run_jobnet_summary)
    .exists()
)

#: A run counts for multiple start-up when this holds for its summary joined with its main row: it
#: is to be started, or it runs. One that has missed its start does not, nor one that has ended
#: abnormally and waits for people (its summary goes on showing "running") once none of its icons
#: is at work.
AT_WORK = or_(
    _S.status == JobnetStatus.READY,
    and_(
        _S.status.in_(sorted(ACTIVE_JOBNET)),
        _S.load_status != LoadStatus.DELAY,
        or_(_J.status != JobnetStatus.ENDERR, _HAS_ICONS_AT_WORK),
    ),
)


def runs_at_work(conn: Connection, names: Collection[str], most: int) -> Sequence[Any]:
    """Return (inner_jobnet_id, jobnet_id) of main runs that count as running, oldest first."""
    if not names:
        return []
    return conn.execute(
        select(_S.inner_jobnet_id, _S.jobnet_id)
        .join(t.run_jobnet, _J.inner_jobnet_id == _S.inner_jobnet_id)
        .where(_S.jobnet_id.in_(sorted(names)), AT_WORK)
        .order_by(_S.inner_jobnet_id)
        .limit(most)
    ).all()


def running_jobnets(conn: Connection, names: Collection[str]) -> set[str]:
    """Return those of the jobnets that a main run counts as running of."""
    if not names:
        return set()
    rows = conn.scalars(
        select(_S.jobnet_id)
        .join(t.run_jobnet, _J.inner_jobnet_id == _S.inner_jobnet_id)
        .where(_S.jobnet_id.in_(sorted(names)), AT_WORK)
        .distinct()
    )
    return set(rows)


def make(db: Database, names: Collection[str]) -> None:
    """Make the gates that jobnets do not have yet, in a transaction of its own.

    Not for ever: MariaDB takes ids that differ in blanks at their end for the same; they share one.
    """
    for _ in range(_ATTEMPTS):
        missing = db.read(lambda conn: _missing(conn, names)) if names else []
        if not missing:
            return
        rows = [{"jobnet_id": name, "passed": 0} for name in missing]
        with contextlib.suppress(IntegrityError):  # somebody else has made one of them just now
            db.transaction(partial(_insert, rows=rows))


def _missing(conn: Connection, names: Collection[str]) -> list[str]:
    """Return those of the jobnets that have no gate yet."""
    rows = conn.scalars(select(_G.jobnet_id).where(_G.jobnet_id.in_(sorted(names))))
    return sorted(set(names) - set(rows))


def _insert(unit: Unit, rows: list[dict[str, Any]]) -> None:
    """Insert gates."""
    unit.execute(insert(t.ext_gate), rows)


def lock(unit: Unit, names: Collection[str]) -> list[str]:
    """Lock the gates of jobnets, in the order of their ids, which are returned."""
    wanted = select(_G.jobnet_id).where(_G.jobnet_id.in_(sorted(names))).order_by(_G.jobnet_id)
    return list(unit.execute(unit.lock(wanted)).scalars())


def count_passing(names: Collection[str]) -> Update:
    """Return the update that notes that runs have passed.

    It makes two servers meet on databases whose locks are their own (docs/database.md).
    """
    return update(t.ext_gate).where(_G.jobnet_id.in_(sorted(names))).values(passed=_G.passed + 1)
