"""sequence: 40 JOB icons running `true` in one jobnet; milliseconds per icon.

The time runs from the start of the first job to the end of the last, by the server's own record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from sqlalchemy import func, select

from benchmarks.figures import Figure
from benchmarks.jobnets import chain
from benchmarks.limit import JOB_ICON, bare_limit_ms
from benchmarks.surroundings import Meter, Surroundings
from jobarranger.db import tables as t
from jobarranger.states import IconEvent

JOBS = 40
ROUNDS = 5


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    stack = place.stack
    limits = [bare_limit_ms(stack.db, JOB_ICON)]
    stack.define(chain("SEQ", JOBS))
    client = stack.client()
    stack.wait_for_end(client.start_jobnet("SEQ"), 60)
    meter = Meter(place)
    times = []
    for number in range(ROUNDS):
        run_id = client.start_jobnet("SEQ")
        stack.wait_for_end(run_id, 60)
        times.append(_milliseconds(place, run_id) / JOBS)
        say(f"round {number + 1} of {ROUNDS}: {times[-1]:.2f} ms per icon")
    detail = meter.per_icon(JOBS * ROUNDS)
    limits.append(bare_limit_ms(stack.db, JOB_ICON))
    limit, value = min(limits), median(times)
    detail["rounds"] = ", ".join(f"{one:.2f}" for one in times)
    yield Figure(
        name="sequence",
        database=place.product,
        value=round(value, 2),
        unit="ms/icon",
        limit=round(limit, 2),
        ratio=round(value / limit, 2),
        detail=detail,
    )


def _milliseconds(place: Surroundings, run_id: int) -> int:
    """Return the time between the start of the first job and the end of the last."""
    event, icon = t.ext_event.c, t.run_job.c
    statement = (
        select(func.min(event.at), func.max(event.at))
        .join(t.run_job, icon.inner_job_id == event.inner_job_id)
        .where(
            event.inner_jobnet_main_id == run_id,
            icon.job_id.like("JOB-%"),
            event.event.in_([IconEvent.STARTED, IconEvent.ENDED]),
        )
    )
    first, last = place.stack.db.read(lambda conn: conn.execute(statement).one())
    return int(last) - int(first)
