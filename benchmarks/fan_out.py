"""fan-out: one jobnet in which M starts 1,000 JOB icons side by side, and W waits for them.

JOB icons per second, from the request to the end of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.figures import Figure
from benchmarks.jobnets import fan
from benchmarks.limit import JOB_ICON, bare_limit_ms
from benchmarks.started import run_many
from benchmarks.surroundings import Surroundings

JOBS = 1000


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    limit = 1000 / bare_limit_ms(place.stack.db, JOB_ICON)
    spent, detail = run_many(place, say, fan("FAN", JOBS), 1, JOBS)
    yield Figure.rate("fan-out", place.product, JOBS / spent, "job icons/s", limit, detail)
