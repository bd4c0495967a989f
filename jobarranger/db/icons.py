"""Icons of running jobnets, their arrows and their settings.

Functions take a connection inside the caller's transaction and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    literal,
    null,
    or_,
    select,
)

from jobarranger.db import query_plans
from jobarranger.db import tables as t
from jobarranger.db.guarded import apply_changes
from jobarranger.model.change import Change
from jobarranger.states import IconStatus

_I, _F = t.run_job.c, t.run_flow.c
_IDS: Any = bindparam("ids", expanding=True)
_KINDS: Any = bindparam("kinds", expanding=True)

#: Of an icon as the engine and views work with it.
COLUMNS = (
    _I.inner_job_id,
    _I.inner_jobnet_id,
    _I.inner_jobnet_main_id,
    _I.job_type,
    _I.test_flag,
    _I.method_flag,
    _I.force_flag,
    _I.timeout_flag,
    _I.status,
    _I.boot_count,
    _I.end_count,
    _I.start_time,
    _I.end_time,
    _I.job_id,
    _I.job_name,
    _I.continue_flag,
)
_LOCK = (
    select(*COLUMNS).where(_I.inner_job_id.in_(_IDS)).order_by(_I.inner_job_id).with_for_update()
)
_LOCK_STARTS = query_plans.icons(
    select(*COLUMNS)
    .where(_I.inner_jobnet_id.in_(_IDS), _I.job_type.in_(_KINDS))
    .order_by(_I.inner_job_id)
    .with_for_update(),
    query_plans.OF_INSTANCE,
)
_LOCK_ACTIVE = query_plans.icons(
    select(*COLUMNS)
    .where(
        _I.inner_jobnet_main_id.in_(_IDS),
        or_(
            _I.status.in_([IconStatus.READY, IconStatus.RUN]),
            and_(_I.job_type.in_(_KINDS), _I.status == IconStatus.RUNERR),
        ),
    )
    .order_by(_I.inner_job_id)
    .with_for_update(),
    query_plans.OF_RUN,
)
_ARROWS = (
    select(_F.start_inner_job_id.label("arrow_from"), _F.flow_type.label("arrow_type"), *COLUMNS)
    .join(t.run_job, _I.inner_job_id == _F.end_inner_job_id)
    .where(_F.start_inner_job_id.in_(_IDS))
    .order_by(_I.inner_job_id)
    .with_for_update(of=t.run_job)
)


def lock(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Lock icons in ascending order and return them."""
    return conn.execute(_LOCK, {"ids": sorted(ids)}).all()


def lock_starts(
    conn: Connection, instances: Collection[int], kinds: Collection[int]
) -> Sequence[Any]:
    """Lock the icons of instances that begin them, which are of some types, and return them."""
    return conn.execute(_LOCK_STARTS, {"ids": sorted(instances), "kinds": sorted(kinds)}).all()


def lock_active(conn: Connection, mains: Collection[int], nets: Collection[int]) -> Sequence[Any]:
    """Lock what the stop of a whole family changes.

    Icons ready or running, and failed ones of the types `nets`, which contain a jobnet.
    """
    return conn.execute(_LOCK_ACTIVE, {"ids": sorted(mains), "kinds": sorted(nets)}).all()


