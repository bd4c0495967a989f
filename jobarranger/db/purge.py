"""Statements that remove what is over: small sets of rows, by key, leaf tables first.

Functions take a connection inside the caller's transaction and never commit. Nothing here relies
on the cascade of foreign keys: it would remove thousands of rows in one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.db.pipeline import together
from jobarranger.loading.window import guards_over
from jobarranger.purging.limits import Limits
from jobarranger.purging.spans import PARAMETERS
from jobarranger.states import IconStatus, JobnetStatus

_J, _S, _I, _F = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c, t.run_flow.c
_IDS: Any = bindparam("ids", expanding=True)
_MOST: Any = bindparam("most")

#: `send_status` of notifications that were sent, and that were given up.
SENT, GIVEN_UP = 1, 3

#: States of a run that is not over. (Named, since an index serves them: they are few.)
_GOING = (JobnetStatus.BEGIN, JobnetStatus.READY, JobnetStatus.RUN, JobnetStatus.RUNERR)


# -- parameters ----------------------------------------------------------------------------------

_SPANS = select(t.parameter.c.parameter_name, t.parameter.c.value).where(
    t.parameter.c.parameter_name.in_(sorted(PARAMETERS.values()))
)


def parameters(conn: Connection) -> dict[str, str]:
    """Return the parameters that say how long things are kept, those that there are."""
    return {row.parameter_name: row.value for row in conn.execute(_SPANS)}


# -- runs ----------------------------------------------------------------------------------------

_AT_WORK = exists().where(
    _I.inner_jobnet_main_id == _S.inner_jobnet_id,
    _I.status.in_([IconStatus.READY, IconStatus.RUN]),
)
#: The status, hidden from the choice of an index: in a long history most runs have the same one,
#: and the way to the next few is by the time of their end.
_STATUS = _S.status + 0
#: A run that is over for long enough; one that was stopped only when none of its icons is at work.
_DUE_RUN = and_(
    _S.end_time > 0,
    _S.end_time <= bindparam("runs"),
    _S.initial_scheduled_time < bindparam("slot"),
    or_(
        _STATUS == JobnetStatus.END,
        and_(_STATUS == JobnetStatus.ENDERR, ~_AT_WORK),
    ),
)
#: Runs are looked for among so many at a time, the next ones by their end: no product sorts, or
#: looks through, all that are due to find the first of them.
_STRIDE = 500
_STRIDE_END = (
    select(_S.end_time)
    .where(_S.end_time >= bindparam("after_time"), _S.end_time <= bindparam("runs"))
    .order_by(_S.end_time)
    .offset(_STRIDE - 1)
    .limit(1)
)
_DUE_RUNS = (
    select(_S.end_time, _S.inner_jobnet_id)
    .where(
        _DUE_RUN,
        _S.end_time >= bindparam("after_time"),
        or_(_S.end_time > bindparam("after_time"), _S.inner_jobnet_id > bindparam("after")),
    )
    .order_by(_S.end_time, _S.inner_jobnet_id)
    .limit(_MOST)
)

#: A request that could not be loaded and has no summary.
_DUE_REQUEST = and_(
    _J.status == JobnetStatus.ENDERR,
    _J.main_flag == 0,
    _J.inner_jobnet_main_id == _J.inner_jobnet_id,
    _J.end_time <= bindparam("runs"),
    _J.initial_scheduled_time < bindparam("slot"),
    ~exists().where(_S.inner_jobnet_id == _J.inner_jobnet_id),
)
_DUE_REQUESTS = (
    select(_J.inner_jobnet_id)
    .where(_DUE_REQUEST, _J.inner_jobnet_id > bindparam("after"))
    .order_by(_J.inner_jobnet_id)
    .limit(_MOST)
)
_LOCK = select(_J.inner_jobnet_id).where(_J.inner_jobnet_id.in_(_IDS)).order_by(_J.inner_jobnet_id)


def due_runs(
    conn: Connection, limits: Limits, after: tuple[int, int], most: int
) -> Sequence[tuple[int, int]]:
    """Return (end time, id) of due runs after the given ones, those that ended first first."""
    after_time, number = after
    while True:
        span = {"after_time": after_time, "runs": limits.runs}
        end = conn.scalar(_STRIDE_END, span)
        until = limits.runs if end is None else end
        values = {**span, "runs": until, "slot": limits.slot, "after": number, "most": most}
        rows = conn.execute(_DUE_RUNS, values).all()
        if rows or end is None:
            return [(row[0], row[1]) for row in rows]
        after_time, number = end + 1, 0  # whatever ended up to then stays


def due_requests(conn: Connection, limits: Limits, after: int, most: int) -> list[int]:
    """Return requests that never became runs, in order of their ids."""
    values = {"runs": limits.runs, "slot": limits.slot, "after": after, "most": most}
    return list(conn.scalars(_DUE_REQUESTS, values))


#: By key alone: other conditions might tempt a product to look for the rows by those.
_ENDS = (
    select(
        _J.inner_jobnet_id,
        _J.main_flag,
        _J.inner_jobnet_main_id,
        _J.status.label("run_status"),
        _J.end_time.label("run_end"),
        _J.initial_scheduled_time.label("slot"),
        _S.status,
        _S.end_time,
        _S.initial_scheduled_time,
    )
    .outerjoin_from(t.run_jobnet, t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_id)
    .where(_J.inner_jobnet_id.in_(_IDS))
)
_BUSY = (
    select(_I.inner_jobnet_main_id)
    .where(
        _I.inner_jobnet_main_id.in_(_IDS),
        _I.status.in_([IconStatus.READY, IconStatus.RUN]),
    )
    .distinct()
)


def lock_due(unit: Unit, mains: Collection[int], limits: Limits) -> list[int]:
    """Lock main rows, ascending, except those that others hold; return those still due."""
    free = list(unit.execute(unit.lock(_LOCK, skip_locked=True), {"ids": sorted(mains)}).scalars())
    if not free:
        return []
    rows = unit.conn.execute(_ENDS, {"ids": free}).all()
    due = {row.inner_jobnet_id: row.status for row in rows if _is_over(row, limits)}
    stopped = sorted(run for run, status in due.items() if status == JobnetStatus.ENDERR)
    busy = set(unit.conn.scalars(_BUSY, {"ids": stopped})) if stopped else set()
    return sorted(due.keys() - busy)


def _is_over(row: Any, limits: Limits) -> bool:
    """Tell whether a run, or a request without a summary, has been over for long enough."""
    if row.status is None:
        is_over = (
            row.run_status == JobnetStatus.ENDERR
            and row.main_flag == 0
            and row.inner_jobnet_main_id == row.inner_jobnet_id
        )
        end, slot = row.run_end, row.slot
    else:
        is_over = row.status in {JobnetStatus.END, JobnetStatus.ENDERR} and row.end_time > 0
        end, slot = row.end_time, row.initial_scheduled_time
    return bool(is_over and end <= limits.runs and slot < limits.slot)


# -- icons and what hangs on them ------------------------------------------------------------------


def _hanging_on(parent: Table) -> list[Table]:
    """Return the tables whose rows belong to rows of `parent`, leaves first."""
    found = {parent}
    for table in t.metadata.sorted_tables:  # parents come first
        if any(key.column.table in found for key in table.foreign_keys):
            found.add(table)
    return [one for one in reversed(t.metadata.sorted_tables) if one in found - {parent}]


_BY_ICON = [
    (table, delete(table).where(table.c.inner_job_id.in_(_IDS)))
    for table in (*_hanging_on(t.run_job), t.ext_dispatch, t.ext_event, t.ext_inbox)
]
_ICONS = select(_I.inner_job_id, _I.job_type).where(_I.inner_jobnet_main_id.in_(_IDS)).limit(_MOST)
_DELETE_ICONS = delete(t.run_job).where(_I.inner_job_id.in_(_IDS))


def remove_icons(
    conn: Connection, mains: Collection[int], most: int, kinds: Mapping[Table, Collection[int]]
) -> int:
    """Remove up to `most` icons with their settings, variables, requests and events.

    Args:
        conn: the connection.
        mains: the runs.
        most: how many icons at most.
        kinds: the tables of settings, each with the types of icon that have rows there.
    """
    icons = conn.execute(_ICONS, {"ids": sorted(mains), "most": most}).all()
    if not icons:
        return 0
    ids = {"ids": sorted(row.inner_job_id for row in icons)}
    present = {row.job_type for row in icons}
    with together(conn):
        for table, statement in _BY_ICON:
            if table not in kinds or not present.isdisjoint(kinds[table]):
                conn.execute(statement, ids)
        conn.execute(_DELETE_ICONS, ids)
    return len(icons)


_ARROWS = (
    select(_F.inner_flow_id)
    .join(t.run_jobnet, _J.inner_jobnet_id == _F.inner_jobnet_id)
    .where(_J.inner_jobnet_main_id.in_(_IDS))
    .limit(_MOST)
)
_DELETE_ARROWS = delete(t.run_flow).where(_F.inner_flow_id.in_(_IDS))


def remove_arrows(conn: Connection, mains: Collection[int], most: int) -> int:
    """Remove up to `most` arrows."""
    ids = list(conn.scalars(_ARROWS, {"ids": sorted(mains), "most": most}))
    if ids:
        conn.execute(_DELETE_ARROWS, {"ids": sorted(ids)})
    return len(ids)


_SUBS = (
    select(_J.inner_jobnet_id)
    .where(_J.inner_jobnet_main_id.in_(_IDS), _J.inner_jobnet_id.not_in(_IDS))
    .limit(_MOST)
)
_OF_INSTANCES = [
    delete(table).where(table.c.inner_jobnet_id.in_(_IDS))
    for table in (t.value_before_jobnet, t.value_after_jobnet, t.run_jobnet)
]
_OF_MAINS = [
    delete(table).where(table.c.inner_jobnet_main_id.in_(_IDS))
    for table in (t.session, t.ext_dispatch, t.ext_event)
] + [delete(t.run_jobnet_summary).where(_S.inner_jobnet_id.in_(_IDS)), *_OF_INSTANCES]


def remove_subs(conn: Connection, mains: Collection[int], most: int) -> int:
    """Remove up to `most` sub-jobnets; their icons and arrows are gone."""
    ids = list(conn.scalars(_SUBS, {"ids": sorted(mains), "most": most}))
    if ids:
        with together(conn):
            for statement in _OF_INSTANCES:
                conn.execute(statement, {"ids": sorted(ids)})
    return len(ids)


def remove_mains(conn: Connection, mains: Collection[int]) -> None:
    """Remove main rows and summaries, the last trace of runs beside their log."""
    with together(conn):
        for statement in _OF_MAINS:
            conn.execute(statement, {"ids": sorted(mains)})


# -- the run log -----------------------------------------------------------------------------------

_L = t.run_log.c
_DUE_LOG = and_(
    _L.log_date <= bindparam("log"),
    ~exists().where(
        _S.inner_jobnet_id == _L.inner_jobnet_main_id,
        _S.status.in_(_GOING),
    ),
)
_LOG_END = (
    select(_L.log_date)
    .where(_L.log_date > bindparam("after"), _L.log_date <= bindparam("log"))
    .order_by(_L.log_date)
    .offset(bindparam("skipped"))
    .limit(1)
)
_DELETE_LOG = delete(t.run_log).where(_L.log_date > bindparam("after"), _DUE_LOG)


def remove_log(conn: Connection, log: int, after: int, most: int) -> tuple[int, int | None]:
    """Remove about `most` rows of the run log that are no younger than `log` (17 digits).

    Rows of runs that are not over stay, however old.

    Returns:
        how many were removed, and after which date to go on; None when that was all.
    """
    values = {"after": after, "log": log, "skipped": most - 1}
    end = conn.execute(_LOG_END, values).scalar_one_or_none()
    result = conn.execute(_DELETE_LOG, {"after": after, "log": log if end is None else end})
    return result.rowcount, end


# -- rows by key -----------------------------------------------------------------------------------

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


def _keyed(key: Any, condition: Any) -> tuple[Select[Any], Any]:
    """Return the select of due keys, and the delete that asks again whether they are due."""
    chosen = select(key).where(condition).limit(_MOST)
    return chosen, delete(key.table).where(key.in_(_IDS), condition)


_SENT = and_(_M.send_status == SENT, _M.send_date <= bindparam("messages"))
_GIVEN_UP = and_(_M.send_status == GIVEN_UP, _M.send_error_date <= bindparam("messages"))
_DUE_STARTS = and_(
    _R.at <= bindparam("leftovers"), ~exists().where(_J.inner_jobnet_id == _R.inner_jobnet_id)
)
_DUE_INBOX = and_(
    _B.received_at <= bindparam("leftovers"), ~exists().where(_I.inner_job_id == _B.inner_job_id)
)
_DUE_AUDIT = _A.at <= bindparam("audit")
_DUE_PAUSES = or_(_P.ended_at <= bindparam("pauses"), _P.until_at <= bindparam("pauses"))
#: Guards of what may still be caught up stay, however old (jobarranger.loading.window).
_DUE_GUARDS = and_(
    _G.slot_at <= bindparam("guards"),
    _G.slot_at <= select(func.min(t.ext_window.c.until_at)).scalar_subquery() + guards_over(0),
)

_KEYED = {
    "notifications": [_keyed(_M.send_no, _SENT), _keyed(_M.send_no, _GIVEN_UP)],
    "start requests": [_keyed(_R.request_id, _DUE_STARTS)],
    "kept results": [_keyed(_B.id, _DUE_INBOX)],
    "audit entries": [_keyed(_A.id, _DUE_AUDIT)],
    "pauses": [_keyed(_P.id, _DUE_PAUSES)],
    "handled starts": [_keyed(_G.inner_jobnet_id, _DUE_GUARDS)],
}
#: Kinds of rows that are removed by their keys.
KINDS = tuple(_KEYED)


def _values(limits: Limits) -> dict[str, int]:
    return {
        "messages": limits.messages,
        "audit": limits.audit,
        "leftovers": limits.leftovers,
        "pauses": limits.pauses,
        "guards": limits.guards,
    }


def due_keys(conn: Connection, kind: str, limits: Limits, most: int) -> list[tuple[int, list[Any]]]:
    """Return due keys of a kind, up to `most`, by the statement that removes them."""
    found: list[tuple[int, list[Any]]] = []
    left = most
    for number, (chosen, _) in enumerate(_KEYED[kind]):
        keys = list(conn.scalars(chosen, {**_values(limits), "most": left})) if left else []
        if keys:
            found.append((number, keys))
        left -= len(keys)
    return found


def remove_keys(conn: Connection, kind: str, number: int, keys: Sequence[Any], at: Limits) -> int:
    """Remove rows that were found by `due_keys` and are still due; return how many."""
    _, removal = _KEYED[kind][number]
    return conn.execute(removal, {**_values(at), "ids": sorted(keys)}).rowcount


# -- counting --------------------------------------------------------------------------------------


def counts(conn: Connection, limits: Limits) -> dict[str, int]:
    """Return how much of each kind is due: whole tables are looked through."""
    values = {"runs": limits.runs, "slot": limits.slot, "log": limits.log, **_values(limits)}

    def count(table: Table, condition: Any) -> int:
        query = select(func.count()).select_from(table).where(condition)
        return int(conn.execute(query, values).scalar_one())

    return {
        "runs": count(t.run_jobnet_summary, _DUE_RUN) + count(t.run_jobnet, _DUE_REQUEST),
        "log entries": count(t.run_log, _DUE_LOG),
        "notifications": count(t.send_message, or_(_SENT, _GIVEN_UP)),
        "start requests": count(t.ext_request, _DUE_STARTS),
        "kept results": count(t.ext_inbox, _DUE_INBOX),
        "audit entries": count(t.ext_audit, _DUE_AUDIT),
        "pauses": count(t.ext_pause, _DUE_PAUSES),
        "handled starts": count(t.ext_slot, _DUE_GUARDS),
    }
