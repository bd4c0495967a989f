"""Read runs for people, with everything that shows how they stand.

Read outside transactions: a picture of a moving thing, in a fixed number of statements for any
number of runs. The states of icons, of their jobnets and of the summary come from one statement,
so that they fit each other; what changes later than that only adds detail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from jobarranger.db import gates, icons
from jobarranger.db import tables as t
from jobarranger.requests.rows.conditions import IS_OPEN
from jobarranger.states import IconStatus, JobnetStatus, LoadStatus
from jobarranger.waiting.rows.columns import RUNS, SUMMARY
from jobarranger.waiting.rows.hosts import wished

#: Icons that are read at most, of all runs of one call together.
MOST_ICONS = 50_000
#: Characters of an output that are read where whole runs are shown.
OUTPUT_SHOWN = 4_000

_J, _S, _I, _F = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c, t.run_flow.c
_D, _E, _A = t.ext_dispatch.c, t.ext_event.c, t.run_value_after.c
_IDS: Any = bindparam("ids", expanding=True)


class Detail(Enum):
    """How much of the icons is read."""

    STATES = "states"  #: what says how they stand
    OUTPUT = "output"  #: also the beginning of what they printed


@dataclass(slots=True, kw_only=True)
class RunRows:
    """Everything read of one run; rows as the statements yield them."""

    run: Any
    icons: list[Any] = field(default_factory=list)
    arrows: list[Any] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    wished: list[tuple[int, str]] = field(default_factory=list)  #: (ready icon, host it will use)
    earlier: list[int] = field(default_factory=list)  #: active runs of the same jobnet
    too_large: int = 0  #: number of icons, if they are too many to be read


#: Ready icons whose hosts are looked up, and earlier runs that are named.
_LOOKED_UP = 500

_RUNS_OF = RUNS.where(_J.inner_jobnet_id.in_(_IDS))
_SIZES = (
    select(_I.inner_jobnet_main_id, func.count())
    .where(_I.inner_jobnet_main_id.in_(_IDS))
    .group_by(_I.inner_jobnet_main_id)
)
_ICONS = (
    select(
        *icons.COLUMNS,
        _J.status.label("instance_status"),
        _J.inner_job_id.label("owner_id"),
        _J.jobnet_id,
        *SUMMARY,
    )
    .join(t.run_jobnet, _J.inner_jobnet_id == _I.inner_jobnet_id)
    .outerjoin(t.run_jobnet_summary, _S.inner_jobnet_id == _I.inner_jobnet_main_id)
    .where(_I.inner_jobnet_main_id.in_(_IDS))
    .order_by(_I.inner_job_id)
)
_ARROWS = (
    select(_J.inner_jobnet_main_id, _F.start_inner_job_id, _F.end_inner_job_id, _F.flow_type)
    .join(t.run_jobnet, _J.inner_jobnet_id == _F.inner_jobnet_id)
    .where(_J.inner_jobnet_main_id.in_(_IDS))
    .order_by(_F.inner_flow_id)
)
_REQUESTS = (
    select(
        _D.inner_jobnet_main_id,
        _D.inner_job_id,
        _D.attempt,
        _D.method,
        _D.state,
        _D.host_name,
        _D.tries,
        _D.created_at,
        _D.sending_at,
        _D.accepted_at,
    )
    .where(_D.inner_jobnet_main_id.in_(_IDS), IS_OPEN)
    .order_by(_D.attempt)
)
_EVENTS = (
    select(_E.inner_jobnet_main_id, _E.inner_job_id, _E.event, func.max(_E.at).label("at"))
    .where(_E.inner_jobnet_main_id.in_(_IDS))
    .group_by(_E.inner_jobnet_main_id, _E.inner_job_id, _E.event)
)


def _outcomes(names: Sequence[str]) -> Select[Any]:
    """Build the statement that reads some variables out of the output of icons."""
    text = func.substr(_A.after_value, 1, OUTPUT_SHOWN + 1)
    return (
        select(_I.inner_jobnet_main_id, _A.inner_job_id, _A.value_name, text.label("after_value"))
        .join(t.run_job, _I.inner_job_id == _A.inner_job_id)
        .where(
            _I.inner_jobnet_main_id.in_(_IDS),
            _I.status.in_([IconStatus.END, IconStatus.RUNERR, IconStatus.ENDERR]),
            _A.value_name.in_(names),
        )
        .order_by(_A.seq_no)
    )


_OUTCOMES = {
    Detail.STATES: _outcomes(["JOB_EXIT_CD", "JOBARG_MESSAGE"]),
    Detail.OUTPUT: _outcomes(["JOB_EXIT_CD", "JOBARG_MESSAGE", "STD_OUT", "STD_ERR"]),
}


def read_runs(
    conn: Connection, numbers: Collection[int], detail: Detail = Detail.STATES
) -> dict[int, RunRows]:
    """Return runs by registry number, in that order; unknown numbers are left out.

    A run whose icons would exceed `MOST_ICONS`, together with those before it, comes without them.
    """
    ids = {"ids": list(dict.fromkeys(numbers))}
    if not ids["ids"]:
        return {}
    found = {row.inner_jobnet_id: row for row in conn.execute(_RUNS_OF, ids)}
    runs = {number: RunRows(run=found[number]) for number in ids["ids"] if number in found}
    small = _small(conn, runs)
    if small:
        _fill(conn, runs, {"ids": small}, detail)
    return runs


def _small(conn: Connection, runs: Mapping[int, RunRows]) -> list[int]:
    """Choose the runs whose icons are read; mark the others."""
    sizes = {row[0]: int(row[1]) for row in conn.execute(_SIZES, {"ids": list(runs) or [0]})}
    total, small = 0, []
    for number, run in runs.items():
        total += sizes.get(number, 0)
        if total > MOST_ICONS:
            total -= sizes[number]
            run.too_large = sizes[number]
        else:
            small.append(number)
    return small


def _fill(
    conn: Connection, runs: Mapping[int, RunRows], ids: Mapping[str, Any], detail: Detail
) -> None:
    """Read everything about the given runs."""
    parts = {
        "icons": _ICONS,
        "arrows": _ARROWS,
        "requests": _REQUESTS,
        "events": _EVENTS,
        "outcomes": _OUTCOMES[detail],
    }
    for name, statement in parts.items():
        for row in conn.execute(statement, ids):
            getattr(runs[row.inner_jobnet_main_id], name).append(row)
    for run, icon, host in wished(conn, ids["ids"], _LOOKED_UP):
        runs[run].wished.append((icon, host))
    _read_earlier(conn, runs)


def _read_earlier(conn: Connection, runs: Mapping[int, RunRows]) -> None:
    """Read which runs others wait for."""
    waiting = [
        run
        for run in runs.values()
        if run.run.load_status == LoadStatus.DELAY and run.run.summary_status == JobnetStatus.BEGIN
    ]
    if not waiting:
        return
    rows = gates.runs_at_work(conn, {run.run.jobnet_id for run in waiting}, _LOOKED_UP)
    for run in waiting:
        run.earlier += [row.inner_jobnet_id for row in rows if row.jobnet_id == run.run.jobnet_id]
