"""Who is started, killed or given up, and when: pure decisions over small frozen records.

Nothing here forks, waits or reads a clock; the supervisor asks and acts. All instants are
monotonic seconds that the caller passes in.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

#: Pauses before a child that died again is started: none, then this, doubling up to the limit.
FIRST_PAUSE = 0.1
#: Longest pause (s) for a child that never became ready, and for one that had been ready.
LONGEST_PAUSE, LONGEST_PAUSE_READY = 10.0, 1.0
#: First and longest pause (s) for a child that had no memory or the like: others must end first.
FIRST_PAUSE_EXHAUSTED, LONGEST_PAUSE_EXHAUSTED = 1.0, 60.0
#: A child that was killed from outside says little about itself: this many seconds of life
#: count as stable.
STABLE_IF_KILLED = 1.0


class ExitCode(IntEnum):
    """What a child's exit code means to the parent."""

    WANTED = 0  #: ended because it was asked to
    FAILED = 1  #: something went wrong; worth another try
    CONFIGURATION = 3  #: the configuration is wrong: starting it again cannot help
    SCHEMA = 4  #: the database's tables are missing or of another version: likewise
    EXHAUSTED = 5  #: out of memory or the like: at once it would meet the same


#: With these a child is not started again; the server stops.
FINAL = frozenset({ExitCode.CONFIGURATION, ExitCode.SCHEMA})

#: Who ends with these had no memory: by its own word, or by that of the C library ("cannot allocate
#: memory for thread-local data").
OUT_OF_MEMORY = frozenset({ExitCode.EXHAUSTED, 127})


class Phase(Enum):
    """Where a child is in its life."""

    DOWN = "down"  #: not there; may be started when its pause is over
    STARTING = "starting"  #: forked, has not yet said that it is ready
    RUNNING = "running"  #: said that it is ready
    STOPPING = "stopping"  #: was asked to end, or killed; its exit is awaited
    FAILED = "failed"  #: given up: the whole server stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What the parent knows of one child beforehand; all limits in seconds."""

    role: str
    number: int = 1  #: counts from 1 within the role
    stage: int = 1  #: children of a lower stage are stopped first
    start_limit: float = 30.0  #: until it must be ready
    hang_limit: float = 60.0  #: longest silence of its main loop
    stop_limit: float = 10.0  #: between being asked to end and being killed
    stable_after: float = 10.0  #: having lived so long clears its failures
    restart_limit: int = 10  #: failures in a row until it is given up

    @property
    def name(self) -> str:
        """Return the child's name as in titles and logs: `run #1`."""
        return f"{self.role} #{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The present state of one child."""

    spec: Spec
    phase: Phase = Phase.DOWN
    since: float = 0.0  #: when the phase was entered
    pid: int = 0  #: 0 while DOWN or FAILED
    ready_at: float | None = None  #: when this process became ready
    beat_at: float = 0.0  #: last sign of life
    failures: int = 0  #: in a row
    due_at: float = 0.0  #: not started before this
    killed: bool = False  #: the parent has sent SIGKILL


class KillReason(Enum):
    """Why the parent kills a child."""

    NOT_READY = "was not ready in time"
    SILENT = "showed no sign of life"
    DEAF = "did not end when asked to"
    HARD = "is stopped hard"


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the child."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """Ask the child to end (SIGTERM)."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the child (SIGKILL)."""

    reason: KillReason


Action = Spawn | Terminate | Kill


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """A stop in progress."""

    stage: int  #: children up to this stage are asked to end
    deadline: float  #: when whatever is left is killed
    hard: bool = False  #: kill at once


def decide(slot: Slot, now: float, stopping: Stopping | None = None) -> Action | None:
    """Return what is to be done with a child now, or None."""
    if slot.killed or slot.phase is Phase.FAILED:
        return None
    if slot.phase is Phase.DOWN:
        return Spawn() if stopping is None and now >= slot.due_at else None
    if stopping is not None and (action := _decide_stop(slot, now, stopping)):
        return action
    return _decide_life(slot, now)


def _decide_stop(slot: Slot, now: float, stopping: Stopping) -> Action | None:
    """Return what a stop wants of a living child now."""
    if stopping.hard or now >= stopping.deadline:
        return Kill(KillReason.HARD if stopping.hard else KillReason.DEAF)
    due = slot.phase is not Phase.STOPPING and slot.spec.stage <= stopping.stage
    return Terminate() if due else None


