"""One of the processes that send inputs (a helper, see `helper.py`).

It sends at a steady pace, whatever the answers, keeps a trace (time and number of each input), and
writes its figures in the end.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.choice import chosen
from tests.fuzz.helper import help_out, pause
from tests.fuzz.inputs import Known
from tests.fuzz.speak import speak

#: Inputs of one process that may be under way; then it waits.
UNDER_WAY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one process is to do."""

    seed: int
    process: int
    seconds: float
    per_second: float
    known: Known
    trace: str  #: file for `TIME NUMBER` of each input
    figures: str  #: file for the figures in the end

    def to_json(self) -> str:
        """Return the plan as text."""
        return json.dumps(asdict(self))


def read_plan(text: str) -> Plan:
    """Return what `Plan.to_json` wrote."""
    fields: dict[str, Any] = json.loads(text)
    return Plan(**{**fields, "known": Known.from_json(json.dumps(fields["known"]))})


class Fuzzer:
    """Sends inputs and counts them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._trace = Path(plan.trace).open("a", buffering=1)  # noqa: SIM115 - closed in `run`
        self._counts = {name: Counter[str]() for name in ("inputs", "connections", "outcomes")}
        self._room = asyncio.Semaphore(UNDER_WAY)

    async def run(self, over: asyncio.Event) -> None:
        """Send until the time is over."""
        plan = self._plan
        began = time.monotonic()
        end = began + plan.seconds
        number = 0
        with self._trace:
            async with asyncio.TaskGroup() as under_way:
                while time.monotonic() < end and not over.is_set():
                    await self._room.acquire()
                    under_way.create_task(self._send(number))
                    number += 1
                    due = min(began + number / plan.per_second, end)
                    await pause(over, due - time.monotonic())

    def write_figures(self) -> None:
        """Write what was sent and how it was taken, by kind."""
        Path(self._plan.figures).write_text(json.dumps(self._counts))

    async def _send(self, number: int) -> None:
        plan = self._plan
        try:
            self._trace.write(f"{time.time():.3f} {number}\n")
            one = chosen(plan.seed, plan.process, number, plan.known)
            self._counts["inputs"][one.kind] += 1
            self._counts["connections"][one.kind] += len(one.sends)
            for outcome, count in (await speak(one, plan.known)).items():
                self._counts["outcomes"][outcome.value] += count
        finally:
            self._room.release()


async def work(plan: str, over: asyncio.Event) -> None:
    """Carry out a plan."""
    fuzzer = Fuzzer(read_plan(plan))
    await fuzzer.run(over)
    fuzzer.write_figures()


if __name__ == "__main__":
    help_out(work)
