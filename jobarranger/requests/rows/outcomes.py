"""Outcomes that are not known: operators find them, and close them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from jobarranger.db import tables as t
from jobarranger.requests.rows.conditions import IS_RUN
from jobarranger.states import DispatchState

_D, _I = t.ext_dispatch.c, t.run_job.c


@dataclass(frozen=True, slots=True)
class UnknownOutcome:
    """A run that was sent, never answered and never reported."""

    job_id: int
    attempt: int
    method: int
    part: int
    host_name: str
    sending_at: int | None  #: UTC ms
    job_name: str  #: the icon's `job_id`
    main_id: int


_UNKNOWN = (
    select(
        _D.inner_job_id,
        _D.attempt,
        _D.method,
        _D.part,
        _D.host_name,
        _D.sending_at,
        _I.job_id,
        _D.inner_jobnet_main_id,
    )
    .join_from(t.ext_dispatch, t.run_job, _I.inner_job_id == _D.inner_job_id)
    .where(_D.state == DispatchState.UNKNOWN, IS_RUN)
    .order_by(_D.created_at, _D.attempt)
)


def unknown(conn: Connection, job_id: int | None) -> list[UnknownOutcome]:
    """Return runs of one icon, or of all, whose outcome is unknown."""
    query = _UNKNOWN if job_id is None else _UNKNOWN.where(_D.inner_job_id == job_id)
    return [UnknownOutcome(*row) for row in conn.execute(query)]


def close_unknown(conn: Connection, run: UnknownOutcome, state: DispatchState) -> bool:
    """Move a run out of UNKNOWN; tell whether it still was there."""
    statement = (
        update(t.ext_dispatch)
        .where(
            _D.inner_job_id == run.job_id,
            _D.attempt == run.attempt,
            _D.method == run.method,
            _D.part == run.part,
            _D.state == DispatchState.UNKNOWN,
        )
        .values(state=state)
    )
    return bool(conn.execute(statement).rowcount)
