"""throughput: 1,000 jobnets START-JOB-END, started by one client process over 8 connections.

JOB icons per second, from the first request to the end of the last run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.figures import Figure
from benchmarks.jobnets import chain
from benchmarks.limit import bare_limit_ms
from benchmarks.surroundings import Surroundings
from jobarranger.commands.demo_site import wait_until

RUNS = 1000
CONNECTIONS = 8


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    stack = place.stack
    limit = 1000 / bare_limit_ms(stack.db)
    stack.define(chain("ONE", 1))
    client = stack.client()
    client.start_jobnet("ONE")
    if not stack.wait_for_ends(1, 60):
        raise AssertionError("the first jobnet did not end within 60 s")
    before = place.cpu()
    questions = place.questions.count()
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda _: client.start_jobnet("ONE"), range(RUNS)))
    requested = time.perf_counter() - started
    say(f"{RUNS} requests in {requested:.2f} s")

    def all_ended() -> bool:
        ended = stack.ended()
        say(f"{ended - 1} of {RUNS} runs ended")
        return ended >= RUNS + 1

    if not wait_until(all_ended, 180):
        raise AssertionError(f"only {stack.ended() - 1} of {RUNS} runs ended within 180 s")
    spent = time.perf_counter() - started
    statements = place.questions.count() - questions
    after = place.cpu()
    value = RUNS / spent
    detail: dict[str, float | str] = {
        f"{name}_cpu_ms_per_icon": round((after[name] - before[name]) * 1000 / RUNS, 2)
        for name in before
    }
    if statements:
        detail["statements_per_icon"] = round(statements / RUNS, 1)
    detail |= {
        "requests_s": round(requested, 2),
        "seconds": round(spent, 2),
    }
    yield Figure(
        name="throughput",
        database=place.product,
        value=round(value, 1),
        unit="job icons/s",
        limit=round(limit, 1),
        ratio=round(limit / value, 2),
        detail=detail,
    )
