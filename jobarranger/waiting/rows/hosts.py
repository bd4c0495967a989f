"""Read which hosts ready icons are going to use, and which hosts are locked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select

from jobarranger.db import tables as t
from jobarranger.states import IconStatus, MethodFlag

_I, _B = t.run_job.c, t.run_value_before.c
_IDS: Any = bindparam("ids", expanding=True)
_MOST: Any = bindparam("most")


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


def wished(conn: Connection, mains: Collection[int], most: int) -> list[tuple[int, int, str]]:
    """Return (main run, ready icon, host that it will use), `most` of them."""
    rows = conn.execute(_WISHED, {"ids": list(mains), "most": most}).all()
    by_variable = {row.inner_job_id for row in rows if row.flag}
    values: dict[tuple[int, str], str] = {}
    if by_variable:
        names = sorted({row.name for row in rows if row.flag})
        for value in conn.execute(_NAMED, {"ids": sorted(by_variable), "names": names}):
            values[value.inner_job_id, value.value_name] = value.before_value
    found = []
    for row in rows:
        host = values.get((row.inner_job_id, row.name)) if row.flag else row.name
        if host:
            found.append((row.inner_jobnet_main_id, row.inner_job_id, host))
    return found


_LOCKED = select(t.host_lock.c.lock_host_name).where(
    t.host_lock.c.lock_host_name.in_(bindparam("names", expanding=True))
)


def locked_hosts(conn: Connection, names: Collection[str]) -> set[str]:
    """Return those of the hosts that are locked."""
    if not names:
        return set()
    return set(conn.scalars(_LOCKED, {"names": sorted(names)})) & set(names)
