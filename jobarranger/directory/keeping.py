"""Change the embedded directory: hosts, users and groups (jobarg_ctl).

Functions work inside the caller's transaction; what is not there or is there already is a
`DirectoryError`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from jobarranger.db.engine import Unit
from jobarranger.directory import rows
from jobarranger.directory.base import Host
from jobarranger.errors import DirectoryError
from jobarranger.names import GROUP, HOST, USER
from jobarranger.states import UserType

_ADDRESS = re.compile(r"[A-Za-z0-9._:%-]{1,255}\Z")
#: Characters of a name at most.
_LONGEST = {"host": HOST, "user": USER, "group": GROUP}


def check_name(kind: str, name: str) -> str:
    """Return the name of a host, user or group if it can be one."""
    longest = _LONGEST[kind]
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
    rows.change(unit.conn, "user", name, {"password_hash": password_hash})


def set_enabled(unit: Unit, kind: str, name: str, *, enabled: bool) -> None:
    """Enable or disable a host, user or group."""
    _require(unit, kind, [name])
    rows.change(unit.conn, kind, name, {"enabled": int(enabled)})


def remove(unit: Unit, kind: str, name: str) -> None:
    """Remove a host, user or group; memberships go with it."""
    _require(unit, kind, [name])
    rows.remove(unit.conn, kind, name)


def join(unit: Unit, user: str, groups: Collection[str]) -> None:
    """Add a user to groups; being in one already is no error."""
    _require(unit, "user", [user])
    _require(unit, "group", groups)
    rows.join(unit.conn, user, set(groups) - rows.groups_of(unit.conn, user))


def leave(unit: Unit, user: str, group: str) -> None:
    """Take a user out of a group."""
    if not rows.leave(unit.conn, user, group):
        raise DirectoryError(f"user {user} is not in group {group}")


def _add(unit: Unit, kind: str, name: str, values: dict[str, Any]) -> None:
    """Insert a row unless its name is taken."""
    if rows.present(unit.conn, kind, [name]):
        raise DirectoryError(f"{kind} {name} exists already")
    rows.add(unit.conn, kind, name, values)


def _require(unit: Unit, kind: str, names: Collection[str]) -> None:
    """Complain about the first name that does not exist."""
    missing: Sequence[str] = sorted(set(names) - rows.present(unit.conn, kind, names))
    if missing:
        raise DirectoryError(f"{kind} {missing[0]} does not exist")
