"""Reads and writes versions of definitions of every kind, and asks who uses them.

Calendars, filters, schedules and jobnets have ids of their own kind; a version is the pair (id,
update date). What is inside a jobnet is the business of `db.definitions`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Column, Connection, Select, Table, and_, delete, insert, select, update

from jobarranger.db import tables as t
from jobarranger.db import timelimits
from jobarranger.db.definitions import Values, VersionKey
from jobarranger.db.engine import Unit
from jobarranger.db.unique import insert_first
from jobarranger.states import DatedKind, ObjectFlag, ObjectKind

#: The rows of `ja_index_table` from which the Manager proposes new ids.
_PROPOSALS = {
    ObjectKind.JOBNET: 100,
    ObjectKind.CALENDAR: 101,
    ObjectKind.SCHEDULE: 102,
    ObjectKind.FILTER: 103,
}
#: What the loader remembers as being in force (`ja_ext_in_force`).
_REMEMBERED = {
    ObjectKind.SCHEDULE: DatedKind.SCHEDULE,
    ObjectKind.CALENDAR: DatedKind.CALENDAR,
    ObjectKind.FILTER: DatedKind.FILTER,
}
#: The table with a row for each version.
CONTROL: dict[ObjectKind, Table] = {
    ObjectKind.CALENDAR: t.calendar_control,
    ObjectKind.FILTER: t.filter_control,
    ObjectKind.SCHEDULE: t.schedule_control,
    ObjectKind.JOBNET: t.jobnet_control,
}
#: The tables with what is inside a version; a jobnet's are in `db.definitions`.
PARTS: dict[ObjectKind, tuple[Table, ...]] = {
    ObjectKind.CALENDAR: (t.calendar_detail,),
    ObjectKind.FILTER: (),
    ObjectKind.SCHEDULE: (t.schedule_detail, t.schedule_jobnet),
}


class Name(NamedTuple):
    """What distinguishes an object from all others."""

    kind: ObjectKind
    object_id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class UsingVersion(NamedTuple):
    """A version that names another object."""

    kind: ObjectKind
    object_id: str
    update_date: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a calendar, filter or schedule with everything in it."""

    kind: ObjectKind
    header: Values
    #: table name -> rows
    parts: Mapping[str, Sequence[Values]] = field(default_factory=dict)

    @property
    def object_id(self) -> str:
        """Return the id."""
        name: str = self.header[id_column(self.kind).name]
        return name

    def rows(self, table: Table) -> Sequence[Values]:
        """Return the rows of one table."""
        return self.parts.get(table.name, ())


def id_column(kind: ObjectKind) -> Column[str]:
    """Return the column of the control table that holds the id."""
    return CONTROL[kind].c[f"{kind.value}_id"]


def versions(conn: Connection, name: Name) -> list[Values]:
    """Return the headers of all versions of an object, oldest first."""
    control = CONTROL[name.kind]
    rows = conn.execute(
        select(control)
        .where(id_column(name.kind) == name.object_id)
        .order_by(control.c.update_date)
    ).mappings()
    return [dict(row) for row in rows]


def headers(conn: Connection, kind: ObjectKind) -> list[Values]:
    """Return the headers of all versions of a kind, in order of id and age."""
    control = CONTROL[kind]
    rows = conn.execute(select(control).order_by(id_column(kind), control.c.update_date)).mappings()
    return [dict(row) for row in rows]


def lock_versions(unit: Unit, name: Name) -> list[int]:
    """Lock an object and return its versions (update dates), oldest first.

    They are read once more: what another has stored while the lock was waited for shows only then.
    """
    c = CONTROL[name.kind].c
    dates = (
        select(c.update_date).where(id_column(name.kind) == name.object_id).order_by(c.update_date)
    )
    if not unit.execute(unit.lock(dates)).all():
        _lock_kind(unit, name.kind)
    return [int(date) for date in unit.execute(dates).scalars()]


def _lock_kind(unit: Unit, kind: ObjectKind) -> None:
    """Lock the row that stands for all objects of a kind: what has no version yet has none."""
    row = select(t.index.c.count_id).where(t.index.c.count_id == _PROPOSALS[kind])
    unit.execute(unit.lock(row))


def read_versions(
    conn: Connection, kind: ObjectKind, keys: Collection[VersionKey]
) -> dict[VersionKey, Version]:
    """Return calendars, filters or schedules with what is in them; missing ones are left out.

    Headers are read last: a version whose header is still there had all its rows before.
    """
    wanted = frozenset(keys)
    if not wanted:
        return {}
    parts = {table.name: _rows(conn, kind, table, wanted) for table in PARTS[kind]}
    found = _rows(conn, kind, CONTROL[kind], wanted)
    return {
        key: Version(
            kind=kind,
            header=rows[0],
            parts={table: by_key.get(key, ()) for table, by_key in parts.items()},
        )
        for key, rows in found.items()
    }


def write_version(conn: Connection, version: Version) -> None:
    """Insert one version (its header carries the flags it is to have)."""
    insert_first(conn, CONTROL[version.kind], version.header)
    for table in PARTS[version.kind]:
        if rows := [dict(row) for row in version.rows(table)]:
            conn.execute(insert(table), rows)


def enable(conn: Connection, name: Name, update_date: int) -> None:
    """Put one version in force and all others of its object out of force.

    Since when it was in force is forgotten: the loader finds it anew.
    """
    control, same = CONTROL[name.kind], id_column(name.kind) == name.object_id
    c = control.c
    conn.execute(
        update(control)
        .where(same, c.valid_flag == 1, c.update_date != update_date)
        .values(valid_flag=0)
    )
    changed = conn.execute(
        update(control)
        .where(same, c.update_date == update_date, c.valid_flag != 1)
        .values(valid_flag=1)
    )
    if changed.rowcount:
        _forget(conn, name)


