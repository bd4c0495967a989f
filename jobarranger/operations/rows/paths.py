"""Finds icons by path in running jobnets, and takes the hold off them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Update, select, update

from jobarranger.db import tables as t
from jobarranger.states import JobnetStatus, MethodFlag

_s, _r, _j, _l = t.run_jobnet_summary.c, t.run_jobnet.c, t.run_job.c, t.run_icon_jobnet.c


@dataclass(frozen=True, slots=True, kw_only=True)
class IconInRun:
    """One run and the icon at the path in it."""

    main_id: int
    owner: str
    public: int
    icon_id: int | None  #: None: the path leads nowhere
    method: int | None


def targets(
    conn: Connection, jobnet_id: str, path: Sequence[str], *, number: int | None, started: str
) -> list[IconInRun]:
    """Return the running jobnets that fit, by ascending number, with their icons."""
    statement = (
        select(_s.inner_jobnet_id, _s.start_time, _s.jobnet_id, _r.user_name, _r.public_flag)
        .join(t.run_jobnet, _r.inner_jobnet_id == _s.inner_jobnet_id)
        .where(_s.jobnet_id == jobnet_id, _s.status == int(JobnetStatus.RUN))
        .order_by(_s.inner_jobnet_id)
    )
    if number is not None:
        statement = statement.where(_s.inner_jobnet_id == number)
    rows = [
        row
        for row in conn.execute(statement).all()
        if row.jobnet_id == jobnet_id and str(row.start_time).startswith(started)
    ]
    icons = icons_at(conn, [row.inner_jobnet_id for row in rows], path)
    return [
        IconInRun(
            main_id=row.inner_jobnet_id,
            owner=row.user_name,
            public=row.public_flag,
            icon_id=icons.get(row.inner_jobnet_id, (None, None))[0],
            method=icons.get(row.inner_jobnet_id, (None, None))[1],
        )
        for row in rows
    ]


def unhold(icons: Sequence[int]) -> Update:
    """Return the update that takes the hold off icons that have it."""
    return (
        update(t.run_job)
        .where(_j.inner_job_id.in_(list(icons)), _j.method_flag == int(MethodFlag.WAIT))
        .values(method_flag=int(MethodFlag.NORMAL))
    )


def icons_at(
    conn: Connection, mains: Sequence[int], path: Sequence[str]
) -> dict[int, tuple[int, int]]:
    """Return (icon id, method flag) by main run; one statement for each part of the path."""
    at = {main: main for main in mains}  #: the instance reached so far -> its main run
    for part in path[:-1]:
        if not at:
            return {}
        down = (
            select(_j.inner_jobnet_id, _j.job_id, _l.link_inner_jobnet_id)
            .join(t.run_icon_jobnet, _l.inner_job_id == _j.inner_job_id)
            .where(_j.inner_jobnet_id.in_(sorted(at)), _j.job_id == part)
        )
        at = {
            row.link_inner_jobnet_id: at[row.inner_jobnet_id]
            for row in conn.execute(down).all()
            if row.job_id == part
        }
    if not at:
        return {}
    last = select(_j.inner_jobnet_id, _j.job_id, _j.inner_job_id, _j.method_flag).where(
        _j.inner_jobnet_id.in_(sorted(at)), _j.job_id == path[-1]
    )
    return {
        at[row.inner_jobnet_id]: (row.inner_job_id, row.method_flag)
        for row in conn.execute(last).all()
        if row.job_id == path[-1]
    }
