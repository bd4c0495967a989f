"""Start jobnets because people ask for it, if they may (docs/loading.md).

What was registered is a run that names its user; so starts leave no row in `ja_ext_audit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from jobarranger.clock import Clock
from jobarranger.db.definitions import Values
from jobarranger.db.engine import Database
from jobarranger.loading.requests import Answer, IdSource, StartRequest, register
from jobarranger.operations.actor import Actor


@dataclass(frozen=True, slots=True)
class AskedStart:
    """A start request and who makes it."""

    request: StartRequest
    actor: Actor


def start(db: Database, ids: IdSource, asked: Sequence[AskedStart], clock: Clock) -> list[Answer]:
    """Register the starts in one transaction; return a number or a refusal for each, in order.

    Args:
        db: the process' database.
        ids: where registration numbers come from.
        asked: the requests; each is for the version that is in force then, if its actor may use it.
        clock: the present.

    Raises:
        DatabaseUnavailable: as of `jobarranger.loading.requests.register`.
    """
    requests = [one.request for one in asked]
    permits = [partial(_may_use, one.actor) for one in asked]
    return register(db, ids, requests, clock, permits=permits)


def _may_use(actor: Actor, conn: Connection, header: Values) -> bool:
    """Tell whether somebody may use the version of a jobnet with this header."""
    return actor.rights.may_use(conn, header["user_name"], header["public_flag"])