def disable(conn: Connection, name: Name) -> int:
    """Put an object out of force; return how many versions were.

    The loader forgets it even if it does not look before the object is in force again.
    """
    control = CONTROL[name.kind]
    count = conn.execute(
        update(control)
        .where(id_column(name.kind) == name.object_id, control.c.valid_flag == 1)
        .values(valid_flag=0)
    ).rowcount
    if count:
        _forget(conn, name)
    return count


def _forget(conn: Connection, name: Name) -> None:
    """Forget since when an object has been in force."""
    c, kind = t.ext_in_force.c, _REMEMBERED.get(name.kind)
    if kind is not None:
        conn.execute(
            delete(t.ext_in_force).where(c.kind == int(kind), c.object_id == name.object_id)
        )


def set_public(conn: Connection, name: Name, public: int) -> None:
    """Give all versions of an object the same `public_flag`."""
    control = CONTROL[name.kind]
    conn.execute(
        update(control)
        .where(id_column(name.kind) == name.object_id, control.c.public_flag != public)
        .values(public_flag=public)
    )


def delete_versions(conn: Connection, name: Name, update_dates: Collection[int]) -> None:
    """Delete versions; what is in them goes by cascade."""
    control = CONTROL[name.kind]
    conn.execute(
        delete(control).where(
            id_column(name.kind) == name.object_id,
            control.c.update_date.in_(sorted(update_dates)),
        )
    )
    if name.kind is ObjectKind.JOBNET:
        timelimits.remove(conn, name.object_id, update_dates)


def out_of_force(conn: Connection, names: Iterable[Name]) -> set[Name]:
    """Return those objects of which no version is in force: one statement for each kind."""
    wanted = set(names)
    found: set[Name] = set()
    for kind in sorted({name.kind for name in wanted}):
        ids = sorted(name.object_id for name in wanted if name.kind is kind)
        column = id_column(kind)
        rows = conn.execute(select(column).where(column.in_(ids), CONTROL[kind].c.valid_flag == 1))
        found |= {Name(kind, object_id) for object_id in rows.scalars()}
    return wanted - found


def base_calendars(conn: Connection, filter_ids: Collection[str]) -> dict[str, str]:
    """Return the base calendar of each filter in force."""
    c = t.filter_control.c
    rows = conn.execute(
        select(c.filter_id, c.base_calendar_id).where(
            c.filter_id.in_(sorted(filter_ids)), c.valid_flag == 1
        )
    )
    return {row.filter_id: row.base_calendar_id for row in rows}


def users(conn: Connection, name: Name, *, in_force: bool) -> list[UsingVersion]:
    """Return the versions of other objects that name this one; `in_force`: only such."""
    found = [
        UsingVersion(kind, row[0], row[1])
        for kind, part, column in _references(name)
        for row in conn.execute(_users(kind, part, column, name, in_force=in_force))
    ]
    return sorted({user for user in found if Name(user.kind, user.object_id) != name})


_Reference: TypeAlias = tuple[ObjectKind, Table, Column[str]]


def _references(name: Name) -> list[_Reference]:
    """Return where objects of a kind can be named: by which kind, in which table and column."""
    schedule = ObjectKind.SCHEDULE
    if name.kind is ObjectKind.CALENDAR:
        return [
            (ObjectKind.FILTER, t.filter_control, t.filter_control.c.base_calendar_id),
            (schedule, t.schedule_detail, t.schedule_detail.c.calendar_id),
        ]
    if name.kind is ObjectKind.FILTER:
        return [(schedule, t.schedule_detail, t.schedule_detail.c.calendar_id)]
    if name.kind is ObjectKind.JOBNET:
        return [
            (schedule, t.schedule_jobnet, t.schedule_jobnet.c.jobnet_id),
            (ObjectKind.JOBNET, t.icon_jobnet, t.icon_jobnet.c.link_jobnet_id),
            (ObjectKind.JOBNET, t.icon_task, t.icon_task.c.submit_jobnet_id),
        ]
    return []


def _users(
    kind: ObjectKind, part: Table, column: Column[str], name: Name, *, in_force: bool
) -> Select[Any]:
    """Return the select of the versions that name an object in one column."""
    control, own_id = CONTROL[kind], id_column(kind)
    statement = select(own_id, control.c.update_date).where(column == name.object_id)
    if part is not control:
        statement = statement.join_from(
            control,
            part,
            and_(part.c[own_id.name] == own_id, part.c.update_date == control.c.update_date),
        )
    if part is t.schedule_detail:
        flag = ObjectFlag.FILTER if name.kind is ObjectKind.FILTER else ObjectFlag.CALENDAR
        statement = statement.where(part.c.object_flag == int(flag))
    return statement.where(control.c.valid_flag == 1) if in_force else statement


def _rows(
    conn: Connection, kind: ObjectKind, table: Table, keys: frozenset[VersionKey]
) -> dict[VersionKey, list[Values]]:
    """Return the table's rows of the versions, grouped by version."""
    own_id = table.c[id_column(kind).name]
    columns = [column for column in table.c if column.name != "created_date"]
    rows = conn.execute(
        select(*columns)
        .where(
            own_id.in_(sorted({name for name, _ in keys})),
            table.c.update_date.in_(sorted({date for _, date in keys})),
        )
        .order_by(*table.primary_key.columns)
    ).mappings()
    grouped: dict[VersionKey, list[Values]] = defaultdict(list)
    for row in rows:
        key = (row[own_id.name], row["update_date"])
        if key in keys:
            grouped[key].append(dict(row))
    return grouped
