"""Find requests whose time has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, not_, or_, select

from jobarranger.db import tables as t
from jobarranger.requests.request import Payload, Request
from jobarranger.requests.rows.conditions import (
    CHANNELS,
    IDS,
    IS_RUN,
    IS_SHARED,
    MOST,
    NOW,
)
from jobarranger.states import AgentKind, Channel, DispatchState, Method

_D, _A = t.ext_dispatch.c, t.ext_agent.c

_WITH_AGENT: Any = select(
    _D.inner_job_id,
    _D.attempt,
    _D.method,
    _D.part,
    _D.channel,
    _D.state,
    _D.host_name,
    _D.force_flag,
    _D.address,
    _D.port,
    _D.agent_kind,
    _D.payload,
    _D.created_at,
    _D.sending_at,
    _D.accepted_at,
    _D.next_try_at,
    _D.tries,
    _A.agent_kind.label("known_kind"),
    _A.version.label("known_version"),
).select_from(t.ext_dispatch.outerjoin(t.ext_agent, _A.host_name == _D.host_name))

#: A new one waits for its time if it has one; one in progress is looked at when its time comes.
_DUE = or_(
    and_(_D.state == DispatchState.NEW, or_(_D.next_try_at.is_(None), _D.next_try_at <= NOW)),
    and_(_D.state == DispatchState.SENDING, _D.next_try_at <= NOW),
)
_LIVE = _D.state.in_([DispatchState.NEW, DispatchState.SENDING])
_IS_NEW_RUN = and_(_D.state == DispatchState.NEW, IS_RUN)


def _named(name: str) -> Any:
    return _D.host_name.in_(bindparam(name, expanding=True))


def _listed(condition: Any) -> Any:
    """Return a bounded query, stops and kills first, then the oldest."""
    return _WITH_AGENT.where(condition).order_by(_D.method.desc(), _D.created_at).limit(MOST)


_DUE_OF = _WITH_AGENT.where(_D.inner_job_id.in_(IDS), _D.channel.in_(CHANNELS), _DUE).order_by(
    _D.method.desc(), _D.created_at
)
_SWEPT: Any = and_(
    _LIVE,
    IS_SHARED,
    _DUE,
    not_(and_(_IS_NEW_RUN, or_(_named("full"), _named("paused"), bindparam("runs") == 0))),
    not_(and_(_D.state == DispatchState.SENDING, _named("asked"))),
)
_DUE_IN = _listed(_SWEPT)
_FIRST_DUE = (
    select(_D.host_name, func.min(_D.inner_job_id))
    .where(_SWEPT)
    .group_by(_D.host_name)
    .order_by(func.min(_D.created_at))
)
_LEFT = _listed(and_(_D.state == DispatchState.SENDING, IS_SHARED))
_SILENT = _listed(and_(_D.state == DispatchState.ACCEPTED, IS_SHARED, _D.next_try_at <= NOW))
_ONE_EACH = _listed(
    _D.inner_job_id.in_(
        select(func.max(_D.inner_job_id))
        .where(
            _D.state == DispatchState.ACCEPTED,
            IS_SHARED,
            _D.agent_kind == AgentKind.OURS,
            IS_RUN,
        )
        .group_by(_D.host_name)
    )
    & (_D.state == DispatchState.ACCEPTED)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which requests one process answers for: those on its channels, to the hosts of its slots."""

    slots: Sequence[int]
    channels: Collection[Channel]

    def values(self) -> dict[str, object]:
        """Return the parameters of queries."""
        return {"slots": list(self.slots), "channels": sorted(self.channels)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Which due requests a sweep asks for."""

    share: Share
    now: int  #: UTC ms
    full: Collection[str] = ()  #: hosts whose runs that were never sent are left out
    asked: Collection[str] = ()  #: hosts where what was sent is left out
    paused: Collection[str] = ()  #: hosts whose runs that were never sent are left out, too
    runs: bool = True  #: False: all runs that were never sent are left out

    def values(self) -> dict[str, object]:
        """Return the parameters of its queries."""
        hosts = {"full": sorted(self.full), "asked": sorted(self.asked)}
        hosts["paused"] = sorted(self.paused)
        return {**self.share.values(), "now": self.now, "runs": int(self.runs), **hosts}


def due_of(
    conn: Connection, ids: Collection[int], channels: Collection[Channel], now: int
) -> list[Request]:
    """Return the due requests of the given icons on some channels."""
    wanted = {"ids": sorted(ids), "channels": sorted(channels), "now": now}
    return _requests(conn, _DUE_OF, wanted)


def first_due(conn: Connection, sweep: Sweep) -> list[tuple[str, int]]:
    """Return all hosts with due requests, each with one of the icons, the longest wait first."""
    return [(row[0], row[1]) for row in conn.execute(_FIRST_DUE, sweep.values())]


def due_in(conn: Connection, sweep: Sweep, *, most: int) -> list[Request]:
    """Return due requests, stops and kills first, then the oldest."""
    return _requests(conn, _DUE_IN, {**sweep.values(), "most": most})


def left_sending(conn: Connection, share: Share, *, most: int) -> list[Request]:
    """Return what an earlier process was sending when it ended, whatever its time."""
    return _requests(conn, _LEFT, {**share.values(), "most": most})


def one_accepted_each(conn: Connection, share: Share, *, most: int) -> list[Request]:
    """Return one accepted run of each of our agents that has any."""
    return _requests(conn, _ONE_EACH, {**share.values(), "most": most})


def silent_accepted(conn: Connection, share: Share, now: int, *, most: int) -> list[Request]:
    """Return accepted runs that are to be asked after."""
    return _requests(conn, _SILENT, {**share.values(), "now": now, "most": most})


def _requests(conn: Connection, query: Any, values: dict[str, object]) -> list[Request]:
    return [_from_row(row) for row in conn.execute(query, values)]


def _from_row(row: Row[Any]) -> Request:
    kind = row.known_kind if row.known_kind is not None else row.agent_kind
    return Request(
        job_id=row.inner_job_id,
        attempt=row.attempt,
        method=Method(row.method),
        part=row.part,
        channel=Channel(row.channel),
        state=DispatchState(row.state),
        host_name=row.host_name,
        force_flag=bool(row.force_flag),
        address=row.address,
        port=row.port,
        agent_kind=AgentKind(kind or 0),
        agent_version=row.known_version,
        payload=Payload.from_json(row.payload),
        created_at=row.created_at,
        sending_at=row.sending_at,
        accepted_at=row.accepted_at,
        next_try_at=row.next_try_at,
        tries=row.tries,
    )
