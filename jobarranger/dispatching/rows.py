"""Requests to agents (`ja_ext_dispatch`) and what is known of agents (`ja_ext_agent`).

Functions take a connection and never commit. Every update names the states it may find, so that a
result that came in between wins; how many rows it met is the caller's affair (docs/dispatch.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    insert,
    not_,
    null,
    or_,
    select,
    update,
)

from jobarranger.db import tables as t
from jobarranger.db.unique import insert_first
from jobarranger.dispatching.request import RUNS, Key, Payload, Request
from jobarranger.model.change import Change
from jobarranger.states import AgentKind, DispatchState, IconStatus, Method, MethodFlag

_D, _A, _I, _C = t.ext_dispatch.c, t.ext_agent.c, t.run_job.c, t.run_icon_job.c

#: The states in which a request is of any concern.
OPEN = (DispatchState.NEW, DispatchState.SENDING, DispatchState.ACCEPTED)

_IDS: Any = bindparam("ids", expanding=True)
_SLOTS: Any = bindparam("slots", expanding=True)
_NOW: Any = bindparam("now")
_MOST: Any = bindparam("most")

_REQUEST = (
    _D.inner_job_id,
    _D.attempt,
    _D.method,
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
)
_WITH_AGENT: Any = select(
    *_REQUEST, _A.agent_kind.label("known_kind"), _A.version.label("known_version")
).select_from(t.ext_dispatch.outerjoin(t.ext_agent, _A.host_name == _D.host_name))

#: A new one waits for its time if it has one; one in progress is only checked when its time comes.
_DUE = or_(
    and_(_D.state == DispatchState.NEW, or_(_D.next_try_at.is_(None), _D.next_try_at <= _NOW)),
    and_(_D.state == DispatchState.SENDING, _D.next_try_at <= _NOW),
)
_LIVE = _D.state.in_([DispatchState.NEW, DispatchState.SENDING])
_IS_NEW_RUN = and_(_D.state == DispatchState.NEW, _D.method.in_(sorted(RUNS)))


def _named(name: str) -> Any:
    return _D.host_name.in_(bindparam(name, expanding=True))


def _listed(condition: Any) -> Any:
    """Return a bounded query, stops and kills first, then the oldest."""
    return _WITH_AGENT.where(condition).order_by(_D.method.desc(), _D.created_at).limit(_MOST)


_DUE_OF = _WITH_AGENT.where(_D.inner_job_id.in_(_IDS), _DUE).order_by(
    _D.method.desc(), _D.created_at
)
_SWEPT: Any = and_(
    _LIVE,
    _D.slot.in_(_SLOTS),
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
_LEFT = _listed(and_(_D.state == DispatchState.SENDING, _D.slot.in_(_SLOTS)))
_SILENT = _listed(
    and_(_D.state == DispatchState.ACCEPTED, _D.slot.in_(_SLOTS), _D.next_try_at <= _NOW)
)
_ONE_EACH = _listed(
    _D.inner_job_id.in_(
        select(func.max(_D.inner_job_id))
        .where(
            _D.state == DispatchState.ACCEPTED,
            _D.slot.in_(_SLOTS),
            _D.agent_kind == AgentKind.OURS,
            _D.method.in_(sorted(RUNS)),
        )
        .group_by(_D.host_name)
    )
    & (_D.state == DispatchState.ACCEPTED)
)


def from_row(row: Row[Any]) -> Request:
    """Make the record of a row."""
    kind = row.known_kind if row.known_kind is not None else row.agent_kind
    return Request(
        job_id=row.inner_job_id,
        attempt=row.attempt,
        method=Method(row.method),
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


def due_of(conn: Connection, ids: Collection[int], now: int) -> list[Request]:
    """Return the due requests of the given icons."""
    rows = conn.execute(_DUE_OF, {"ids": sorted(ids), "now": now})
    return [from_row(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Which due requests a sweep asks for."""

    slots: Sequence[int]
    now: int  #: UTC ms
    full: Collection[str] = ()  #: hosts whose runs that were never sent are left out
    asked: Collection[str] = ()  #: hosts where what was sent is left out
    paused: Collection[str] = ()  #: hosts whose runs that were never sent are left out, too
    runs: bool = True  #: False: all runs that were never sent are left out

    def values(self) -> dict[str, object]:
        """Return the parameters of its queries."""
        hosts = {"full": sorted(self.full), "asked": sorted(self.asked)}
        hosts["paused"] = sorted(self.paused)
        return {"slots": list(self.slots), "now": self.now, "runs": int(self.runs), **hosts}


def first_due(conn: Connection, sweep: Sweep) -> list[tuple[str, int]]:
    """Return all hosts with due requests, each with one of the icons, the longest wait first."""
    return [(row[0], row[1]) for row in conn.execute(_FIRST_DUE, sweep.values())]


def due_in(conn: Connection, sweep: Sweep, *, most: int) -> list[Request]:
    """Return due requests, stops and kills first, then the oldest."""
    return [from_row(row) for row in conn.execute(_DUE_IN, {**sweep.values(), "most": most})]


