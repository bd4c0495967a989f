"""Trouble that passes: it is never answered as final (docs/agent.md, "Trouble that passes").

A server that counts attempts is asked to come again. One that does not (3.0.0) would fail the icon
whatever it heard, so its request is held while it still waits for the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jobarranger.errors import JobArrangerError

T = TypeVar("T")

#: How long a request is held for a server that cannot be asked to come again, in seconds. Such a
#: server waits for an answer for `Timeout` + 15 seconds, 16 at least.
HOLD_SECONDS = 12.0
HOLD_PAUSE = 0.25
#: Requests that are held at one time; the others go unanswered at once.
HOLD_MOST = 50


class PassingTrouble(JobArrangerError):
    """It cannot be done now, but perhaps soon: says what is in the way."""


class CannotWork(JobArrangerError):
    """The process has not what it needs to work, and will not get it by waiting."""


class Holding:
    """Tries again for those who cannot be asked to."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._held = 0

    async def attempt(self, act: Callable[[], Awaitable[T]], *, hold: bool) -> T:
        """Do something once, or with `hold` again and again for a while.

        Raises:
            PassingTrouble: that of the last try.
        """
        if not hold or self._held >= HOLD_MOST:
            return await act()
        self._held += 1
        try:
            return await _again_and_again(act)
        finally:
            self._held -= 1


async def _again_and_again(act: Callable[[], Awaitable[T]]) -> T:
    loop = asyncio.get_running_loop()
    end = loop.time() + HOLD_SECONDS
    while True:
        try:
            return await act()
        except PassingTrouble:
            if loop.time() >= end:
                raise
        await asyncio.sleep(HOLD_PAUSE)
