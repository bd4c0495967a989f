"""Change the embedded directory: hosts, users and groups (jobarg_ctl).

Functions work inside the caller's transaction; what is not there or is there already is a
`DirectoryError`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Table, delete, select, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.db.unique import insert_first
from jobarranger.directory.base import Host
from jobarranger.errors import DirectoryError
from jobarranger.names import GROUP, HOST, USER
from jobarranger.states import UserType

_ADDRESS = re.compile(r"[A-Za-z0-9._:%-]{1,255}\Z")
_KINDS: dict[str, tuple[Table, Column[Any], int]] = {
    "host": (t.ext_host, t.ext_host.c.host_name, HOST),
    "user": (t.ext_user, t.ext_user.c.user_name, USER),
    "group": (t.ext_group, t.ext_group.c.group_name, GROUP),
}


def check_name(kind: str, name: str) -> str:
    """Return the name of a host, user or group if it can be one."""
    longest = _KINDS[kind][2]
    if not name.strip() or name != name.strip() or len(name) > longest or not name.isprintable():
        raise DirectoryError(
            f"{kind} {name!r}: a name has 1 to {longest} printable characters and no blank at"
            " its ends"
        )
    return name


def add_host(unit: Unit, host: Host) -> None:
    """Add a host."""
    check_name("host", host.name)
    if not _ADDRESS.match(host.address):
        raise DirectoryError(f"host {host.name}: {host.address!r} is no address or DNS name")
    for port in (host.port, host.ssh_port):
        if port is not None and not 1 <= port <= 65_535:
            raise DirectoryError(f"host {host.name}: {port} is no port (1 to 65535)")
    _add(
        unit,
        "host",
        host.name,
        {
            "address": host.address,
            "port": host.port,
            "ssh_port": host.ssh_port,
            "enabled": int(host.enabled),
        },
    )


def add_user(
    unit: Unit, name: str, password_hash: str, user_type: UserType, *, lang: str, at: int
) -> None:
    """Add a user; `at` is now in UTC ms."""
    check_name("user", name)
    _add(
        unit,
        "user",
        name,
        {
            "password_hash": password_hash,
            "user_type": int(user_type),
            "lang": lang,
            "enabled": 1,
            "created_at": at,
        },
    )


def add_group(unit: Unit, name: str) -> None:
    """Add a group."""
    check_name("group", name)
    _add(unit, "group", name, {"enabled": 1})


def set_password(unit: Unit, name: str, password_hash: str) -> None:
    """Give a user another password."""
    _require(unit, "user", [name])
    c = t.ext_user.c
    unit.execute(update(t.ext_user).where(c.user_name == name).values(password_hash=password_hash))


def set_enabled(unit: Unit, kind: str, name: str, *, enabled: bool) -> None:
    """Enable or disable a host, user or group."""
    table, key, _ = _KINDS[kind]
    _require(unit, kind, [name])
    unit.execute(update(table).where(key == name).values(enabled=int(enabled)))


def remove(unit: Unit, kind: str, name: str) -> None:
    """Remove a host, user or group; memberships go with it."""
    table, key, _ = _KINDS[kind]
    _require(unit, kind, [name])
    unit.execute(delete(table).where(key == name))


def join(unit: Unit, user: str, groups: Collection[str]) -> None:
    """Add a user to groups; being in one already is no error."""
    _require(unit, "user", [user])
    _require(unit, "group", groups)
    c = t.ext_user_group.c
    present = set(unit.execute(select(c.group_name).where(c.user_name == user)).scalars())
    rows = [{"user_name": user, "group_name": group} for group in sorted(set(groups) - present)]
    if rows:
        insert_first(unit.conn, t.ext_user_group, rows)


def leave(unit: Unit, user: str, group: str) -> None:
    """Take a user out of a group."""
    c = t.ext_user_group.c
    statement = delete(t.ext_user_group).where(c.user_name == user, c.group_name == group)
    if not unit.execute(statement).rowcount:
        raise DirectoryError(f"user {user} is not in group {group}")


def _add(unit: Unit, kind: str, name: str, values: dict[str, Any]) -> None:
    """Insert a row unless its name is taken."""
    table, key, _ = _KINDS[kind]
    if _present(unit, kind, [name]):
        raise DirectoryError(f"{kind} {name} exists already")
    insert_first(unit.conn, table, {key.name: name, **values})


def _present(unit: Unit, kind: str, names: Collection[str]) -> set[str]:
    """Return those of the names that exist."""
    _, key, _ = _KINDS[kind]
    return set(unit.execute(select(key).where(key.in_(sorted(names)))).scalars())


def _require(unit: Unit, kind: str, names: Collection[str]) -> None:
    """Complain about the first name that does not exist."""
    missing: Sequence[str] = sorted(set(names) - _present(unit, kind, names))
    if missing:
        raise DirectoryError(f"{kind} {missing[0]} does not exist")
