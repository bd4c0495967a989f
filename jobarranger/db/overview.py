"""Read runs for people: a run with all its icons, what they printed and how they ended.

Read outside transactions: a picture of a moving thing, a few statements whatever its size.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from jobarranger.db import tables as t
from jobarranger.states import (
    IconStatus,
    JobnetStatus,
    JobStatus,
    JobType,
    LoadStatus,
    MethodFlag,
)

#: Variables that tell how an icon ended.
_OUTCOME = ("JOB_EXIT_CD", "STD_OUT", "STD_ERR", "JOBARG_MESSAGE")
#: Kinds of icon whose exit code and output are their own; others only pass on what they inherit.
_WORKING = frozenset(
    {
        JobType.JOB,
        JobType.JOBNET,
        JobType.EXTJOB,
        JobType.FCOPY,
        JobType.FWAIT,
        JobType.REBOOT,
        JobType.AGENTLESS,
        JobType.END,
    }
)
_WITH_OUTPUT = _WORKING - {JobType.JOBNET, JobType.END}
_OVER = frozenset({IconStatus.END, IconStatus.RUNERR, IconStatus.ENDERR})


@dataclass(frozen=True, slots=True, kw_only=True)
class IconView:
    """One icon of a run."""

    inner_job_id: int
    path: str  #: MAINJOBNET/JOBNETICON/.../ICON
    name: str
    type: str
    status: str
    held: bool
    start_time: int  #: 14 digits, 0 = not started
    end_time: int
    exit_code: str | None = None
    std_out: str | None = None
    std_err: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run."""

    registry: int
    jobnet_id: str
    jobnet_name: str
    status: str  #: in words, see `status_words`
    ended: bool
    in_error: bool
    run_type: int
    scheduled_time: int
    start_time: int
    end_time: int
    user: str
    icons: tuple[IconView, ...] = ()


def status_words(status: int, job_status: int, load_status: int, pending: int) -> str:
    """Return the state of a run as people call it. Pure."""
    match JobnetStatus(status):
        case JobnetStatus.BEGIN | JobnetStatus.READY:
            if pending == 1:
                return "on hold"
            return "waiting" if load_status == LoadStatus.DELAY else "scheduled"
        case JobnetStatus.RUN | JobnetStatus.RUNERR:
            if load_status == LoadStatus.DELAY:
                return "start missed"
            return {JobStatus.ERROR: "error", JobStatus.TIMEOUT: "running late"}.get(
                JobStatus(job_status), "running"
            )
        case JobnetStatus.END:
            return "skipped" if load_status == LoadStatus.SKIP else "ended"
        case JobnetStatus.ENDERR:
            return "load error" if load_status == LoadStatus.ERROR else "stopped in error"


def run_view(conn: Connection, registry: int) -> RunView | None:
    """Return a run with its icons; None if there is no such run."""
    run = _runs(conn, t.run_jobnet.c.inner_jobnet_id == registry, 1)
    if not run:
        return None
    return _run(run[0], _icons(conn, registry))


def run_list(conn: Connection, most: int, *, active: bool = False) -> list[RunView]:
    """Return the newest runs without their icons."""
    condition: Any = t.run_jobnet.c.main_flag == 0
    if active:
        condition &= t.run_jobnet_summary.c.status.in_(
            [JobnetStatus.BEGIN, JobnetStatus.READY, JobnetStatus.RUN]
        )
    return [_run(row, ()) for row in _runs(conn, condition, most)]


def _runs(conn: Connection, condition: Any, most: int) -> list[Any]:
    """Return main rows with their summaries, newest first."""
    j, s = t.run_jobnet.c, t.run_jobnet_summary.c
    begun = func.coalesce(s.start_time, 0)
    statement = (
        select(
            j.inner_jobnet_id,
            j.jobnet_id,
            j.jobnet_name,
            j.run_type,
            j.scheduled_time,
            j.execution_user_name,
            s.status,
            s.job_status,
            s.load_status,
            s.start_pending_flag,
            s.start_time,
            s.end_time,
        )
        .outerjoin(t.run_jobnet_summary, s.inner_jobnet_id == j.inner_jobnet_id)
        .where(j.main_flag == 0, condition)
        .order_by(begun.desc(), j.inner_jobnet_id.desc())
        .limit(most)
    )
    return list(conn.execute(statement))


