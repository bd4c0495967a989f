"""Decide what becomes of runs whose time has come. Pure.

Runs are decided one after the other in the order of their time, so that of two due runs of one
jobnet the first makes the jobnet "running" for the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from jobarranger.states import LoadStatus, MissedStart, MultipleStart, RunType

#: Only these run types have a minute that can be missed.
TIMED = frozenset({RunType.NORMAL, RunType.TIME})

#: `start_pending_flag` of a run that was never held; a released one (2) is never late.
NEVER_HELD = 0


class Action(Enum):
    """What becomes of a due run."""

    START = "start"
    START_LATE = "start late"  #: its time is over, and it starts all the same
    SKIP = "skip"  #: another run of the jobnet is active, and its rule says skip
    WAIT = "wait"  #: another run is active, and its rule says wait: note it
    KEEP = "keep"  #: waits already: nothing to write
    MISS = "miss"  #: its time is over: an error for people to decide about
    DROP = "drop"  #: its time is over: it ends unstarted


#: The run starts.
STARTS = frozenset({Action.START, Action.START_LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class BootRules:
    """How runs that come late are treated (docs/parameters.md, Scheduled starts)."""

    grace_seconds: int = 0  #: how long after its minute a scheduled run may still start
    missed: MissedStart = MissedStart.HOLD

    @property
    def grace_ms(self) -> int:
        """Return the grace in milliseconds."""
        return self.grace_seconds * 1000


#: The rules of 3.0.0: to start within the minute, or to be missed.
STRICT = BootRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A run whose time has come: the columns of its summary that matter."""

    id: int
    jobnet_id: str
    run_type: int
    load_status: int
    scheduled_time: int
    multiple_start_up: int
    start_pending_flag: int
    late_from: int = 0  #: the slot that lateness counts from, if it is not the scheduled one

    @classmethod
    def from_row(cls, row: Any, late_from: int = 0) -> Due:
        """Make it from a row of `jobarranger.loading.rows.booting.due`."""
        return cls(
            late_from=late_from,
            id=row.inner_jobnet_id,
            jobnet_id=row.jobnet_id,
            run_type=row.run_type,
            load_status=row.load_status,
            scheduled_time=row.scheduled_time,
            multiple_start_up=row.multiple_start_up,
            start_pending_flag=row.start_pending_flag,
        )


def is_missed(run: Due, late_slot: int) -> bool:
    """Return whether a run comes too late.

    Args:
        run: a due run.
        late_slot: the last slot that is over for good (12 digits).
    """
    return (
        run.run_type in TIMED
        and run.scheduled_time > 0
        and max(run.scheduled_time, run.late_from) <= late_slot
        and run.load_status != LoadStatus.DELAY
        and run.start_pending_flag == NEVER_HELD
    )


def decide(
    runs: Iterable[Due],
    running: Iterable[str],
    late_slot: int,
    missed: MissedStart = MissedStart.HOLD,
) -> dict[int, Action]:
    """Decide about due runs, in order of (scheduled time, id).

    Args:
        runs: any order.
        running: jobnets that a main run is active of; a started run adds its own.
        late_slot: see `is_missed`.
        missed: what becomes of a run that comes too late.
    """
    active = set(running)
    decided: dict[int, Action] = {}
    for run in sorted(runs, key=lambda run: (run.scheduled_time, run.id)):
        action = _decide_one(run, run.jobnet_id in active, late_slot, missed)
        if action in STARTS:
            active.add(run.jobnet_id)
        decided[run.id] = action
    return decided


def _decide_one(run: Due, is_running: bool, late_slot: int, missed: MissedStart) -> Action:
    """Decide about one run: the late rule first, then multiple start-up."""
    late = is_missed(run, late_slot)
    if late and missed is MissedStart.HOLD:
        return Action.MISS
    if late and missed is MissedStart.SKIP:
        return Action.DROP
    if not is_running or run.multiple_start_up == MultipleStart.PARALLEL:
        return Action.START_LATE if late else Action.START
    if run.multiple_start_up == MultipleStart.SKIP:
        return Action.SKIP
    return Action.KEEP if run.load_status == LoadStatus.DELAY else Action.WAIT
