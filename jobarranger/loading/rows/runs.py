"""Inserts runs with everything in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import insert

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.loading.expand import INSERT_ORDER, Rows


def insert_rows(unit: Unit, expanded: Iterable[Rows]) -> None:
    """Insert the rows of runs: parents before children, the summaries last."""
    chosen = list(expanded)
    for table in INSERT_ORDER:
        found = [row for into in chosen for row in into.get(table, ())]
        if found:
            unit.execute(insert(table), found)


def add_summaries(unit: Unit, rows: Sequence[dict[str, Any]]) -> None:
    """Insert summaries of runs."""
    unit.execute(insert(t.run_jobnet_summary), rows)
