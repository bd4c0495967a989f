"""Starts to come, each with what is known of it by now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from jobarranger.calendars.starts import Start
from jobarranger.model.pauses import Pause, Pauses
from jobarranger.planning.clockchanges import ClockChange, clock_change
from jobarranger.slots import instant_of

#: (schedule, calendar or filter, jobnet, slot)
Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """The run that was loaded for a start."""

    registry: int
    status: str  #: in words
    scheduled_time: int  #: people may have moved it
    is_open: bool  #: it has not begun


class Planned(NamedTuple):
    """One start of the plan; a tuple, as there can be millions."""

    start: Start
    run: LoadedRun | None
    pause: Pause | None  #: keeps it from starting if it lasts
    change: ClockChange | None

    @property
    def state(self) -> str:
        """Return what it is by now in a word or two."""
        if self.run is not None:
            return f"{self.run.status} [{self.run.registry}]"
        return "to be loaded"

    @property
    def remarks(self) -> list[str]:
        """Return what else is to be known."""
        remarks = []
        if self.run is not None and self.run.scheduled_time != self.start.slot:
            remarks.append(f"moved to {readable(self.run.scheduled_time)}")
        if self.pause is not None:
            remarks.append(f"paused: {self.pause.what}")
        if self.change is not None:
            remarks.append(self.change.text)
        return remarks


def plan(
    starts: Iterable[Start], runs: Mapping[Key, LoadedRun], pauses: Pauses, zone: tzinfo
) -> Iterator[Planned]:
    """Yield starts with what is known of them, in the order in which they come."""
    is_paused = any(True for _ in pauses.active())
    for start in starts:
        run = runs.get(key_of(start))
        pause = None
        if is_paused and (run is None or run.is_open):
            pause = _pause_of(start, pauses, zone)
        yield Planned(start, run, pause, clock_change(start.slot, zone))


def key_of(start: Start) -> Key:
    """Return what distinguishes a start from others."""
    return (start.schedule_id, start.object_id, start.jobnet_id, start.slot)


def _pause_of(start: Start, pauses: Pauses, zone: tzinfo) -> Pause | None:
    """Return the present pause that will still hold at a start, if it is not ended before."""
    pause = pauses.of_jobnet(start.jobnet_id)
    if pause is None or (pause.until_at and pause.until_at <= instant_of(start.slot, zone)):
        return None
    return pause


def readable(slot: int) -> str:
    """Return 12 digits as `YYYY-MM-DD HH:MM`."""
    text = f"{slot:012}"
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:]}"
