"""What is to be written soon: collected, and written together with whatever comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from processes.executing.work import Record


class Notes:
    """Belongs to the event loop."""

    def __init__(self, flush: Callable[[], None]) -> None:
        """Be empty.

        Args:
            flush: is called when the time to write has come; it is to `take` them.
        """
        self._flush = flush
        self._records: list[Record] = []
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        """Return whether there is something to write."""
        return bool(self._records)

    def add(self, record: Record, delay: float) -> None:
        """Have a record written within `delay` seconds."""
        self._records.append(record)
        self._flush_in(delay)

    def take(self) -> tuple[Record, ...]:
        """Return all records; they are the caller's from now on."""
        taken, self._records = tuple(self._records), []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return taken

    def keep(self, records: Sequence[Record], delay: float) -> None:
        """Take records back that could not be written; what they say is true all the same."""
        if records:
            self._records[:0] = records
            self._flush_in(delay)

    def _flush_in(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay, self._is_time)

    def _is_time(self) -> None:
        self._timer = None
        if self._records:
            self._flush()