def _run(row: Any, icons: tuple[IconView, ...]) -> RunView:
    """Make the view of a run; without a summary it is registered only."""
    loaded = row.status is not None
    words = "registered"
    if loaded:
        words = status_words(row.status, row.job_status, row.load_status, row.start_pending_flag)
    return RunView(
        registry=row.inner_jobnet_id,
        jobnet_id=row.jobnet_id,
        jobnet_name=row.jobnet_name,
        status=words,
        ended=loaded and row.status in {JobnetStatus.END, JobnetStatus.ENDERR},
        in_error=loaded
        and (row.job_status == JobStatus.ERROR or row.status == JobnetStatus.ENDERR),
        run_type=row.run_type,
        scheduled_time=row.scheduled_time,
        start_time=row.start_time or 0,
        end_time=row.end_time or 0,
        user=row.execution_user_name,
        icons=icons,
    )


def _icons(conn: Connection, registry: int) -> tuple[IconView, ...]:
    """Return the icons of a family: begun ones in order of their begin, then the others."""
    c = t.run_job.c
    rows = conn.execute(
        select(
            c.inner_job_id,
            c.inner_jobnet_id,
            c.job_id,
            c.job_name,
            c.job_type,
            c.status,
            c.method_flag,
            c.start_time,
            c.end_time,
        ).where(c.inner_jobnet_main_id == registry)
    ).all()
    paths = _paths(conn, registry, {row.inner_job_id: row for row in rows})
    over = [row.inner_job_id for row in rows if row.status in _OVER]
    outcomes = _outcomes(conn, over)
    rows = sorted(rows, key=_begin)
    return tuple(
        _icon(row, f"{paths[row.inner_jobnet_id]}/{row.job_id}", outcomes.get(row.inner_job_id, {}))
        for row in rows
    )


def _begin(row: Any) -> tuple[int, int, int, int]:
    """Return what orders icons: begin, end (running ones last), END icons after others."""
    begin, end = row.start_time or 10**17, row.end_time or 10**17
    return begin, end, int(row.job_type == JobType.END), row.inner_job_id


def _icon(row: Any, path: str, outcome: dict[str, str]) -> IconView:
    """Make the view of one icon; inherited outcomes are not its own."""
    own = row.job_type in _WITH_OUTPUT
    return IconView(
        inner_job_id=row.inner_job_id,
        path=path,
        name=row.job_name or "",
        type=JobType(row.job_type).name.lower(),
        status=IconStatus(row.status).name,
        held=row.method_flag == MethodFlag.WAIT
        and row.status in {IconStatus.BEGIN, IconStatus.READY},
        start_time=row.start_time,
        end_time=row.end_time,
        exit_code=outcome.get("JOB_EXIT_CD") if row.job_type in _WORKING else None,
        std_out=outcome.get("STD_OUT") if own else None,
        std_err=outcome.get("STD_ERR") if own else None,
        message=outcome.get("JOBARG_MESSAGE") if row.status != IconStatus.END else None,
    )


def _paths(conn: Connection, registry: int, icons: dict[int, Any]) -> dict[int, str]:
    """Return the path of each instance of a family."""
    c = t.run_jobnet.c
    rows = conn.execute(
        select(c.inner_jobnet_id, c.inner_job_id, c.jobnet_id)
        .where(c.inner_jobnet_main_id == registry)
        .order_by(c.main_flag)
    ).all()
    owners = {row.inner_jobnet_id: row for row in rows}

    def path(instance: int) -> str:
        row = owners[instance]
        if row.inner_job_id not in icons:
            return str(row.jobnet_id)
        icon = icons[row.inner_job_id]
        return f"{path(icon.inner_jobnet_id)}/{icon.job_id}"

    return {instance: path(instance) for instance in owners}


def _outcomes(conn: Connection, icons: Collection[int]) -> dict[int, dict[str, str]]:
    """Return exit code, output and message of icons; the newest row of a name counts."""
    if not icons:
        return {}
    c = t.run_value_after.c
    rows = conn.execute(
        select(c.inner_job_id, c.value_name, c.after_value)
        .where(c.inner_job_id.in_(sorted(icons)), c.value_name.in_(_OUTCOME))
        .order_by(c.seq_no)
    )
    found: dict[int, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row.inner_job_id, {})[row.value_name] = row.after_value
    return found
