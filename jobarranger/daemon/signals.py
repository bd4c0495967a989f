"""Signals as data: handlers do nothing, the numbers arrive through a descriptor.

Python writes the number of each signal into the wake-up descriptor from within the C handler; the
loop that waits on the other end takes it from there. Nothing is ever done inside a handler.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

#: These ask for an orderly end.
STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


def _nothing(number: int, frame: FrameType | None) -> None:
    """Handle a signal by doing nothing; its number goes through the wake-up descriptor."""


class Signals:
    """The signals of this process, as numbers to be read from a descriptor."""

    def __init__(self, wanted: tuple[signal.Signals, ...]) -> None:
        self._wanted = wanted
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in wanted:
            signal.signal(number, _nothing)
            signal.siginterrupt(number, False)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._read

    def take(self) -> list[int]:
        """Return the signals that came since the last call, in order."""
        numbers = bytearray()
        with suppress(BlockingIOError):
            while chunk := os.read(self._read, 512):
                numbers += chunk
        return list(numbers)

    def close(self) -> None:
        """Go back to the default actions and give up the descriptors."""
        signal.set_wakeup_fd(-1)
        for number in self._wanted:
            signal.signal(number, signal.SIG_DFL)
        os.close(self._read)
        os.close(self._write)
