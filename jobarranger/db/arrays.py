"""PostgreSQL's statements with arrays in place of lists of values. Pure.

`IN (1, 2, 3)` is another statement for each number of values, and rows of one INSERT are as many
executions. With arrays both are one statement whatever the number, which the server prepares once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

#: A list as SQLAlchemy writes it: `x IN (%(ids_1)s::BIGINT, %(ids_2)s::BIGINT)`.
_LIST = re.compile(
    r"(?P<no>NOT )?IN \(%\((?P<name>\w+)_1\)s::(?P<type>\w+)"
    r"(?:, %\((?P=name)_\d+\)s::(?P=type))*\)"
)
#: Rows to be inserted, all values being parameters with a type.
_ROW = re.compile(
    r"(?P<head>INSERT INTO \w+ \([\w, ]+\))"
    r" VALUES \((?P<values>%\(\w+\)s::\w+(?:, %\(\w+\)s::\w+)*)\)"
)
_VALUE = re.compile(r"%\((\w+)\)s::(\w+)")


def lists_as_arrays(query: str, values: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return a statement whose lists of values are arrays, and its values."""
    if "IN (%(" not in query:
        return query, values
    arrays: dict[str, list[Any]] = {}

    def as_array(found: re.Match[str]) -> str:
        name, kind = found["name"], found["type"]
        count = found[0].count(", ") + 1
        arrays[f"{name}_all"] = [values[f"{name}_{number}"] for number in range(1, count + 1)]
        comparison = "!= ALL" if found["no"] else "= ANY"
        return f"{comparison} (%({name}_all)s::{kind}[])"

    changed = _LIST.sub(as_array, query)
    return changed, {**values, **arrays}


@lru_cache(maxsize=256)
def insert_of_arrays(query: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the statement that inserts all rows at once, and the names of its arrays.

    None if the statement is not an INSERT of plain values.
    """
    found = _ROW.fullmatch(query)
    if found is None:
        return None
    columns = _VALUE.findall(found["values"])
    arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in columns)
    statement = f"{found['head']} SELECT * FROM unnest({arrays})"  # noqa: S608 - no values in it
    return statement, tuple(name for name, _ in columns)


def by_column(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as one array for each column."""
    return {name: [row[name] for row in rows] for name in names}
