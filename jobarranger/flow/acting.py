"""Who operates the engine, and the trail that people's operations leave in `ja_ext_audit`."""

from __future__ import annotations

from dataclasses import dataclass

from jobarranger.db import inquiries
from jobarranger.db.engine import Unit


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, and through what."""

    user: str
    source: str = "jobarg_ctl"

    def note(self, unit: Unit, at: int, action: str, target: str, detail: str = "") -> None:
        """Note what was done at `at` (UTC ms), in the transaction that does it."""
        inquiries.add_audit(
            unit.conn,
            at=at,
            actor_user=self.user,
            actor_source=self.source,
            action=action,
            target=target[:255],
            detail=detail or None,
        )