def left_sending(conn: Connection, slots: Sequence[int], *, most: int) -> list[Request]:
    """Return what an earlier executor was sending when it ended, whatever its time."""
    rows = conn.execute(_LEFT, {"slots": list(slots), "most": most})
    return [from_row(row) for row in rows]


def one_accepted_each(conn: Connection, slots: Sequence[int], *, most: int) -> list[Request]:
    """Return one accepted run of each of our agents that has any."""
    rows = conn.execute(_ONE_EACH, {"slots": list(slots), "most": most})
    return [from_row(row) for row in rows]


def silent_accepted(
    conn: Connection, slots: Sequence[int], now: int, *, most: int
) -> list[Request]:
    """Return accepted runs that are to be asked after."""
    rows = conn.execute(_SILENT, {"slots": list(slots), "now": now, "most": most})
    return [from_row(row) for row in rows]


_PEERS: Any = (
    select(_D.inner_job_id, _D.attempt, _D.method, _D.state, _I.job_type, _I.job_id)
    .join_from(t.ext_dispatch, t.run_job, _I.inner_job_id == _D.inner_job_id)
    .where(_D.inner_job_id.in_(_IDS))
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another request of the same icon, as a stop needs to know it."""

    key: Key
    state: DispatchState
    job_type: int
    job_name: str  #: the icon's `job_id`


def peers(conn: Connection, ids: Collection[int]) -> list[Peer]:
    """Return all requests of the given icons in short."""
    rows = conn.execute(_PEERS, {"ids": sorted(ids)})
    return [Peer(Key(*row[:3]), DispatchState(row[3]), row[4], row[5]) for row in rows]


# -- moving -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host's agent is reached."""

    address: str
    port: int


def claim(conn: Connection, keys: Collection[Key], hosts: dict[str, Place], now: int) -> int:
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
    for (attempt, method), ids in _alike(keys).items():
        values = {**places, "attempt_": attempt, "method_": method, "ids": ids}
        moved += conn.execute(statement, values).rowcount
    return moved


_ALIKE = and_(
    _D.inner_job_id.in_(_IDS),
    _D.attempt == bindparam("attempt_"),
    _D.method == bindparam("method_"),
)


_GIVE_BACK = (
    update(t.ext_dispatch)
    .where(_ALIKE, _D.state == DispatchState.SENDING, _D.sending_at == bindparam("at_"))
    .values(state=DispatchState.NEW, sending_at=null(), next_try_at=null())
)


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
        .where(_ALIKE, _D.state == DispatchState.NEW)
        .values(
            state=DispatchState.SENDING,
            address=by_host("a"),
            port=by_host("p"),
            sending_at=_NOW,
            next_try_at=null(),
            tries=_D.tries + 1,
        )
    )


def give_back(conn: Connection, claims: Mapping[Key, int]) -> None:
    """Undo claims by their instants (`sending_at`), where they were committed."""
    for at in sorted(set(claims.values())):
        keys = [key for key, claimed_at in claims.items() if claimed_at == at]
        for (attempt, method), ids in _alike(keys).items():
            values = {"attempt_": attempt, "method_": method, "ids": ids, "at_": at}
            conn.execute(_GIVE_BACK, values)


def move(conn: Connection, changes: Iterable[tuple[Key, Change]]) -> None:
    """Write changes of requests that are still in one of the states they may come from.

    `Change.stored` is the state up to which a row may still be (NEW <= state <= stored); a row
    that is further by now is left alone.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for key, change in changes:
        values = tuple(sorted(change.values.items()))
        group = (key.attempt, key.method, change.stored, values)
        groups.setdefault(group, []).append(key.job_id)
    for (attempt, method, stored, values), ids in groups.items():
        named = {f"v_{name}": value for name, value in values}
        fixed = {"attempt_": attempt, "method_": method, "stored_": stored, "ids": sorted(ids)}
        conn.execute(_move(tuple(name for name, _ in values)), {**named, **fixed})


@lru_cache
def _move(columns: tuple[str, ...]) -> Any:
    return (
        update(t.ext_dispatch)
        .where(_ALIKE, _D.state <= bindparam("stored_"))
        .values({name: bindparam(f"v_{name}") for name in columns})
    )


def add(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert new requests."""
    conn.execute(insert(t.ext_dispatch), rows)


def _alike(keys: Collection[Key]) -> dict[tuple[int, int], list[int]]:
    """Sort keys into sets that one statement can name."""
    groups: dict[tuple[int, int], list[int]] = {}
    for key in sorted(keys):
        groups.setdefault((key.attempt, key.method), []).append(key.job_id)
    return groups


# -- agents -------------------------------------------------------------------------------------


