"""Who operates the server, and the trail that people's operations leave in `ja_ext_audit`.

Every row of the trail is written here.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit

#: Characters that the columns take.
_USER, _SOURCE, _TARGET = 100, 32, 255


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, and through what."""

    user: str
    source: str = "jobarg_ctl"

    def note(self, unit: Unit, at: int, action: str, target: str, detail: str = "") -> None:
        """Note what was done at `at` (UTC ms), in the transaction that does it."""
        row = {
            "at": at,
            "actor_user": self.user[:_USER],
            "actor_source": self.source[:_SOURCE],
            "action": action,
            "target": target[:_TARGET],
            "detail": detail or None,
        }
        unit.execute(insert(t.ext_audit), [row])
