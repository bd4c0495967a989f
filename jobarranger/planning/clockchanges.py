"""Slots that the clock leaves out or shows twice, and what becomes of their starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache

from jobarranger.calendars.digits import slot_date
from jobarranger.clock import stamp12
from jobarranger.slots import instant_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """What is special about a slot."""

    slot: int
    starts_at: int  #: the slot that clocks show when its starts begin
    twice: bool  #: it comes twice; else it is left out

    @property
    def text(self) -> str:
        """Say what happens."""
        if self.twice:
            return "comes twice as the clock is put back: starts the first time only"
        at = self.starts_at
        same_day = at // 10_000 == self.slot // 10_000
        day = "" if same_day else f"{slot_date(at)} "
        return (
            "is left out as the clock is put forward: starts at "
            f"{day}{at % 10_000 // 100:02}:{at % 100:02}"
        )


@lru_cache(maxsize=4096)
def clock_change(slot: int, zone: tzinfo) -> ClockChange | None:
    """Return what is special about a slot in a zone, None for an ordinary one."""
    shown = stamp12(instant_of(slot, zone), zone)
    if shown != slot:
        return ClockChange(slot=slot, starts_at=shown, twice=False)
    wall = datetime.strptime(f"{slot:012}", "%Y%m%d%H%M").replace(tzinfo=zone)
    if wall.utcoffset() != wall.replace(fold=1).utcoffset():
        return ClockChange(slot=slot, starts_at=slot, twice=True)
    return None
