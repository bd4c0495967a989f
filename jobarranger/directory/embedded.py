"""The directory kept in the server's own tables `ja_ext_host`, `ja_ext_user`, `ja_ext_group`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from jobarranger.directory import rights, rows
from jobarranger.directory.base import Group, Host, User
from jobarranger.directory.passwords import verify_password
from jobarranger.names import HOST, USER, can_be
from jobarranger.states import UserType


class EmbeddedDirectory:
    """Answers from the own tables; keeps nothing in memory, so a change counts at once."""

    def host(self, conn: Connection, name: str) -> Host | None:
        """Return the host called `name`, or None."""
        return self.hosts(conn, [name]).get(name)

    def hosts(self, conn: Connection, names: Collection[str]) -> dict[str, Host]:
        """Return the known ones of `names`; names are compared exactly, also on MariaDB."""
        possible = {name for name in names if can_be(name, HOST)}
        if not possible:
            return {}
        found = (_host(row) for row in rows.hosts(conn, possible))
        return {host.name: host for host in found if host.name in names}

    def user(self, conn: Connection, name: str) -> User | None:
        """Return the user with his groups in one statement, or None."""
        if not can_be(name, USER):
            return None
        found = rows.user(conn, name)
        return _user(found) if found else None

    def verify(self, user: User, password: str) -> bool:
        """Return whether the password is right (bcrypt: call it in a pool)."""
        return verify_password(password, user.password_hash)

    def is_enabled(self, user: User) -> bool:
        """Return whether the user may work at all."""
        return rights.is_enabled(user)

    def may_use(self, conn: Connection, user: User, owner: str, public: bool | int) -> bool:
        """Apply the rule; asks for the owner's groups only when they matter."""
        if rights.may_use_without_groups(user, public):
            return True
        return rights.may_use(user, rows.groups_of(conn, owner), public)


def _host(row: Any) -> Host:
    """Make the record of one row."""
    return Host(
        name=row.host_name,
        address=row.address,
        port=row.port,
        ssh_port=row.ssh_port,
        enabled=bool(row.enabled),
    )


def _user(found: Sequence[Any]) -> User:
    """Make the record of a user from one row per group (one row with NULLs: no group)."""
    first = found[0]
    return User(
        name=first.user_name,
        password_hash=first.password_hash,
        user_type=UserType(first.user_type),
        lang=first.lang,
        enabled=bool(first.enabled),
        groups=tuple(
            Group(name=row.group_name, enabled=bool(row.group_enabled))
            for row in found
            if row.group_name is not None
        ),
    )
