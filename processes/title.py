"""The title of a child in `ps`: `jobarg_server: run #1 [12 icons in 0.004 s, idle 1 s]`."""

from __future__ import annotations

import setproctitle

from jobarranger.clock import Clock

#: Seconds between two changes of the title at least.
SHORTEST_INTERVAL = 0.25


class Title:
    """Writes the title when its text has changed, and not too often."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._shown = ""
        self._written_at = float("-inf")
        self.text = ""  #: what the title should say

    def set(self, text: str) -> None:
        """Show `text`, at once or with a later `flush`."""
        self.text = text
        self.flush()

    @property
    def pending(self) -> bool:
        """Return whether a `flush` is still wanted."""
        return self.text != self._shown

    def flush(self) -> None:
        """Write what is waiting to be shown, if the last change is old enough."""
        if not self.pending:
            return
        now = self._clock.monotonic()
        if now - self._written_at < SHORTEST_INTERVAL:
            return
        setproctitle.setproctitle(f"jobarg_server: {self._name} [{self.text}]")
        self._shown = self.text
        self._written_at = now
