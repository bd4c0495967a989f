"""Read the variables of one icon for people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, literal, select

from jobarranger.db import tables as t

_A, _B = t.run_value_after.c, t.run_value_before.c


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
