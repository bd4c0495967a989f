"""A few places for many who wait: in turns between lanes, bounded, and left by who goes away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


class TooManyWait(Exception):
    """So many wait already that this one is not looked at."""


class Place:
    """A place that was given; it is free again when the work done in it is over."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._work: asyncio.Future[Any] | None = None

    async def wait_for(self, work: Awaitable[T]) -> T:
        """Wait for work that keeps the place also when nobody waits for it any more."""
        started = self._work = asyncio.ensure_future(work)
        return await asyncio.shield(started)

    def leave(self) -> None:
        """Give the place back, as soon as the work is over."""
        if self._work is None or self._work.done():
            self._give_back()
        else:
            self._work.add_done_callback(lambda _: self._give_back())


class Turns:
    """Gives places to lanes in turn, so that a full lane does not hold up the others."""

    def __init__(self, places: int, *, longest_lane: int, most_waiting: int) -> None:
        """Keep `places`; bound the waiting in one lane, and of all lanes together."""
        self._free = places
        self._longest_lane = longest_lane
        self._most_waiting = most_waiting
        self._lanes: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(lane) for lane in self._lanes.values())

    @asynccontextmanager
    async def place(self, lane: Hashable) -> AsyncIterator[Place]:
        """Wait for a turn of this lane.

        Raises:
            TooManyWait: this lane or all of them are full.
        """
        turn = self._queue(lane)
        try:
            await turn
        except asyncio.CancelledError:
            self._forget(lane, turn)
            raise
        place = Place(self._give_back)
        try:
            yield place
        finally:
            place.leave()

    def _queue(self, lane: Hashable) -> asyncio.Future[None]:
        """Line up; the last of the longest lane makes room for one in a shorter lane."""
        line = self._lanes.get(lane, deque())
        if len(line) >= self._longest_lane:
            raise TooManyWait
        if self.waiting >= self._most_waiting:
            longest = max(self._lanes, key=lambda one: len(self._lanes[one]))
            if len(self._lanes[longest]) <= len(line) + 1:
                raise TooManyWait
            last = self._lanes[longest].pop()
            if not last.done():  # else its waiter has just gone away
                last.set_exception(TooManyWait())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._lanes.setdefault(lane, line)
        self._next()
        return turn

    def _forget(self, lane: Hashable, turn: asyncio.Future[None]) -> None:
        """Take out one who has gone; his place, if he has just got it, goes to the next."""
        if turn.done() and not turn.cancelled():
            if turn.exception() is None:
                self._give_back()
            return
        line = self._lanes.get(lane, deque())
        with suppress(ValueError):
            line.remove(turn)
        if not line:
            self._lanes.pop(lane, None)

    def _give_back(self) -> None:
        self._free += 1
        self._next()

    def _next(self) -> None:
        while self._free and self._lanes:
            lane, line = self._lanes.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lanes[lane] = line
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