def _decide_life(slot: Slot, now: float) -> Action | None:
    """Return what a living child has earned by exceeding one of its limits."""
    spec = slot.spec
    if slot.phase is Phase.STARTING:
        return Kill(KillReason.NOT_READY) if now >= slot.since + spec.start_limit else None
    if slot.phase is Phase.STOPPING:
        return Kill(KillReason.DEAF) if now >= slot.since + spec.stop_limit else None
    return Kill(KillReason.SILENT) if now >= slot.beat_at + spec.hang_limit else None


def spawned(slot: Slot, now: float, pid: int) -> Slot:
    """Return the slot of a child that has just been forked."""
    return replace(
        slot,
        phase=Phase.STARTING,
        since=now,
        pid=pid,
        ready_at=None,
        beat_at=now,
        killed=False,
    )


def heard(slot: Slot, now: float, *, ready: bool = False) -> Slot:
    """Return the slot of a child that gave a sign of life."""
    if ready and slot.phase is Phase.STARTING:
        return replace(slot, phase=Phase.RUNNING, since=now, ready_at=now, beat_at=now)
    return replace(slot, beat_at=now)


def ended_by_us(slot: Slot, now: float, action: Terminate | Kill) -> Slot:
    """Return the slot of a child to which the signal of `action` has been sent."""
    killed = isinstance(action, Kill)
    return replace(slot, phase=Phase.STOPPING, since=now, killed=killed)


def exited(slot: Slot, now: float, code: int, *, wanted: bool) -> Slot:
    """Return the slot of a child that is gone.

    Args:
        slot: its last state.
        now: the present.
        code: its exit code, or the negated signal that ended it.
        wanted: the server is stopping, so an end is no failure.
    """
    gone = replace(slot, phase=Phase.DOWN, since=now, pid=0, ready_at=None, killed=False)
    if wanted:
        return replace(gone, failures=0, due_at=now)
    failures = 1 if _was_stable(slot, now, code) else slot.failures + 1
    given_up = code in FINAL or failures >= slot.spec.restart_limit
    return replace(
        gone,
        phase=Phase.FAILED if given_up else Phase.DOWN,
        failures=failures,
        due_at=now + pause(failures, was_ready=slot.ready_at is not None, code=code),
    )


def _was_stable(slot: Slot, now: float, code: int) -> bool:
    if slot.ready_at is None:
        return False
    from_outside = code == -signal.SIGKILL and not slot.killed
    needed = STABLE_IF_KILLED if from_outside else slot.spec.stable_after
    return now - slot.ready_at >= needed


def pause(failures: int, *, was_ready: bool, code: int = ExitCode.FAILED) -> float:
    """Return the seconds to wait before the start after `failures` in a row, the last by `code`."""
    if code in OUT_OF_MEMORY:
        doubled = FIRST_PAUSE_EXHAUSTED * 2.0 ** min(failures - 1, 20)
        return min(LONGEST_PAUSE_EXHAUSTED, doubled)
    if failures <= 1:
        return 0.0
    limit = LONGEST_PAUSE_READY if was_ready else LONGEST_PAUSE
    return min(limit, FIRST_PAUSE * 2.0 ** min(failures - 2, 20))


def next_stage(slots: Iterable[Slot], stopping: Stopping) -> Stopping:
    """Return the stop with the stage that is due: the lowest that still has living children."""
    living = [slot.spec.stage for slot in slots if slot.pid]
    return replace(stopping, stage=max(stopping.stage, min(living, default=stopping.stage)))


def next_deadline(slots: Iterable[Slot], stopping: Stopping | None) -> float | None:
    """Return when `decide` may next say something new without anything happening."""
    wanted = [slot for slot in slots if slot.pid or stopping is None]
    times = [time for slot in wanted if (time := _deadline(slot)) is not None]
    if stopping is not None:
        times.append(stopping.deadline)
    return min(times, default=None)


def _deadline(slot: Slot) -> float | None:
    match slot.phase:
        case Phase.DOWN:
            return slot.due_at
        case Phase.STARTING:
            return slot.since + slot.spec.start_limit
        case Phase.RUNNING:
            return slot.beat_at + slot.spec.hang_limit
        case Phase.STOPPING:
            return None if slot.killed else slot.since + slot.spec.stop_limit
        case Phase.FAILED:
            return None
