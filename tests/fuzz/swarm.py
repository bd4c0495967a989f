"""The processes that send inputs, as one thing: start, wait, figures, and what was sent when."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.choice import chosen
from tests.fuzz.fuzzer import PATIENCE_AFTER, Plan
from tests.fuzz.inputs import Input, Known

PROCESSES = 8


class Swarm:
    """So many fuzzers at work."""

    def __init__(
        self, directory: Path, known: Known, *, seed: int, seconds: float, per_second: float
    ) -> None:
        """Prepare: `per_second` inputs of all processes together, for so many seconds."""
        self._known, self._seed = known, seed
        self._directory = directory
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
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the processes."""
        for plan in self._plans:
            path = self._directory / f"fuzzer-{plan.process}.plan"
            path.write_text(plan.to_json())
            with (self._directory / f"fuzzer-{plan.process}.out").open("ab") as output:
                self._running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "tests.fuzz.fuzzer", str(path)],
                        stdin=subprocess.PIPE,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )

    def is_at_work(self) -> bool:
        """Tell whether any process still runs."""
        return any(process.poll() is None for process in self._running)

    def close(self) -> None:
        """End the processes."""
        for process in self._running:
            assert process.stdin is not None
            process.stdin.close()
        until = time.monotonic() + PATIENCE_AFTER
        for process in self._running:
            try:
                process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def troubles(self) -> list[str]:
        """Return which processes failed: then less was tried than was meant."""
        return [
            f"fuzzer {number} ended with {process.returncode}: {self._last_words(number)}"
            for number, process in enumerate(self._running)
            if process.returncode
        ]

    def figures(self) -> dict[str, Counter[str]]:
        """Return the figures of all processes together."""
        total: dict[str, Counter[str]] = {}
        for plan in self._plans:
            path = Path(plan.figures)
            for name, counts in json.loads(path.read_text() if path.exists() else "{}").items():
                total.setdefault(name, Counter()).update(counts)
        return total

    def sent(self) -> int:
        """Return how many inputs have been begun up to now."""
        return sum(len(_trace(Path(plan.trace))) for plan in self._plans)

    def suspects(self, instants: list[float], before: float, after: float) -> Iterator[Input]:
        """Give the inputs that were begun shortly before (or after) one of some instants."""
        for plan in self._plans:
            trace = _trace(Path(plan.trace))
            times = [at for at, _ in trace]
            numbers: set[int] = set()
            for instant in instants:
                start, end = bisect_left(times, instant - before), bisect_right(times, instant + after)
                numbers.update(number for _, number in trace[start:end])
            for number in sorted(numbers):
                yield chosen(self._seed, plan.process, number, self._known)

    def _last_words(self, number: int) -> str:
        text = (self._directory / f"fuzzer-{number}.out").read_text(errors="replace")
        return " | ".join(text.splitlines()[-3:])


def _trace(path: Path) -> list[tuple[float, int]]:
    """Return (time, number) of what a process has sent."""
    if not path.exists():
        return []
    fields = (line.split() for line in path.read_text().splitlines())
    return [(float(pair[0]), int(pair[1])) for pair in fields if len(pair) == 2]
