"""Counts what is due to be removed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, or_, select

from jobarranger.db import tables as t
from jobarranger.purging.limits import PurgeLimits
from jobarranger.purging.rows import keyed
from jobarranger.purging.rows.due import DUE_REQUEST, DUE_RUN
from jobarranger.purging.rows.log import DUE_LOG


def counts(conn: Connection, limits: PurgeLimits) -> dict[str, int]:
    """Return how much of each kind is due: whole tables are looked through."""
    values = {
        "runs": limits.runs,
        "slot": limits.slot,
        "log": limits.log,
        **keyed.values(limits),
    }

    def count(table: Table, condition: Any) -> int:
        query = select(func.count()).select_from(table).where(condition)
        return int(conn.execute(query, values).scalar_one())

    return {
        "runs": count(t.run_jobnet_summary, DUE_RUN) + count(t.run_jobnet, DUE_REQUEST),
        "log entries": count(t.run_log, DUE_LOG),
        **{kind: count(key.table, or_(*due)) for kind, (key, due) in keyed.DUE.items()},
    }
