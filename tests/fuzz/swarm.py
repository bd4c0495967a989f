"""The processes that send inputs, as one thing: start, wait, figures, and what was sent when."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.choice import chosen
from tests.fuzz.fuzzer import Plan
from tests.fuzz.helper import Helper
from tests.fuzz.inputs import Input, Known

PROCESSES = 8


class Swarm:
    """So many fuzzers at work."""

    def __init__(
        self, directory: Path, known: Known, *, seed: int, seconds: float, per_second: float
    ) -> None:
        """Prepare: `per_second` inputs of all processes together, for so many seconds."""
        self._plans = [
            Plan(
                seed=seed,
                process=process,
                seconds=seconds,
                per_second=per_second / PROCESSES,
                known=known,
                trace=str(directory / f"fuzzer-{process}.trace"),
                figures=str(directory / f"fuzzer-{process}.json"),
            )
            for process in range(PROCESSES)
        ]
        self._helpers = [
            Helper("tests.fuzz.fuzzer", f"fuzzer-{plan.process}", directory) for plan in self._plans
        ]

    def start(self) -> None:
        """Start the processes."""
        for helper, plan in zip(self._helpers, self._plans, strict=True):
            helper.start(plan.to_json())

    def is_at_work(self) -> bool:
        """Return whether any process still runs."""
        return any(helper.is_running() for helper in self._helpers)

    def close(self) -> None:
        """End the processes."""
        for helper in self._helpers:
            helper.give_sign()
        for helper in self._helpers:
            helper.close()

    def troubles(self) -> list[str]:
        """Return which processes failed: then less was tried than was meant."""
        return [trouble for helper in self._helpers for trouble in helper.trouble()]

    def figures(self) -> dict[str, Counter[str]]:
        """Return the figures of all processes together."""
        total: dict[str, Counter[str]] = {}
        for path in (Path(plan.figures) for plan in self._plans):
            for name, counts in json.loads(path.read_text() if path.exists() else "{}").items():
                total.setdefault(name, Counter()).update(counts)
        return total

    def sent(self) -> int:
        """Return how many inputs have been begun up to now."""
        return sum(len(_trace(plan)) for plan in self._plans)

    def suspects(self, instants: list[float], before: float, after: float) -> Iterator[Input]:
        """Give the inputs that were begun shortly before (or after) one of some instants."""
        for plan in self._plans:
            trace = _trace(plan)
            times = [at for at, _ in trace]
            places: set[int] = set()
            for at in instants:
                places.update(
                    range(bisect_left(times, at - before), bisect_right(times, at + after))
                )
            for place in sorted(places):
                yield chosen(plan.seed, plan.process, trace[place][1], plan.known)


def _trace(plan: Plan) -> list[tuple[float, int]]:
    """Return (time, number) of what a process has sent."""
    path = Path(plan.trace)
    if not path.exists():
        return []
    fields = (line.split() for line in path.read_text().splitlines())
    return [(float(pair[0]), int(pair[1])) for pair in fields if len(pair) == 2]
