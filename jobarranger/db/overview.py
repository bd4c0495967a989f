"""Read runs for people: lists of runs, and runs with everything that tells how they stand.

Read outside transactions: a picture of a moving thing, in a fixed number of statements for any
number of runs. The states of icons, of their jobnets and of the summary come from one statement,
so that they fit each other; what changes later than that only adds detail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, literal, or_, select

from jobarranger.db import gates, icons, timelimits
from jobarranger.db import tables as t
from jobarranger.states import (
    ACTIVE_JOBNET,
    DispatchState,
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    MethodFlag,
)

#: Icons that are read at most, of all runs of one call together.
MOST_ICONS = 50_000
#: Characters of an output that are read where whole runs are shown.
OUTPUT_SHOWN = 4_000

_J, _S, _I, _F = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c, t.run_flow.c
_D, _E, _A, _B = t.ext_dispatch.c, t.ext_event.c, t.run_value_after.c, t.run_value_before.c
_IDS: Any = bindparam("ids", expanding=True)
_MOST: Any = bindparam("most")


class Which(StrEnum):
    """Which runs a list is to hold."""

    ALL = "all"
    ACTIVE = "active"  #: not ended: waiting, running, in error
    FAILED = "failed"  #: in error, stopped, or not loadable


class Detail(Enum):
    """How much of the icons is read."""

    STATES = "states"  #: what says how they stand
    OUTPUT = "output"  #: also the beginning of what they printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is restricted to."""

    which: Which = Which.ALL
    jobnet_id: str | None = None
    user: str | None = None  #: who started it
    most: int = 30


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


_SUMMARY = (
    _S.status.label("summary_status"),
    _S.job_status,
    _S.load_status,
    _S.jobnet_abort_flag,
    _S.start_pending_flag,
    _S.start_time.label("run_start_time"),
    _S.end_time.label("run_end_time"),
    _S.scheduled_time.label("run_scheduled_time"),
)
_RUN = (
    _J.inner_jobnet_id,
    _J.jobnet_id,
    _J.jobnet_name,
    _J.run_type,
    _J.multiple_start_up,
    _J.user_name,
    _J.execution_user_name,
    _J.status.label("instance_status"),
    _J.scheduled_time,
    timelimits.limit_of(t.run_jobnet).label("time_limit"),
    *_SUMMARY,
)
_RUNS = (
    select(*_RUN)
    .outerjoin(t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_id)
    .where(_J.main_flag == 0)
)
_LOADED = (
    select(*_RUN)
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
_REGISTERED = _RUNS.where(_S.inner_jobnet_id.is_(None), _J.status == JobnetStatus.BEGIN).order_by(
    _J.inner_jobnet_id.desc()
)
_FAILED = and_(
    or_(_S.job_status == JobStatus.ERROR, _S.load_status == LoadStatus.ERROR),
    _S.status.in_([JobnetStatus.RUN, JobnetStatus.RUNERR, JobnetStatus.ENDERR]),
)


def newest(conn: Connection, wanted: Filter) -> list[Any]:
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


def _restricted(statement: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.jobnet_id is not None:
        # a request has no summary; for all others an index goes by the summary's id and order
        owner = _J if statement is _REGISTERED else _S
        statement = statement.where(owner.jobnet_id == wanted.jobnet_id)
    if wanted.user is not None:
        statement = statement.where(_J.execution_user_name == wanted.user)
    return statement.limit(wanted.most)


_RUNS_OF = _RUNS.where(_J.inner_jobnet_id.in_(_IDS))
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
        *_SUMMARY,
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
    .where(_D.inner_jobnet_main_id.in_(_IDS), _D.state != DispatchState.DONE)
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


def _wish(owner: Any, flag: Any, name: Any) -> Any:
    """Build the part of `_WISHED` that yields the hosts of one kind of icon."""
    return (
        select(_I.inner_jobnet_main_id, _I.inner_job_id, flag.label("flag"), name.label("name"))
        .join(t.run_job, _I.inner_job_id == owner)
        .where(
            _I.inner_jobnet_main_id.in_(_IDS),
            _I.status == IconStatus.READY,
            _I.method_flag != MethodFlag.WAIT,
        )
    )


_WISHES = [
    _wish(table.c.inner_job_id, table.c.host_flag, table.c.host_name)
    for table in (t.run_icon_job, t.run_icon_fwait, t.run_icon_reboot)
]
_COPY = t.run_icon_fcopy.c
_WISHES += [
    _wish(_COPY.inner_job_id, _COPY.from_host_flag, _COPY.from_host_name),
    _wish(_COPY.inner_job_id, _COPY.to_host_flag, _COPY.to_host_name),
]
_WISHED = _WISHES[0].union_all(*_WISHES[1:]).limit(_MOST)
_NAMED = (
    select(_B.inner_job_id, _B.value_name, _B.before_value)
    .where(_B.inner_job_id.in_(_IDS), _B.value_name.in_(bindparam("names", expanding=True)))
    .order_by(_B.seq_no)
)
#: Ready icons whose hosts are looked up, and earlier runs that are named.
_LOOKED_UP = 500


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
    _read_wished(conn, runs, ids)
    _read_earlier(conn, runs)


def _read_wished(conn: Connection, runs: Mapping[int, RunRows], ids: Mapping[str, Any]) -> None:
    """Read which hosts the ready icons are going to use."""
    rows = conn.execute(_WISHED, {**ids, "most": _LOOKED_UP}).all()
    by_variable = {row.inner_job_id for row in rows if row.flag}
    values: dict[tuple[int, str], str] = {}
    if by_variable:
        names = sorted({row.name for row in rows if row.flag})
        for value in conn.execute(_NAMED, {"ids": sorted(by_variable), "names": names}):
            values[value.inner_job_id, value.value_name] = value.before_value
    for row in rows:
        host = values.get((row.inner_job_id, row.name)) if row.flag else row.name
        if host:
            runs[row.inner_jobnet_main_id].wished.append((row.inner_job_id, host))


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


_LOCKED = select(t.host_lock.c.lock_host_name).where(
    t.host_lock.c.lock_host_name.in_(bindparam("names", expanding=True))
)


def locked_hosts(conn: Connection, names: Collection[str]) -> set[str]:
    """Return those of the hosts that are locked."""
    if not names:
        return set()
    return set(conn.scalars(_LOCKED, {"names": sorted(names)})) & set(names)


def _variables(kind: str, table: Any, text: Any) -> Any:
    c = table.c
    return select(literal(kind).label("kind"), c.seq_no, c.value_name, text.label("value")).where(
        c.inner_job_id == bindparam("icon")
    )


_VARIABLES = _variables("input", t.run_value_before, _B.before_value).union_all(
    _variables("output", t.run_value_after, _A.after_value)
)


def variables(conn: Connection, icon: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return input and output of one icon, by name; the newest row of a name counts."""
    sides: dict[str, dict[str, str]] = {"input": {}, "output": {}}
    rows = conn.execute(_VARIABLES, {"icon": icon}).all()
    for row in sorted(rows, key=lambda row: row.seq_no):
        sides[row.kind][row.value_name] = row.value
    return (
        dict(sorted(sides["input"].items())),
        dict(sorted(sides["output"].items())),
    )