def remember_agent(
    conn: Connection, host_name: str, kind: AgentKind, version: str | None, now: int
) -> None:
    """Keep what answered at a host.

    Raises:
        StateConflict: an executor of another server has just heard of it first: do it again.
    """
    values = {"agent_kind": kind, "version": (version or "")[:32] or None, "seen_at": now}
    known = update(t.ext_agent).where(_A.host_name == host_name).values(values)
    if conn.execute(known).rowcount == 0:
        insert_first(conn, t.ext_agent, {"host_name": host_name, **values})


def is_ours(conn: Connection, host_name: str) -> bool:
    """Return whether the agent that answered last at a host is ours."""
    kind = select(_A.agent_kind).where(_A.host_name == host_name)
    return conn.execute(kind).scalar() == AgentKind.OURS


# -- stops --------------------------------------------------------------------------------------

_RUN_IN_PROGRESS = and_(
    _D.inner_job_id == _I.inner_job_id, _D.method.in_(sorted(RUNS)), _D.state.in_(OPEN)
)
_IN_PROGRESS: Any = (
    select(
        _I.inner_job_id,
        _I.inner_jobnet_main_id,
        _I.inner_job_id_fs_link,
        _I.job_type,
        _D.attempt,
        _D.method,
        _D.slot,
        _D.host_name,
        _D.force_flag,
        _D.payload,
        _D.state,
        _C.stop_flag,
        t.run_job_command.c.command.label("stop_command"),
    )
    .join(t.ext_dispatch, _RUN_IN_PROGRESS)
    .outerjoin(t.run_icon_job, _C.inner_job_id == _I.inner_job_id)
    .outerjoin(
        t.run_job_command,
        and_(
            t.run_job_command.c.inner_job_id == _I.inner_job_id,
            t.run_job_command.c.command_cls == 2,
        ),
    )
    .where(_I.status == IconStatus.RUN)
    .order_by(_I.inner_jobnet_main_id, _I.inner_job_id, _D.attempt)
)
#: Stands for the slot of icons that have no request to an agent.
NO_SLOT = -1
_STOPPABLE = (
    select(_I.inner_job_id, _I.inner_jobnet_main_id, _I.job_type)
    .outerjoin(t.ext_dispatch, _RUN_IN_PROGRESS)
    .where(
        _I.status == IconStatus.RUN,
        _I.method_flag == MethodFlag.STOP,
        _I.job_type.in_(bindparam("kinds", expanding=True)),
        func.coalesce(_D.slot, NO_SLOT).in_(_SLOTS),
    )
    .order_by(_I.inner_jobnet_main_id, _I.inner_job_id)
    .limit(_MOST)
)
_IN_PROGRESS_OF = _IN_PROGRESS.where(_I.inner_job_id.in_(_IDS))


def stop_asked(
    conn: Connection, slots: Sequence[int], kinds: Collection[int], *, most: int
) -> Sequence[Any]:
    """Return the running icons of some kinds that a person wants stopped, by their hosts' slots.

    `NO_SLOT` among the slots asks for those that no agent has, nor is to get.
    """
    wanted = {"slots": list(slots), "kinds": sorted(kinds), "most": most}
    return conn.execute(_STOPPABLE, wanted).all()


def in_progress(conn: Connection, icons: Collection[int]) -> dict[int, Any]:
    """Return the run in progress of each of the given icons that has one with an agent."""
    rows = conn.execute(_IN_PROGRESS_OF, {"ids": sorted(icons)})
    return {row.inner_job_id: row for row in rows}


# -- outcomes that are not known ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnknownOutcome:
    """A run that was sent, never answered and never reported."""

    job_id: int
    attempt: int
    method: int
    host_name: str
    sending_at: int | None  #: UTC ms
    job_name: str  #: the icon's `job_id`
    main_id: int


_UNKNOWN = (
    select(
        _D.inner_job_id,
        _D.attempt,
        _D.method,
        _D.host_name,
        _D.sending_at,
        _I.job_id,
        _D.inner_jobnet_main_id,
    )
    .join_from(t.ext_dispatch, t.run_job, _I.inner_job_id == _D.inner_job_id)
    .where(_D.state == DispatchState.UNKNOWN, _D.method.in_(sorted(RUNS)))
    .order_by(_D.created_at, _D.attempt)
)


def unknown(conn: Connection, job_id: int | None) -> list[UnknownOutcome]:
    """Return runs of one icon, or of all, whose outcome is unknown."""
    query = _UNKNOWN if job_id is None else _UNKNOWN.where(_D.inner_job_id == job_id)
    return [UnknownOutcome(*row) for row in conn.execute(query)]


def close_unknown(conn: Connection, run: UnknownOutcome, state: DispatchState) -> bool:
    """Move a run out of UNKNOWN; return whether it still was there."""
    statement = (
        update(t.ext_dispatch)
        .where(
            _D.inner_job_id == run.job_id,
            _D.attempt == run.attempt,
            _D.method == run.method,
            _D.state == DispatchState.UNKNOWN,
        )
        .values(state=state)
    )
    return bool(conn.execute(statement).rowcount)
