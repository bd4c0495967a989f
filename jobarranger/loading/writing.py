"""Give the rows of planned runs their ids, and insert them table by table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import insert

from jobarranger.db.engine import Unit
from jobarranger.loading.expand import INSERT_ORDER, Ids, Plan, Rows, rows
from jobarranger.loading.requests import IdSource
from jobarranger.states import Counter


def expand(ids: IdSource, plans: Sequence[Plan]) -> dict[int, Rows]:
    """Reserve the ids of a batch and stamp the rows of each run."""
    needs: dict[Counter, int] = defaultdict(int)
    for one in plans:
        for counter, count in one.needs.items():
            needs[counter] += count
    source = Ids({counter: iter(ids.take(counter, n)) for counter, n in needs.items() if n})
    expanded: dict[int, Rows] = {}
    for one in plans:
        into: Rows = defaultdict(list)
        rows(one, source, into)
        expanded[one.run["inner_jobnet_id"]] = into
    return expanded


def insert_rows(unit: Unit, expanded: Iterable[Rows]) -> None:
    """Insert the rows of runs: parents before children, the summaries last."""
    chosen = list(expanded)
    for table in INSERT_ORDER:
        found = [row for into in chosen for row in into.get(table, ())]
        if found:
            unit.execute(insert(table), found)
