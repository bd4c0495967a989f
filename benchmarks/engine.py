"""engine: 1,000 jobnets START-VALUE-END, started by one client process over 8 connections.

Icons per second (three of each run), from the first request to the end of the last run. No agent
takes part: what is measured is request, loading, flow and database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.figures import Figure
from benchmarks.jobnets import one_value
from benchmarks.limit import STARTED_JOBNET, bare_limit_ms
from benchmarks.started import run_many
from benchmarks.surroundings import Surroundings

RUNS = 1000
ICONS = 3


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    limit = ICONS * 1000 / bare_limit_ms(place.stack.db, STARTED_JOBNET)
    spent, detail = run_many(place, say, one_value("SET"), RUNS, ICONS)
    yield Figure.rate("engine", place.product, RUNS * ICONS / spent, "icons/s", limit, detail)
