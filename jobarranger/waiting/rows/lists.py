"""Read lists of runs for people, outside transactions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from jobarranger.db import tables as t
from jobarranger.states import ACTIVE_JOBNET, JobnetStatus, JobStatus, LoadStatus
from jobarranger.waiting.rows.columns import RUN, RUNS

_J, _S = t.run_jobnet.c, t.run_jobnet_summary.c


class Which(StrEnum):
    """Which runs a list is to hold."""

    ALL = "all"
    ACTIVE = "active"  #: not ended: waiting, running, in error
    FAILED = "failed"  #: in error, stopped, or not loadable


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What a list is restricted to."""

    which: Which = Which.ALL
    jobnet_id: str | None = None
    user: str | None = None  #: who started it
    most: int = 30


_LOADED = (
    select(*RUN)
    .join(t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_id)
    .where(_J.main_flag == 0)
)
#: States of the summary in which a run has not ended.
_GOING = sorted({JobnetStatus.BEGIN, JobnetStatus.READY, *ACTIVE_JOBNET})
_STARTED = _LOADED.where(or_(_S.start_time > 0, _S.status.not_in(_GOING))).order_by(
    _S.start_time.desc(), _S.inner_jobnet_id.desc()
)
_UNSTARTED = _LOADED.where(_S.start_time == 0, _S.status.in_(_GOING)).order_by(
    _S.scheduled_time, _S.inner_jobnet_id
)
_REGISTERED = RUNS.where(_S.inner_jobnet_id.is_(None), _J.status == JobnetStatus.BEGIN).order_by(
    _J.inner_jobnet_id.desc()
)
_FAILED = and_(
    or_(_S.job_status == JobStatus.ERROR, _S.load_status == LoadStatus.ERROR),
    _S.status.in_([JobnetStatus.RUN, JobnetStatus.RUNERR, JobnetStatus.ENDERR]),
)


def newest(conn: Connection, wanted: RunFilter) -> list[Any]:
    """Return runs that match: those not started yet first, then the latest started ones.

    Of those not started, of which there may be many days' worth, the next ones are taken; they get
    a third of the list, or whatever the others leave. Three statements over indexes, limited.
    """
    started, waiting = _STARTED, [_REGISTERED, _UNSTARTED]
    if wanted.which is Which.ACTIVE:
        started = started.where(_S.status.in_(_GOING))
    if wanted.which is Which.FAILED:
        started, waiting = started.where(_FAILED), [_UNSTARTED.where(_FAILED)]
    begun = conn.execute(_restricted(started, wanted)).all()
    unbegun = [row for part in waiting for row in conn.execute(_restricted(part, wanted))]
    places = max(wanted.most // 3, wanted.most - len(begun))
    unbegun = unbegun[:places]
    return [*reversed(unbegun), *begun[: wanted.most - len(unbegun)]]


def _restricted(statement: Select[Any], wanted: RunFilter) -> Select[Any]:
    if wanted.jobnet_id is not None:
        # a request has no summary; for all others an index goes by the summary's id and order
        owner = _J if statement is _REGISTERED else _S
        statement = statement.where(owner.jobnet_id == wanted.jobnet_id)
    if wanted.user is not None:
        statement = statement.where(_J.execution_user_name == wanted.user)
    return statement.limit(wanted.most)
