"""idle: what the whole process tree costs while nothing happens, also beside 100 failed runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sqlalchemy import func, select

from benchmarks.figures import Figure, cpu_seconds, pss_bytes
from benchmarks.jobnets import chain
from benchmarks.surroundings import Surroundings
from jobarranger.commands.demo_site import wait_until
from jobarranger.db import tables as t
from jobarranger.states import JobnetStatus

FAILED_RUNS = 100
SECONDS = 20.0
#: Seconds to settle before the measurement.
CALM = 3.0


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    say("settling")
    time.sleep(CALM)
    yield from _measure(place, "idle", say)
    place.stack.define(chain("BAD", 1, command="exit 1", stop_code="1"))
    client = place.stack.client()
    for number in range(FAILED_RUNS):
        client.start_jobnet("BAD")
        say(f"{number + 1} of {FAILED_RUNS} failing runs started")
    column = t.run_jobnet.c
    query = select(func.count()).where(column.status == JobnetStatus.RUNERR)
    if not wait_until(
        lambda: place.stack.db.read(lambda conn: conn.scalar(query)) == FAILED_RUNS, 60
    ):
        raise AssertionError("the runs did not fail as they should")
    time.sleep(CALM)
    yield from _measure(place, "idle_with_failed_runs", say)


def _measure(place: Surroundings, name: str, say: Callable[[str], None]) -> Iterator[Figure]:
    """Watch the process tree for a while."""
    stack = place.stack
    families = place.processes()
    tree, agent = families["server"], families["agent"]
    questions = place.questions.count()
    cpu, agent_cpu = cpu_seconds(tree), cpu_seconds(agent)
    counted = stack.db.statements
    started = time.perf_counter()
    while (left := SECONDS - (time.perf_counter() - started)) > 0:
        say(f"{name}: {left:.0f} s left")
        time.sleep(min(1.0, left))
    spent = time.perf_counter() - started
    used = (cpu_seconds(tree) - cpu) / spent * 100
    asked = place.questions.count() - questions - 1 - (stack.db.statements - counted)
    agent_used = (cpu_seconds(agent) - agent_cpu) / spent * 100
    figures = [
        ("cpu", round(used, 2), "% of one core"),
        ("pss", round(pss_bytes(tree) / 1e6, 1), "MB"),
        ("agent_cpu", round(agent_used, 2), "% of one core"),
        ("agent_pss", round(pss_bytes(agent) / 1e6, 1), "MB"),
    ]
    if place.product == "mariadb":
        figures.append(("questions", round(asked / spent, 2), "statements/s"))
    for what, value, unit in figures:
        yield Figure(name=f"{name}_{what}", database=place.product, value=value, unit=unit)
