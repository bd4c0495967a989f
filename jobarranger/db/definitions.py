"""Reads and writes jobnet definitions: whole versions at a time, sets of them per statement.

A version is the pair (jobnet id, update date). `read_versions` takes the rows of any number of
versions with one statement per table, and reads the headers *last*: a version whose header is
still there then had all its rows while they were read (an edit deletes them together).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Connection, Label, Table, func, insert, select

from jobarranger.db import tables as t
from jobarranger.db import timelimits
from jobarranger.db.unique import insert_first
from jobarranger.states import ObjectKind

#: One row of a table by column name.
Values: TypeAlias = Mapping[str, Any]
#: (id, update date)
VersionKey: TypeAlias = tuple[str, int]

#: The tables that hold settings, by the type of icon; types that are missing have no settings.
SettingsTables: TypeAlias = Mapping[int, Sequence[Table]]

#: Read together with the header: loading pays no statement for it.
_LIMIT = func.coalesce(timelimits.limit_of(t.jobnet_control), 0).label("time_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One version of a jobnet with everything in it."""

    header: Values
    icons: Sequence[Values] = ()
    flows: Sequence[Values] = ()
    #: table name -> icon id -> rows
    settings: Mapping[str, Mapping[str, Sequence[Values]]] = field(default_factory=dict)
    time_limit: int = 0  #: minutes that a run may take; 0: no limit

    @property
    def kind(self) -> ObjectKind:
        """Return what it is."""
        return ObjectKind.JOBNET

    @property
    def object_id(self) -> str:
        """Return the jobnet's id."""
        name: str = self.header["jobnet_id"]
        return name

    @property
    def key(self) -> VersionKey:
        """Return (jobnet id, update date)."""
        return self.header["jobnet_id"], self.header["update_date"]

    def links(self) -> set[str]:
        """Return the ids of the jobnets that this one's JOBNET icons name."""
        rows = self.settings.get(t.icon_jobnet.name, {})
        return {row["link_jobnet_id"] for found in rows.values() for row in found}


def valid_headers(conn: Connection, jobnet_ids: Collection[str]) -> dict[str, Values]:
    """Return the headers of the versions in force; ids without one are left out."""
    if not jobnet_ids:
        return {}
    c = t.jobnet_control.c
    rows = conn.execute(
        select(t.jobnet_control)
        .where(c.jobnet_id.in_(sorted(jobnet_ids)), c.valid_flag == 1)
        .order_by(c.jobnet_id, c.update_date)
    ).mappings()
    return {row["jobnet_id"]: dict(row) for row in rows if row["jobnet_id"] in jobnet_ids}


def valid_header(conn: Connection, jobnet_id: str) -> Values | None:
    """Return the header of the version in force, or None."""
    return valid_headers(conn, {jobnet_id}).get(jobnet_id)


def read_versions(
    conn: Connection, keys: Collection[VersionKey], tables: SettingsTables
) -> dict[VersionKey, Definition]:
    """Return the whole content of the versions; missing ones are left out.

    Args:
        conn: the connection.
        keys: of the versions.
        tables: where the types of icon have their settings.
    """
    wanted = frozenset(keys)
    if not wanted:
        return {}
    icons = _rows(conn, t.job_control, wanted)
    flows = _rows(conn, t.flow_control, wanted)
    kinds = {row["job_type"] for rows in icons.values() for row in rows}
    by_table = {
        table.name: _by_icon(_rows(conn, table, wanted))
        for kind in sorted(kinds)
        for table in tables.get(kind, ())
    }
    headers = _rows(conn, t.jobnet_control, wanted, _LIMIT)
    limits = {key: int(rows[0].pop(_LIMIT.name)) for key, rows in headers.items()}
    return {
        key: Definition(
            header=headers[key][0],
            icons=icons.get(key, ()),
            flows=flows.get(key, ()),
            settings={name: rows.get(key, {}) for name, rows in by_table.items()},
            time_limit=limits[key],
        )
        for key in wanted
        if key in headers
    }


def read_tree(
    conn: Connection,
    keys: Collection[VersionKey],
    tables: SettingsTables,
    known: Mapping[VersionKey, Definition] | None = None,
) -> tuple[dict[VersionKey, Definition], dict[str, VersionKey]]:
    """Return the versions, all sub-jobnets below them, and the version in force of each sub.

    Sub-jobnets without a version in force are left out of the second answer. Four to some twenty
    statements per level, whatever the number of versions; those in `known` are not read again.
    """
    known = known or {}

    def versions_of(wanted: Collection[VersionKey]) -> dict[VersionKey, Definition]:
        have = {key: known[key] for key in wanted if key in known}
        return have | read_versions(conn, set(wanted) - have.keys(), tables)

    found = versions_of(keys)
    valid: dict[str, VersionKey] = {}
    asked: set[str] = set()
    level: Iterable[Definition] = found.values()
    while wanted := {link for item in level for link in item.links()} - asked:
        asked |= wanted
        headers = valid_headers(conn, wanted)
        valid |= {name: (name, header["update_date"]) for name, header in headers.items()}
        more = versions_of({valid[name] for name in headers} - found.keys())
        found |= more
        level = more.values()
    return found, valid


def write_version(conn: Connection, definition: Definition) -> None:
    """Insert one version (its header carries the flags it is to have)."""
    insert_first(conn, t.jobnet_control, definition.header)
    if definition.icons:
        conn.execute(insert(t.job_control), [dict(row) for row in definition.icons])
    if definition.flows:
        conn.execute(insert(t.flow_control), [dict(row) for row in definition.flows])
    for name, by_icon in definition.settings.items():
        rows = [dict(row) for found in by_icon.values() for row in found]
        if rows:
            conn.execute(insert(t.metadata.tables[name]), rows)
    timelimits.write(conn, *definition.key, definition.time_limit)


def _rows(
    conn: Connection, table: Table, keys: frozenset[VersionKey], *more: Label[Any]
) -> dict[VersionKey, list[dict[str, Any]]]:
    """Return the table's rows of the versions, with `more` columns, grouped by version.

    Two plain INs serve every product's indexes better than pairs do; rows of combinations that
    were not asked for are dropped here.
    """
    columns = [column for column in table.c if column.name != "created_date"]
    rows = conn.execute(
        select(*columns, *more)
        .where(
            table.c.jobnet_id.in_(sorted({name for name, _ in keys})),
            table.c.update_date.in_(sorted({date for _, date in keys})),
        )
        .order_by(*table.primary_key.columns)
    ).mappings()
    grouped: dict[VersionKey, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        key = (row["jobnet_id"], row["update_date"])
        if key in keys:
            grouped[key].append(dict(row))
    return grouped


def _by_icon(
    rows: Mapping[VersionKey, Sequence[Values]],
) -> dict[VersionKey, dict[str, list[Values]]]:
    """Group the rows of each version by icon id."""
    grouped: dict[VersionKey, dict[str, list[Values]]] = {}
    for key, found in rows.items():
        icons: dict[str, list[Values]] = defaultdict(list)
        for row in found:
            icons[row["job_id"]].append(row)
        grouped[key] = dict(icons)
    return grouped
