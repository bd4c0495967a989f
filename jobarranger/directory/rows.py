"""Statements about the embedded directory: `ja_ext_host`, `ja_ext_user`, `ja_ext_group`.

Functions take a connection inside or outside the caller's transaction and never commit. `kind` is
`host`, `user` or `group`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, select, update

from jobarranger.db import tables as t
from jobarranger.db.unique import insert_first

_KINDS: dict[str, tuple[Table, Column[Any]]] = {
    "host": (t.ext_host, t.ext_host.c.host_name),
    "user": (t.ext_user, t.ext_user.c.user_name),
    "group": (t.ext_group, t.ext_group.c.group_name),
}
#: Nobody is shown these.
_HIDDEN = frozenset({"password_hash", "created_at"})

_H, _U, _G, _M = t.ext_host.c, t.ext_user.c, t.ext_group.c, t.ext_user_group.c


# -- asking ----------------------------------------------------------------------------------


def hosts(conn: Connection, names: Collection[str]) -> Sequence[Any]:
    """Return the rows of hosts; where the product ignores case, also of other spellings."""
    return conn.execute(
        select(_H.host_name, _H.address, _H.port, _H.ssh_port, _H.enabled).where(
            _H.host_name.in_(sorted(set(names)))
        )
    ).all()


def user(conn: Connection, name: str) -> Sequence[Any]:
    """Return one row for each group of a user, one with NULLs if he is in none."""
    rows = conn.execute(
        select(
            _U.user_name,
            _U.password_hash,
            _U.user_type,
            _U.lang,
            _U.enabled,
            _G.group_name,
            _G.enabled.label("group_enabled"),
        )
        .select_from(
            t.ext_user.outerjoin(t.ext_user_group, _M.user_name == _U.user_name).outerjoin(
                t.ext_group, _G.group_name == _M.group_name
            )
        )
        .where(_U.user_name == name)
        .order_by(_G.group_name)
    ).all()
    return [row for row in rows if row.user_name == name]


def groups_of(conn: Connection, user_name: str) -> set[str]:
    """Return the names of the groups that a user is in."""
    return set(conn.scalars(select(_M.group_name).where(_M.user_name == user_name)))


def present(conn: Connection, kind: str, names: Collection[str]) -> set[str]:
    """Return those of the names that exist."""
    _, key = _KINDS[kind]
    return set(conn.scalars(select(key).where(key.in_(sorted(names)))))


def listed(conn: Connection, kind: str) -> Sequence[Any]:
    """Return all rows of a kind in order of their names, without what is secret."""
    table, key = _KINDS[kind]
    columns = [column for column in table.c if column.name not in _HIDDEN]
    return conn.execute(select(*columns).order_by(key)).all()


def memberships(conn: Connection) -> dict[str, list[str]]:
    """Return the groups of each user that is in any."""
    found: dict[str, list[str]] = {}
    rows = conn.execute(select(_M.user_name, _M.group_name).order_by(_M.group_name))
    for user_name, group in rows:
        found.setdefault(user_name, []).append(group)
    return found


# -- changing --------------------------------------------------------------------------------


def add(conn: Connection, kind: str, name: str, values: Mapping[str, Any]) -> None:
    """Insert a row.

    Raises:
        StateConflict: another has added it meanwhile: do the transaction again.
    """
    table, key = _KINDS[kind]
    insert_first(conn, table, {key.name: name, **values})


def change(conn: Connection, kind: str, name: str, values: Mapping[str, Any]) -> None:
    """Change a row."""
    table, key = _KINDS[kind]
    conn.execute(update(table).where(key == name).values(**values))


def remove(conn: Connection, kind: str, name: str) -> None:
    """Delete a row; memberships go with it."""
    table, key = _KINDS[kind]
    conn.execute(delete(table).where(key == name))


def join(conn: Connection, user_name: str, groups: Collection[str]) -> None:
    """Insert memberships that do not exist yet.

    Raises:
        StateConflict: another has added one meanwhile: do the transaction again.
    """
    rows = [{"user_name": user_name, "group_name": group} for group in sorted(groups)]
    if rows:
        insert_first(conn, t.ext_user_group, rows)


def leave(conn: Connection, user_name: str, group: str) -> bool:
    """Delete a membership; return whether there was one."""
    statement = delete(t.ext_user_group).where(_M.user_name == user_name, _M.group_name == group)
    return bool(conn.execute(statement).rowcount)
