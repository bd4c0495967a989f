"""Give the rows of planned runs their ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from jobarranger.loading.expand import Ids, Plan, Rows, rows
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
