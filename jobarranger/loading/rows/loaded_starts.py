"""Statements of the scheduled load: what was loaded, how far, and what is in force.

The *key* of a scheduled start is (slot, schedule id, calendar or filter id, jobnet id). Functions
take a connection and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    func,
    literal,
    select,
    union_all,
    update,
)

from jobarranger.calendars.starts import Name
from jobarranger.db import tables as t
from jobarranger.db.checksum import checksum
from jobarranger.db.guarded import MOST, batched
from jobarranger.db.unique import insert_first
from jobarranger.states import DatedKind, RunType

#: (slot, schedule id, calendar or filter id, jobnet id)
Key: TypeAlias = tuple[int, str, str, str]
#: Count, newest and checksum of the versions in force of each kind; jobnets are the last.
Fingerprint: TypeAlias = tuple[tuple[int, ...], ...]

LOAD_SPAN = "JOBNET_LOAD_SPAN"
#: The row of `ja_ext_window`.
_WINDOW = 1

_L, _W, _F, _J = t.ext_slot.c, t.ext_window.c, t.ext_in_force.c, t.run_jobnet.c
_DATED = {
    DatedKind.SCHEDULE: (t.schedule_control, t.schedule_control.c.schedule_id),
    DatedKind.CALENDAR: (t.calendar_control, t.calendar_control.c.calendar_id),
    DatedKind.FILTER: (t.filter_control, t.filter_control.c.filter_id),
}
_CONTROLS = (*_DATED.values(), (t.jobnet_control, t.jobnet_control.c.jobnet_id))

_FINGERPRINT = union_all(
    *(
        select(
            literal(number).label("number"),
            func.count(),
            func.max(table.c.update_date),
            func.sum(checksum(id_of, table.c.update_date)),
        ).where(table.c.valid_flag == 1)
        for number, (table, id_of) in enumerate(_CONTROLS)
    )
)
_STATE = select(
    select(t.parameter.c.value).where(t.parameter.c.parameter_name == LOAD_SPAN).scalar_subquery(),
    select(_W.until_at).where(_W.id == _WINDOW).scalar_subquery(),
)
_IN_FORCE = union_all(
    *(
        select(literal(int(kind)), column, table.c.update_date).where(table.c.valid_flag == 1)
        for kind, (table, column) in _DATED.items()
    )
)


_SCHEDULES: BindParameter[Any] = bindparam("schedules", expanding=True)
_KEYS = select(_L.slot, _L.schedule_id, _L.calendar_id, _L.jobnet_id).where(
    _L.schedule_id.in_(_SCHEDULES)
)
_HANDLED = _KEYS.where(_L.slot.between(bindparam("first"), bindparam("last")))
#: Of one slot: the key's second column counts, too.
_HANDLED_AT = _KEYS.where(_L.slot == bindparam("first"))
_LOADED = select(
    _J.initial_scheduled_time,
    _J.schedule_id,
    _J.calendar_id,
    _J.jobnet_id,
    _J.inner_jobnet_id,
).where(
    _J.initial_scheduled_time.in_(bindparam("slots", expanding=True)),
    _J.schedule_id.in_(_SCHEDULES),
    _J.run_type == int(RunType.NORMAL),
    _J.main_flag == 0,
)


# -- what changes ----------------------------------------------------------------------------


def fingerprint(conn: Connection) -> Fingerprint:
    """Return numbers that change whenever another version of anything comes into force."""
    rows = sorted(tuple(int(value or 0) for value in row) for row in conn.execute(_FINGERPRINT))
    return tuple(rows)


def state(conn: Connection) -> tuple[str | None, int | None]:
    """Return the load span as it is stored, and up to which instant everything was loaded."""
    row = conn.execute(_STATE).one()
    return row[0], row[1]


def note_window(conn: Connection, until_at: int, at: int) -> None:
    """Remember up to which instant (UTC ms) everything was loaded.

    Raises:
        StateConflict: another loader has just noted the first window: do the transaction again.
    """
    values = {"until_at": until_at, "at": at}
    if not conn.execute(update(t.ext_window).where(_W.id == _WINDOW).values(values)).rowcount:
        insert_first(conn, t.ext_window, {"id": _WINDOW, **values})


def advance_window(conn: Connection, known: int, until_at: int, at: int) -> int:
    """Remember that everything was loaded up to a later instant (UTC ms) than the known one.

    Left as it is if another loader is further; or less far, as it has just seen something new.
    Returns what is remembered then.
    """
    later = update(t.ext_window).where(_W.id == _WINDOW, _W.until_at.between(known, until_at))
    if conn.execute(later.values(until_at=until_at, at=at)).rowcount:
        return until_at
    stored = conn.execute(select(_W.until_at).where(_W.id == _WINDOW)).scalar_one_or_none()
    return known if stored is None else stored


def reopen_window(conn: Connection, until_at: int, at: int) -> None:
    """Remember that what is after an instant (UTC ms) is to be looked at again."""
    reopened = update(t.ext_window).where(_W.id == _WINDOW, _W.until_at > until_at)
    conn.execute(reopened.values(until_at=until_at, at=at))


# -- in force since when ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version in force, and since when (UTC ms) the loader knows it."""

    update_date: int
    since_at: int


