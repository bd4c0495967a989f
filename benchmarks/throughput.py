"""throughput: 1,000 jobnets START-JOB-END, started by one client process over 8 connections.

JOB icons per second, from the first request to the end of the last run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.figures import Figure
from benchmarks.jobnets import chain
from benchmarks.limit import JOB_ICON, bare_limit_ms
from benchmarks.started import run_many
from benchmarks.surroundings import Surroundings

RUNS = 1000


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    limit = 1000 / bare_limit_ms(place.stack.db, JOB_ICON)
    spent, detail = run_many(place, say, chain("ONE", 1), RUNS, 1)
    yield Figure.rate("throughput", place.product, RUNS / spent, "job icons/s", limit, detail)
