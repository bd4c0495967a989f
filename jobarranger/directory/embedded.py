"""The directory kept in the server's own tables `ja_ext_host`, `ja_ext_user`, `ja_ext_group`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, select

from jobarranger.db import tables as t
from jobarranger.directory import rights
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
        c = t.ext_host.c
        rows = conn.execute(
            select(c.host_name, c.address, c.port, c.ssh_port, c.enabled).where(
                c.host_name.in_(sorted(possible))
            )
        )
        found = (_host(row) for row in rows)
        return {host.name: host for host in found if host.name in names}

    def user(self, conn: Connection, name: str) -> User | None:
        """Return the user with his groups in one statement, or None."""
        if not can_be(name, USER):
            return None
        u, m, g = t.ext_user, t.ext_user_group, t.ext_group
        rows = conn.execute(
            select(
                u.c.user_name,
                u.c.password_hash,
                u.c.user_type,
                u.c.lang,
                u.c.enabled,
                g.c.group_name,
                g.c.enabled.label("group_enabled"),
            )
            .select_from(
                u.outerjoin(m, m.c.user_name == u.c.user_name).outerjoin(
                    g, g.c.group_name == m.c.group_name
                )
            )
            .where(u.c.user_name == name)
            .order_by(g.c.group_name)
        ).all()
        rows = [row for row in rows if row.user_name == name]
        return _user(rows) if rows else None

    def verify(self, user: User, password: str) -> bool:
        """Tell whether the password is right (bcrypt: call it in a pool)."""
        return verify_password(password, user.password_hash)

    def is_enabled(self, user: User) -> bool:
        """Tell whether the user may work at all."""
        return rights.is_enabled(user)

    def may_use(self, conn: Connection, user: User, owner: str, public: bool | int) -> bool:
        """Apply the rule; asks for the owner's groups only when they matter."""
        if rights.may_use_without_groups(user, public):
            return True
        c = t.ext_user_group.c
        groups = conn.execute(select(c.group_name).where(c.user_name == owner)).scalars()
        return rights.may_use(user, set(groups), public)


def _host(row: Any) -> Host:
    """Make the record of one row."""
    return Host(
        name=row.host_name,
        address=row.address,
        port=row.port,
        ssh_port=row.ssh_port,
        enabled=bool(row.enabled),
    )


def _user(rows: Sequence[Any]) -> User:
    """Make the record of a user from one row per group (one row with NULLs: no group)."""
    first = rows[0]
    return User(
        name=first.user_name,
        password_hash=first.password_hash,
        user_type=UserType(first.user_type),
        lang=first.lang,
        enabled=bool(first.enabled),
        groups=tuple(
            Group(name=row.group_name, enabled=bool(row.group_enabled))
            for row in rows
            if row.group_name is not None
        ),
    )