def in_force(conn: Connection) -> dict[Name, int]:
    """Return the versions (update dates) in force of schedules, calendars and filters."""
    found: dict[Name, int] = {}
    for kind, name, update_date in conn.execute(_IN_FORCE).all():
        key = (DatedKind(kind), name)
        found[key] = max(found.get(key, 0), update_date)
    return found


def known_in_force(conn: Connection) -> dict[Name, KnownVersion]:
    """Return what was in force when the loader looked last."""
    rows = conn.execute(select(_F.kind, _F.object_id, _F.update_date, _F.since_at)).all()
    return {(DatedKind(row[0]), row[1]): KnownVersion(row[2], row[3]) for row in rows}


def note_in_force(conn: Connection, gone: Iterable[Name], new: Mapping[Name, KnownVersion]) -> None:
    """Forget what is no longer in force, and remember what has become so.

    Raises:
        StateConflict: another loader has just noted it: do the transaction again.
    """
    for kind in DatedKind:
        for names in batched(sorted(name for of, name in gone if of is kind), MOST):
            conn.execute(
                delete(t.ext_in_force).where(_F.kind == int(kind), _F.object_id.in_(names))
            )
    if new:
        insert_first(
            conn,
            t.ext_in_force,
            [
                {
                    "kind": int(kind),
                    "object_id": name,
                    "update_date": version.update_date,
                    "since_at": version.since_at,
                }
                for (kind, name), version in sorted(new.items())
            ],
        )


def owners(conn: Connection, schedules: Collection[str]) -> dict[str, str]:
    """Return the users to whom schedules in force belong."""
    c = t.schedule_control.c
    rows = conn.execute(
        select(c.schedule_id, c.user_name).where(
            c.schedule_id.in_(sorted(schedules)), c.valid_flag == 1
        )
    )
    return {row[0]: row[1] for row in rows}


# -- what was loaded -------------------------------------------------------------------------


def handled(conn: Connection, keys: Collection[Key]) -> set[Key]:
    """Return those of the starts that were loaded, however long ago their runs were purged."""
    slots = [key[0] for key in keys]
    values = {"first": min(slots), "last": max(slots), "schedules": _schedules(keys)}
    statement = _HANDLED_AT if values["first"] == values["last"] else _HANDLED
    rows = conn.execute(statement, values)
    return {(row[0], row[1], row[2], row[3]) for row in rows} & set(keys)


def loaded_runs(conn: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """Return the runs that a 3.0.0 server has loaded for starts; it wrote no slots."""
    values = {"slots": sorted({key[0] for key in keys}), "schedules": _schedules(keys)}
    rows = conn.execute(_LOADED, values)
    found = {(row[0], row[1], row[2], row[3]): row[4] for row in rows}
    return {key: found[key] for key in set(keys) & found.keys()}


def _schedules(keys: Collection[Key]) -> list[str]:
    return sorted({key[1] for key in keys})


def add_slots(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Remember starts as loaded; the unique key refuses a second one.

    Raises:
        StateConflict: another loader has just loaded one of them: do the transaction again.
    """
    insert_first(conn, t.ext_slot, rows)
