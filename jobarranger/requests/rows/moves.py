"""Write new requests, and move them on from state to state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, bindparam, insert, null, update

from jobarranger.db import tables as t
from jobarranger.db.pipeline import check_count
from jobarranger.errors import StateConflict
from jobarranger.model.change import Change
from jobarranger.requests.request import Key, alike
from jobarranger.requests.rows.conditions import IDS, IS_ALIKE, IS_OPEN
from jobarranger.states import DispatchState

_D = t.ext_dispatch.c


def add(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert new requests."""
    conn.execute(insert(t.ext_dispatch), rows)


def move(conn: Connection, changes: Iterable[tuple[Key, Change]]) -> None:
    """Write changes of requests that are still in one of the states they may come from.

    `Change.stored` is the state up to which a row may still be (NEW <= state <= stored); a row
    that is further by now is left alone.
    """
    groups: dict[tuple[Any, ...], list[Key]] = {}
    for key, change in changes:
        group = change.stored, tuple(sorted(change.values.items()))
        groups.setdefault(group, []).append(key)
    for (stored, values), keys in groups.items():
        statement = _move(tuple(name for name, _ in values))
        fixed = {"stored_": stored, **{f"v_{name}": value for name, value in values}}
        for common, ids in alike(keys):
            conn.execute(statement, {**fixed, **common, "ids": ids})


@lru_cache
def _move(columns: tuple[str, ...]) -> Any:
    return (
        update(t.ext_dispatch)
        .where(IS_ALIKE, _D.state <= bindparam("stored_"))
        .values({name: bindparam(f"v_{name}") for name in columns})
    )


_FINISH = (
    update(t.ext_dispatch)
    .where(_D.inner_job_id.in_(IDS), _D.attempt == bindparam("of_attempt"), IS_OPEN)
    .values(state=bindparam("to_state"), result_at=bindparam("at"), warn_at=null())
)


def finish(
    conn: Connection,
    attempts: Mapping[int, int],
    at: int,
    state: DispatchState = DispatchState.DONE,
) -> None:
    """Close the open requests (runs, stops, kills) of icons, each of one attempt.

    Raises:
        StateConflict: an attempt has no open request any more.
    """
    groups: dict[int, list[int]] = {}
    for icon, attempt in attempts.items():
        groups.setdefault(attempt, []).append(icon)
    for attempt, icons in groups.items():
        parameters = {"ids": sorted(icons), "of_attempt": attempt, "to_state": state, "at": at}
        check_count(conn, conn.execute(_FINISH, parameters), partial(_all_open, len(icons)))


def _all_open(count: int, met: int) -> None:
    """Complain if fewer requests were closed than there are attempts."""
    if met < count:
        raise StateConflict(f"{met} of {count} requests to agents were still open")
