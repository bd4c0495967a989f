"""Claim new requests for sending, and give claims back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, case, null, update

from jobarranger.db import tables as t
from jobarranger.requests.request import Key, alike
from jobarranger.requests.rows.conditions import IS_ALIKE, NOW
from jobarranger.states import DispatchState

_D = t.ext_dispatch.c


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where a host's agent is reached."""

    address: str
    port: int


def claim(
    conn: Connection, keys: Collection[Key], hosts: Mapping[str, AgentAddress], now: int
) -> int:
    """Move new requests to SENDING with the addresses of their hosts; return how many moved."""
    moved = 0
    places: dict[str, object] = {"now": now}
    named = sorted(hosts.items())
    size = 1 << (len(named) - 1).bit_length()  # few sizes: each is a statement of its own
    for number, (name, place) in enumerate(named + named[-1:] * (size - len(named))):
        places |= {f"a{number}": place.address, f"p{number}": place.port}
        if size > 1:
            places[f"h{number}"] = name
    statement = _claim(size)
    for common, ids in alike(keys):
        moved += conn.execute(statement, {**places, **common, "ids": ids}).rowcount
    return moved


@lru_cache
def _claim(hosts: int) -> Any:
    """Return the claim of requests to so many hosts; building it costs more than sending it."""

    def by_host(letter: str) -> Any:
        if hosts == 1:
            return bindparam(f"{letter}0")
        whens: Any = [
            (_D.host_name == bindparam(f"h{n}"), bindparam(f"{letter}{n}")) for n in range(hosts)
        ]
        return case(*whens)

    return (
        update(t.ext_dispatch)
        .where(IS_ALIKE, _D.state == DispatchState.NEW)
        .values(
            state=DispatchState.SENDING,
            address=by_host("a"),
            port=by_host("p"),
            sending_at=NOW,
            next_try_at=null(),
            tries=_D.tries + 1,
        )
    )


_GIVE_BACK = (
    update(t.ext_dispatch)
    .where(IS_ALIKE, _D.state == DispatchState.SENDING, _D.sending_at == bindparam("at_"))
    .values(state=DispatchState.NEW, sending_at=null(), next_try_at=null())
)


def give_back(conn: Connection, claims: Mapping[Key, int]) -> None:
    """Undo claims by their instants (`sending_at`), where they were committed."""
    for at in sorted(set(claims.values())):
        keys = [key for key, claimed_at in claims.items() if claimed_at == at]
        for common, ids in alike(keys):
            conn.execute(_GIVE_BACK, {**common, "ids": ids, "at_": at})
