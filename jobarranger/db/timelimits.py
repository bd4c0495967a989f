"""Statements about `ja_ext_jobnet_limit`: how long the runs of a jobnet's version may take."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, ScalarSelect, Table, delete, insert, select

from jobarranger.db import tables as t

_L = t.ext_jobnet_limit.c


def limit_of(owner: Table) -> ScalarSelect[int]:
    """Return the minutes for each row of a table that has `jobnet_id` and `update_date`.

    A subquery of its own, not a join: no product can then begin at the limits and go from each
    through all runs that its jobnet has ever had.
    """
    return (
        select(_L.minutes)
        .where(_L.jobnet_id == owner.c.jobnet_id, _L.update_date == owner.c.update_date)
        .correlate(owner)
        .scalar_subquery()
    )


def write(conn: Connection, jobnet_id: str, update_date: int, minutes: int) -> None:
    """Store the time limit of a version, 0 for none.

    One may stand there already: the Manager deletes versions and knows nothing of limits.
    """
    remove(conn, jobnet_id, [update_date])
    if minutes:
        row = {"jobnet_id": jobnet_id, "update_date": update_date, "minutes": minutes}
        conn.execute(insert(t.ext_jobnet_limit), [row])


def remove(conn: Connection, jobnet_id: str, update_dates: Collection[int]) -> None:
    """Delete the time limits of versions of a jobnet."""
    conn.execute(
        delete(t.ext_jobnet_limit).where(
            _L.jobnet_id == jobnet_id, _L.update_date.in_(sorted(update_dates))
        )
    )
