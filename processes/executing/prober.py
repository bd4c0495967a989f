"""Tries troubled hosts again, each at its own time, with one of the requests that wait for it.

One timer serves all hosts. It hints at one waiting icon for each host whose time has come; what is
then looked up in the database (pauses, stops, the host's address) decides what is done with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from jobarranger.clock import Clock
from processes.executing.host_table import HostTable

#: Tries that fall together are looked up together (seconds), so many at once: 200 a second.
TOGETHER, AT_ONCE = 0.05, 10


class Prober:
    """Belongs to the event loop."""

    def __init__(
        self,
        table: HostTable,
        clock: Clock,
        hint: Callable[[Collection[int]], None],
        most: Callable[[], int],
    ) -> None:
        """Be idle.

        Args:
            table: knows the hosts and what waits for them.
            clock: gives the time.
            hint: looks at icons.
            most: says how many hosts may be tried now.
        """
        self._table = table
        self._clock = clock
        self._hint = hint
        self._most = most
        self._timer: asyncio.TimerHandle | None = None

    def wake(self, delay: float = TOGETHER) -> None:
        """Scan within `delay` seconds whose time has come."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay, self._try_hosts)

    def close(self) -> None:
        """Try no host any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _try_hosts(self) -> None:
        self._timer = None
        now = self._clock.now_ms()
        ids, at = self._table.due(now, min(self._most(), AT_ONCE))
        if ids:
            self._hint(ids)
        if at is not None:
            self.wake(max((at - now) / 1000, TOGETHER))