def lock_arrows(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Lock the icons that arrows lead to from the given icons.

    Each row is an icon, with `arrow_from` (the icon the arrow leaves) and `arrow_type`.
    """
    return conn.execute(_ARROWS, {"ids": sorted(ids)}).all()


def write(conn: Connection, changes: Iterable[Change]) -> None:
    """Write icon rows, each guarded by the status it was read with."""
    apply_changes(conn, t.run_job, _I.inner_job_id, _I.status, changes)


_SUB = select(t.run_icon_jobnet.c.inner_job_id, t.run_icon_jobnet.c.link_inner_jobnet_id).where(
    t.run_icon_jobnet.c.inner_job_id.in_(_IDS)
)
_C = t.run_icon_job.c
_OWN, _CHOSEN = t.run_value_job.c, t.run_value_jobcon.c


def _wanted(owner: Any, name: Any, value: Any) -> Any:
    """Build the part of `_JOB` that yields one kind of variable."""
    nothing: tuple[Any, ...] = (literal(0), literal(""), literal(0), literal(""), literal(""))
    return select(owner, *nothing, null(), name, value).where(owner.in_(_IDS))


#: Settings, then variables, as rows of one shape. A join with the variables would make MariaDB
#: build a table for each call, which costs more than all the rest.
_JOB = (
    select(
        _C.inner_job_id,
        _C.host_flag,
        _C.host_name,
        _C.timeout,
        _I.run_user,
        _I.run_user_password,
        t.run_job_command.c.command,
        null().label("wanted_name"),
        null().label("wanted_value"),
    )
    .join(t.run_job, _I.inner_job_id == _C.inner_job_id)
    .outerjoin(
        t.run_job_command,
        (t.run_job_command.c.inner_job_id == _C.inner_job_id)
        & (t.run_job_command.c.command_cls == _C.command_type),
    )
    .where(_C.inner_job_id.in_(_IDS))
    .union_all(
        _wanted(_OWN.inner_job_id, _OWN.value_name, _OWN.value),
        _wanted(_CHOSEN.inner_job_id, _CHOSEN.value_name, null()),
    )
)


def settings(conn: Connection, table: Table, ids: Collection[int]) -> Sequence[Any]:
    """Return the rows of icons in a table of settings."""
    return conn.execute(_settings(table), {"ids": sorted(ids)}).all()


@cache
def _settings(table: Table) -> Select[Any]:
    return select(table).where(table.c.inner_job_id.in_(_IDS))


def sub_jobnets(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the instance that stands behind each JOBNET icon."""
    return {row[0]: row[1] for row in conn.execute(_SUB, {"ids": sorted(ids)})}


def job_settings(conn: Connection, ids: Collection[int]) -> list[Any]:
    """Return the settings of JOB icons, with the command that is to run (None: missing).

    An icon's settings come first (`wanted_name` None), then a row for each variable it wants in
    its environment, by name: `wanted_value` is None for a controller variable.
    """
    rows = conn.execute(_JOB, {"ids": sorted(ids)}).all()
    return sorted(rows, key=lambda row: (row.inner_job_id, row.wanted_name or ""))


_ARROWS_OF = (
    select(_F.start_inner_job_id, _F.end_inner_job_id, _F.flow_type)
    .where(_F.inner_jobnet_id == bindparam("instance"))
    .order_by(_F.inner_flow_id)
)
_LOCK_USED = query_plans.icons(
    select(*COLUMNS)
    .where(
        _I.inner_jobnet_id == bindparam("instance"),
        or_(_I.status != IconStatus.BEGIN, _I.end_count != 0),
    )
    .order_by(_I.inner_job_id)
    .with_for_update(),
    query_plans.OF_INSTANCE,
)
_LOCK_ENDED = query_plans.icons(
    select(*COLUMNS)
    .where(
        _I.inner_jobnet_id.in_(_IDS),
        _I.job_type.in_(_KINDS),
        _I.status == IconStatus.END,
    )
    .order_by(_I.end_time, _I.inner_job_id)
    .with_for_update(),
    query_plans.OF_INSTANCE,
)


def arrows(conn: Connection, instance_id: int) -> Sequence[Any]:
    """Return all arrows of an instance."""
    return conn.execute(_ARROWS_OF, {"instance": instance_id}).all()


def lock_used(conn: Connection, instance_id: int) -> Sequence[Any]:
    """Lock the icons of an instance that an arrow has reached, and return them."""
    return conn.execute(_LOCK_USED, {"instance": instance_id}).all()


def lock_ended(
    conn: Connection, instances: Collection[int], ends: Collection[int]
) -> Sequence[Any]:
    """Lock the finished icons of instances of types that end them; the last one comes last."""
    return conn.execute(_LOCK_ENDED, {"ids": sorted(instances), "kinds": sorted(ends)}).all()
