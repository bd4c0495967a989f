"""Who does something, through what and why, and what he may use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from sqlalchemy import Connection

from jobarranger.db import audit
from jobarranger.db.engine import Unit
from jobarranger.directory import Directory, User
from jobarranger.states import UserType


class Rights(Protocol):
    """What somebody may use."""

    @property
    def cover_all(self) -> bool:
        """Tell whether he may use everything, whoever owns it."""

    def may_use(self, conn: Connection, owner: str, public: int) -> bool:
        """Tell whether he may use an object of this owner and with this public flag."""


class AllRights:
    """Those of whoever may read the server's configuration."""

    cover_all = True

    def may_use(self, conn: Connection, owner: str, public: int) -> bool:
        """Say yes."""
        del conn, owner, public
        return True


@dataclass(frozen=True, slots=True)
class UserRights:
    """Those that the directory gives a user (docs/directory.md)."""

    directory: Directory
    user: User

    @property
    def cover_all(self) -> bool:
        """Tell whether he is a super administrator."""
        return self.user.user_type is UserType.SUPER

    def may_use(self, conn: Connection, owner: str, public: int) -> bool:
        """Ask the directory."""
        return self.directory.may_use(conn, self.user, owner, public)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does it, through what, and why."""

    name: str
    source: str  #: the command or client
    rights: Rights
    reason: str = ""  #: what he says why; noted with the operation

    @classmethod
    def trusted(cls, name: str, source: str = "jobarg_ctl") -> Self:
        """Return somebody who may do everything: he can read the server's configuration."""
        return cls(name=name, source=source, rights=AllRights())

    @classmethod
    def user(cls, user: User, directory: Directory, source: str) -> Self:
        """Return a user who has shown who he is, with the rights that the directory gives him."""
        return cls(name=user.name, source=source, rights=UserRights(directory, user))

    def because(self, reason: str) -> Self:
        """Return the same actor with a reason."""
        return replace(self, reason=reason.strip())

    def if_usable(self, conn: Connection, found: Any | None) -> Any | None:
        """Return the row of a run, or None if he may not use it: it is as if it were not there.

        Args:
            conn: inside the transaction that operates.
            found: a row with the run's `user_name` and `public_flag`.
        """
        if found is None or self.rights.may_use(conn, found.user_name, found.public_flag):
            return found
        return None

    def note(self, unit: Unit, at: int, action: str, target: str, detail: str = "") -> None:
        """Note what was done at `at` (UTC ms), in the transaction that does it."""
        said = ": ".join(text for text in (detail, self.reason) if text)
        audit.add(
            unit,
            at=at,
            user=self.name,
            source=self.source,
            action=action,
            target=target,
            detail=said,
        )
