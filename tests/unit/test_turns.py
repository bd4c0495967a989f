"""Turns between lanes: fair, bounded, and nobody who has gone costs anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from processes.trapping.turns import TooManyWait, Turns


async def settle() -> None:
    """Let all tasks go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Bench:
    """Work that ends when the test says so."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self._ends: list[asyncio.Event] = []

    async def work(self, lane: str) -> str:
        """Wait for a turn and work until asked to end."""
        try:
            async with self.turns.place(lane):
                self.begun.append(lane)
                end = asyncio.Event()
                self._ends.append(end)
                await end.wait()
        except TooManyWait:
            return "refused"
        return "done"

    def start(self, lane: str) -> asyncio.Task[str]:
        """Start work."""
        return asyncio.create_task(self.work(lane))

    async def end_one(self) -> None:
        """End the work that began first."""
        self._ends.pop(0).set()
        await settle()


def run(scene: Callable[[Bench], object], **bounds: int) -> None:
    """Play a scene with two places."""

    async def main() -> None:
        turns = Turns(2, **({"longest_lane": 20, "most_waiting": 200} | bounds))
        await scene(Bench(turns))  # type: ignore[misc]
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await settle()
        assert turns.waiting == 0
        assert turns._free == 2

    asyncio.run(main())


def test_a_flood_holds_up_another_lane_for_one_turn() -> None:
    """A newcomer is next but one at the latest, however long the flood's line is."""

    async def scene(bench: Bench) -> None:
        flood = [bench.start("flood") for _ in range(1_000)]
        await settle()
        bench.start("other")
        await settle()
        assert bench.begun == ["flood"] * 2
        assert sum(task.done() for task in flood) == 1_000 - 22  # refused at once
        await bench.end_one()
        await bench.end_one()
        assert bench.begun.index("other") <= 3

    run(scene)


def test_who_has_gone_leaves_the_line() -> None:
    """A thousand starts, dropped at once: none of those that waited gets a place any more."""

    async def scene(bench: Bench) -> None:
        flood = [bench.start(f"lane {number % 100}") for number in range(1_000)]
        await settle()
        for task in flood:
            task.cancel()
        await settle()
        assert bench.turns.waiting == 0
        begun = len(bench.begun)
        bench.start("other")
        await settle()
        assert bench.begun[begun:] == ["other"]

    run(scene)


def test_who_has_gone_just_when_his_turn_came() -> None:
    """His place goes to the next."""

    async def scene(bench: Bench) -> None:
        for lane in ("a", "b"):
            bench.start(lane)
        await settle()
        third, _fourth = bench.start("c"), bench.start("d")
        await settle()
        bench._ends.pop(0).set()
        while bench.turns.waiting == 2:  # noqa: ASYNC110 - the loop's next step is what is meant
            await asyncio.sleep(0)
        third.cancel()
        await settle()
        assert bench.begun in (["a", "b", "d"], ["a", "b", "c", "d"])

    run(scene)


def test_a_full_house_makes_room_for_short_lanes() -> None:
    """The last of the longest lane gives way, until all lanes are as short as the newcomer's."""

    async def scene(bench: Bench) -> None:
        for lane in ("a", "b"):
            bench.start(lane)
        await settle()
        flood = [bench.start("flood") for _ in range(4)]
        await settle()
        bench.start("one")
        bench.start("two")
        bench.start("three")
        await settle()
        assert [task.done() for task in flood] == [False, True, True, True]
        late = bench.start("four")
        await settle()
        assert late.result() == "refused"
        assert bench.turns.waiting == 4

    run(scene, most_waiting=4)


def test_work_in_a_thread_keeps_its_place_when_its_asker_has_gone() -> None:
    """So there are never more checks at work than places, whoever drops connections."""

    async def main() -> None:
        turns = Turns(1, longest_lane=5, most_waiting=5)
        gate, begun = threading.Event(), []

        def check(name: str) -> None:
            begun.append(name)
            gate.wait(10)

        async def ask(name: str) -> None:
            async with turns.place(name) as place:
                await place.wait_for(asyncio.to_thread(check, name))

        first = asyncio.create_task(ask("first"))
        async with asyncio.timeout(10):
            while not begun:  # noqa: ASYNC110 - another thread's work
                await asyncio.sleep(0.01)
        first.cancel()
        second = asyncio.create_task(ask("second"))
        await settle()
        assert begun == ["first"]
        gate.set()
        await second
        assert begun == ["first", "second"]

    asyncio.run(main())


def test_room_is_made_by_one_who_has_just_gone() -> None:
    """A waiter that is cancelled in the same turn of the loop is no error for the newcomer."""

    async def scene() -> None:
        turns = Turns(0, longest_lane=5, most_waiting=3)

        async def wait(lane: str) -> None:
            async with turns.place(lane):
                raise AssertionError("there is no place")

        crowd = [asyncio.create_task(wait("crowd")) for _ in range(3)]
        await asyncio.sleep(0)
        newcomer = turns.place("other")
        queued = asyncio.create_task(newcomer.__aenter__())
        crowd[-1].cancel()  # heard of by its task after the newcomer has come
        await asyncio.sleep(0)
        assert not queued.done()
        for task in (*crowd, queued):
            task.cancel()
        await asyncio.gather(*crowd, queued, return_exceptions=True)

    asyncio.run(scene())
