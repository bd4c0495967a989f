"""One of the processes that send inputs: `python -m tests.fuzz.fuzzer PLAN`.

It sends at a steady pace, whatever the answers, keeps a trace (time and number of each input), and
ends when its time is over or its standard input ends, as it does when the test is gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.choice import chosen
from tests.fuzz.inputs import Known
from tests.fuzz.speak import speak

#: Inputs of one process that may be under way; then it waits.
UNDER_WAY = 40
#: Lowest priority: honest work comes first on a machine of few cores.
NICE = 19
#: Seconds that a process may go on after its time: what it has begun comes to its end.
PATIENCE_AFTER = 30.0


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
        self._inputs: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._room = asyncio.Semaphore(UNDER_WAY)

    async def run(self, over: asyncio.Event) -> None:
        """Send until the time is over, then write the figures."""
        plan = self._plan
        began = time.monotonic()
        number = 0
        with Path(plan.trace).open("a", buffering=1) as trace:
            async with asyncio.TaskGroup() as under_way:
                while time.monotonic() < began + plan.seconds and not over.is_set():
                    await self._room.acquire()
                    trace.write(f"{time.time():.3f} {number}\n")
                    under_way.create_task(self._send(number))
                    number += 1
                    await _pause(over, began + number / plan.per_second - time.monotonic())
        Path(plan.figures).write_text(json.dumps(self.figures()))

    def figures(self) -> dict[str, dict[str, int]]:
        """Return what was sent and how it was taken, by kind."""
        return {
            "inputs": dict(self._inputs),
            "connections": dict(self._connections),
            "outcomes": dict(self._outcomes),
        }

    async def _send(self, number: int) -> None:
        plan = self._plan
        try:
            one = chosen(plan.seed, plan.process, number, plan.known)
            self._inputs[one.kind] += 1
            self._connections[one.kind] += len(one.sends)
            for outcome, count in (await speak(one, plan.known)).items():
                self._outcomes[outcome.value] += count
        finally:
            self._room.release()


async def _pause(over: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is over; let the tasks run in any case."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await over.wait()
    except TimeoutError:
        return


async def main(path: str) -> None:
    """Carry out a plan."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(0)
        over.set()

    loop.add_reader(0, end)  # nothing is ever written to us: the other end is gone
    await Fuzzer(read_plan(Path(path).read_text())).run(over)


if __name__ == "__main__":
    os.nice(NICE)
    asyncio.run(main(sys.argv[1]))
