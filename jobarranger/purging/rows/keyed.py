"""Removes what is found and removed by its own key: notifications, audit entries, and others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, exists, func, or_, select

from jobarranger.db import tables as t
from jobarranger.loading.window import guards_over
from jobarranger.purging.limits import PurgeLimits

_J, _I = t.run_jobnet.c, t.run_job.c
_IDS: Any = bindparam("ids", expanding=True)
_MOST: Any = bindparam("most")

#: `send_status` of notifications that were sent, and that were given up.
SENT, GIVEN_UP = 1, 3

_M, _R, _B, _A, _P, _G = (
    table.c
    for table in (
        t.send_message,
        t.ext_request,
        t.ext_inbox,
        t.ext_audit,
        t.ext_pause,
        t.ext_slot,
    )
)


_NOTES_SENT = and_(_M.send_status == SENT, _M.send_date <= bindparam("messages"))
_NOTES_GIVEN_UP = and_(_M.send_status == GIVEN_UP, _M.send_error_date <= bindparam("messages"))
_NO_RUN = ~exists().where(_J.inner_jobnet_id == _R.inner_jobnet_id)
_NO_ICON = ~exists().where(_I.inner_job_id == _B.inner_job_id)
#: Guards of what may still be caught up stay, however old (jobarranger.loading.window).
_NOT_AGAIN = _G.slot_at <= select(
    func.min(t.ext_window.c.until_at)
).scalar_subquery() + guards_over(0)

#: The key of each kind of rows, and when they are due: one statement for each condition.
DUE: dict[str, tuple[Any, Sequence[Any]]] = {
    "notifications": (_M.send_no, [_NOTES_SENT, _NOTES_GIVEN_UP]),
    "start requests": (_R.request_id, [and_(_R.at <= bindparam("leftovers"), _NO_RUN)]),
    "kept results": (_B.id, [and_(_B.received_at <= bindparam("leftovers"), _NO_ICON)]),
    "audit entries": (_A.id, [_A.at <= bindparam("audit")]),
    "pauses": (
        _P.id,
        [or_(_P.ended_at <= bindparam("pauses"), _P.until_at <= bindparam("pauses"))],
    ),
    "handled starts": (
        _G.inner_jobnet_id,
        [and_(_G.slot_at <= bindparam("guards"), _NOT_AGAIN)],
    ),
}


def _keyed(key: Any, condition: Any) -> tuple[Select[Any], Any]:
    """Return the select of due keys, and the delete that asks again whether they are due."""
    chosen = select(key).where(condition).limit(_MOST)
    return chosen, delete(key.table).where(key.in_(_IDS), condition)


_KEYED = {
    kind: [_keyed(key, condition) for condition in conditions]
    for kind, (key, conditions) in DUE.items()
}


def values(limits: PurgeLimits) -> dict[str, int]:
    """Return the parameters of the conditions in `DUE`."""
    return {
        "messages": limits.messages,
        "audit": limits.audit,
        "leftovers": limits.leftovers,
        "pauses": limits.pauses,
        "guards": limits.guards,
    }


def due_keys(
    conn: Connection, kind: str, limits: PurgeLimits, most: int
) -> list[tuple[int, list[Any]]]:
    """Return due keys of a kind, up to `most`, by the statement that removes them."""
    found: list[tuple[int, list[Any]]] = []
    left = most
    for number, (chosen, _) in enumerate(_KEYED[kind]):
        keys = list(conn.scalars(chosen, {**values(limits), "most": left})) if left else []
        if keys:
            found.append((number, keys))
        left -= len(keys)
    return found


def remove_keys(
    conn: Connection, kind: str, number: int, keys: Sequence[Any], at: PurgeLimits
) -> int:
    """Remove rows that were found by `due_keys` and are still due; return how many."""
    _, removal = _KEYED[kind][number]
    return conn.execute(removal, {**values(at), "ids": sorted(keys)}).rowcount
