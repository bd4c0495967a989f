"""How the icons of one instance stand, counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The icons of one instance, counted (sub-jobnets' icons do not count)."""

    total: int
    ready: int
    run: int
    failed: int  #: RUNERR or ABORT without the continue flag
    ended: int  #: END, or RUNERR or ABORT with the continue flag
    fatal: int  #: ENDERR
    finished_ends: int  #: END icons that have ended
    starts: int
    ends: int
    stopping: int  #: ABORT
    overdue: int  #: icons with a time-out warning

    @property
    def stands_still(self) -> bool:
        """Return whether no icon can move any more, whatever may come."""
        return self.active + self.stopping == 0

    @property
    def is_over(self) -> bool:
        """Return whether an END icon has finished and nothing keeps the instance from ending."""
        return self.finished_ends > 0 and self.active == 0

    @property
    def active(self) -> int:
        """Icons that still keep the instance from ending."""
        return self.ready + self.run + self.failed
