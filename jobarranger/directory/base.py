"""What the server wants to know about hosts and people, whoever keeps it.

A directory answers on the connection it is given (inside or outside a transaction) and never
writes. Look-ups of hosts are per batch: `hosts` sends one statement for any number of names.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from jobarranger.states import UserType


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine that icons run on."""

    name: str
    address: str  #: IP address or DNS name, resolved when used
    port: int | None = None  #: of the agent; None = `JaAgentListenPort`
    ssh_port: int | None = None  #: of AGENTLESS icons; None = 22
    enabled: bool = True  #: False = icons without `force_flag` are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A user group; members of one group may use each other's jobnets."""

    name: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who may start, watch and operate jobnets."""

    name: str
    password_hash: str
    user_type: UserType = UserType.USER
    lang: str = "en_US"
    enabled: bool = True  #: the account's own switch, see `rights.is_enabled` for the whole rule
    groups: tuple[Group, ...] = ()


class Directory(Protocol):
    """Hosts, users and rights."""

    def host(self, conn: Connection, name: str) -> Host | None:
        """Return the host called `name`, or None."""

    def hosts(self, conn: Connection, names: Collection[str]) -> dict[str, Host]:
        """Return the known ones of `names`; one statement, unknown names are left out."""

    def user(self, conn: Connection, name: str) -> User | None:
        """Return the user with his groups, or None."""

    def verify(self, user: User, password: str) -> bool:
        """Return whether the password is right. Slow on purpose: call it in a pool."""

    def is_enabled(self, user: User) -> bool:
        """Return whether the user may work at all."""

    def may_use(self, conn: Connection, user: User, owner: str, public: bool | int) -> bool:
        """Return whether the user may start, watch or operate an object of `owner`."""
