"""Begins tasks a few at a time: however many come at once, the event loop turns in between.

They begin by rank, so a crowd of one rank costs those before it a few milliseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

#: Tasks begun in one turn of the loop.
AT_ONCE = 8
RANKS = 3


class Pace(Generic[T]):
    """Belongs to the event loop."""

    def __init__(self, begin: Callable[[T], None], rank: Callable[[T], int]) -> None:
        """Have nothing to begin.

        Args:
            begin: begins a task.
            rank: 0 to `RANKS` - 1; tasks of a lower one come first.
        """
        self._begin = begin
        self._rank = rank
        self._waiting: tuple[deque[T], ...] = tuple(deque() for _ in range(RANKS))
        self._turning = False

    def __bool__(self) -> bool:
        """Return whether some have not begun."""
        return any(self._waiting)

    def add(self, tasks: Iterable[T]) -> None:
        """Begin tasks, in their order, as soon as may be."""
        for task in tasks:
            self._waiting[self._rank(task)].append(task)
        if not self._turning:
            self._turn()

    def _turn(self) -> None:
        for _ in range(AT_ONCE):
            queue = next(filter(None, self._waiting), None)
            if queue is None:
                break
            self._begin(queue.popleft())
        self._turning = bool(self)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
