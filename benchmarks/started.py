"""Many runs of one jobnet, started by one client process over several connections."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.surroundings import Meter, Surroundings
from jobarranger.commands.demo_site import wait_until

CONNECTIONS = 8
#: Until all runs must have ended (seconds).
PATIENCE = 180


def run_many(
    place: Surroundings, say: Callable[[str], None], definition: str, runs: int, icons: int
) -> tuple[float, dict[str, float | str]]:
    """Run a jobnet many times, once before to warm up.

    Args:
        place: where.
        say: gets what is going on.
        definition: the jobnet as YAML.
        runs: how many.
        icons: icons of one run that count.

    Returns:
        Seconds from the first request to the end of the last run, and details.
    """
    stack = place.stack
    stack.define(definition)
    jobnet_id = definition.partition("jobnet: ")[2].partition("\n")[0]
    client = stack.client()
    first = client.start_jobnet(jobnet_id)
    stack.wait_for_end(first, PATIENCE)
    meter = Meter(place)
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda _: client.start_jobnet(jobnet_id), range(runs)))
    requested = time.perf_counter() - started
    say(f"{runs} requests in {requested:.2f} s")

    def all_ended() -> bool:
        ended = stack.ended(first + 1)
        say(f"{ended} of {runs} runs ended")
        return ended >= runs

    if not wait_until(all_ended, PATIENCE):
        raise AssertionError(f"the {runs} runs did not end within {PATIENCE} s")
    spent = time.perf_counter() - started
    times = {"requests_s": round(requested, 2), "seconds": round(spent, 2)}
    return spent, {**meter.per_icon(runs * icons), **times}
