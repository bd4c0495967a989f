"""Notice loops that go round without end (docs/flow.md, Loops). In memory, of one process."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobarranger.clock import Clock

#: More rounds within a minute than this are reported, once in that minute.
MOST_PASSES = 10_000
_WINDOW = 60.0


@dataclass(slots=True)
class LoopWatch:
    """Counts the rounds that runs go, minute by minute."""

    clock: Clock
    _since: float = float("-inf")
    _passes: dict[int, int] = field(default_factory=dict)

    def note(self, main_id: int, passes: int) -> int | None:
        """Count rounds of a run; return how many it has gone when that is first too many."""
        now = self.clock.monotonic()
        if now - self._since >= _WINDOW:
            self._since = now
            self._passes.clear()
        before = self._passes.get(main_id, 0)
        count = self._passes[main_id] = before + passes
        return count if before <= MOST_PASSES < count else None
