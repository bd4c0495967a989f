"""The trail that people's operations leave in `ja_ext_audit`; every row of it is written here."""

from __future__ import annotations

from sqlalchemy import insert

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit

#: Characters that the columns take.
_USER, _SOURCE, _TARGET = 100, 32, 255


def add(
    unit: Unit, *, at: int, user: str, source: str, action: str, target: str, detail: str
) -> None:
    """Note what `user` did through `source` at `at` (UTC ms), in the transaction that does it."""
    row = {
        "at": at,
        "actor_user": user[:_USER],
        "actor_source": source[:_SOURCE],
        "action": action,
        "target": target[:_TARGET],
        "detail": detail or None,
    }
    unit.execute(insert(t.ext_audit), [row])
