"""Removes runs that are over: small sets of rows, by key, leaf tables first.

Functions take a connection inside the caller's transaction and never commit. Nothing here relies
on the cascade of foreign keys: it would remove thousands of rows in one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select

from jobarranger.db import tables as t
from jobarranger.db.pipeline import together

_J, _S, _I, _F = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c, t.run_flow.c
_IDS: Any = bindparam("ids", expanding=True)
_MOST: Any = bindparam("most")


def _hanging_on(parent: Table) -> list[Table]:
    """Return the tables whose rows belong to rows of `parent`, leaves first."""
    found = {parent}
    for table in t.metadata.sorted_tables:  # parents come first
        if any(key.column.table in found for key in table.foreign_keys):
            found.add(table)
    return [one for one in reversed(t.metadata.sorted_tables) if one in found - {parent}]


_BY_ICON = [
    (table, delete(table).where(table.c.inner_job_id.in_(_IDS)))
    for table in (*_hanging_on(t.run_job), t.ext_dispatch, t.ext_event, t.ext_inbox)
]
_ICONS = select(_I.inner_job_id, _I.job_type).where(_I.inner_jobnet_main_id.in_(_IDS)).limit(_MOST)
_DELETE_ICONS = delete(t.run_job).where(_I.inner_job_id.in_(_IDS))


def remove_icons(
    conn: Connection, mains: Collection[int], most: int, kinds: Mapping[Table, Collection[int]]
) -> int:
    """Remove up to `most` icons with their settings, variables, requests and events.

    Args:
        conn: the connection.
        mains: the runs.
        most: how many icons at most.
        kinds: the tables of settings, each with the types of icon that have rows there.
    """
    icons = conn.execute(_ICONS, {"ids": sorted(mains), "most": most}).all()
    if not icons:
        return 0
    ids = {"ids": sorted(row.inner_job_id for row in icons)}
    present = {row.job_type for row in icons}
    with together(conn):
        for table, statement in _BY_ICON:
            if table not in kinds or not present.isdisjoint(kinds[table]):
                conn.execute(statement, ids)
        conn.execute(_DELETE_ICONS, ids)
    return len(icons)


_ARROWS = (
    select(_F.inner_flow_id)
    .join(t.run_jobnet, _J.inner_jobnet_id == _F.inner_jobnet_id)
    .where(_J.inner_jobnet_main_id.in_(_IDS))
    .limit(_MOST)
)
_DELETE_ARROWS = delete(t.run_flow).where(_F.inner_flow_id.in_(_IDS))


def remove_arrows(conn: Connection, mains: Collection[int], most: int) -> int:
    """Remove up to `most` arrows."""
    ids = list(conn.scalars(_ARROWS, {"ids": sorted(mains), "most": most}))
    if ids:
        conn.execute(_DELETE_ARROWS, {"ids": sorted(ids)})
    return len(ids)


_SUBS = (
    select(_J.inner_jobnet_id)
    .where(_J.inner_jobnet_main_id.in_(_IDS), _J.inner_jobnet_id.not_in(_IDS))
    .limit(_MOST)
)
_OF_INSTANCES = [
    delete(table).where(table.c.inner_jobnet_id.in_(_IDS))
    for table in (t.value_before_jobnet, t.value_after_jobnet, t.run_jobnet)
]
_OF_MAINS = [
    delete(table).where(table.c.inner_jobnet_main_id.in_(_IDS))
    for table in (t.session, t.ext_dispatch, t.ext_event)
] + [delete(t.run_jobnet_summary).where(_S.inner_jobnet_id.in_(_IDS)), *_OF_INSTANCES]


def remove_subs(conn: Connection, mains: Collection[int], most: int) -> int:
    """Remove up to `most` sub-jobnets; their icons and arrows are gone."""
    ids = list(conn.scalars(_SUBS, {"ids": sorted(mains), "most": most}))
    if ids:
        with together(conn):
            for statement in _OF_INSTANCES:
                conn.execute(statement, {"ids": sorted(ids)})
    return len(ids)


def remove_mains(conn: Connection, mains: Collection[int]) -> None:
    """Remove main rows and summaries, the last trace of runs beside their log."""
    with together(conn):
        for statement in _OF_MAINS:
            conn.execute(statement, {"ids": sorted(mains)})
