"""A child's touch with its parent: orders and signals in, signs of life and figures out."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass

import msgspec

from jobarranger import logs
from jobarranger.clock import Clock
from jobarranger.daemon import output
from processes.lifeline import Lifeline, RecordKind
from processes.signals import STOPPING, Signals

log = logging.getLogger(__name__)

#: Seconds between two signs of life at most; a shorter hang limit shortens it.
LONGEST_BEAT_INTERVAL = 5.0
#: Signs of life within one hang limit.
BEATS_PER_LIMIT = 5


@dataclass(slots=True)
class Figures:
    """What a child has done since its start."""

    name: str = ""
    pid: int = 0
    turns: int = 0
    done: int = 0  #: units of work
    errors: int = 0  #: turns that failed
    drops: int = 0  #: hints that could not be sent
    busy: float = 0.0  #: seconds of work
    status: str = ""  #: as in the title


class ParentLink:
    """Keeps a child in touch with its parent; owned by the child's main loop."""

    def __init__(
        self,
        lifeline: Lifeline,
        signals: Signals,
        clock: Clock,
        figures: Figures,
        hang_limit: float,
    ) -> None:
        self.lifeline = lifeline
        self.signals = signals
        self.figures = figures
        self.stopping = False  #: end after the work in progress
        self.orphaned = False  #: the parent is gone
        self.is_ready = False  #: the first turn has begun
        self.on_figures: Callable[[str], None] | None = None  #: only the monitor sets it
        self.chores: list[Callable[[], None]] = []  #: done with each sign of life
        self.beat_interval = min(LONGEST_BEAT_INTERVAL, hang_limit / BEATS_PER_LIMIT)
        self._clock = clock
        self._next_beat = float("-inf")

    def descriptors(self) -> tuple[int, int]:
        """Return the descriptors whose readiness calls for `attend`."""
        return self.signals.fileno(), self.lifeline.fileno()

    def attend(self) -> None:
        """Take what has come from the parent and the system; never waits."""
        for number in self.signals.take():
            if number in STOPPING:
                self.stopping = True
            elif number == signal.SIGHUP:
                output.reopen()
        for record in self.lifeline.receive():
            self._obey(record.kind, record.text)
        if self.lifeline.gone and not self.orphaned:
            self.orphaned = self.stopping = True
            log.warning("%s: the main process is gone, ending", self.figures.name)

    def ready(self) -> None:
        """Report to the parent that the first turn is about to begin."""
        self.is_ready = True
        self.lifeline.send(RecordKind.READY)

    def beat(self) -> None:
        """Give a sign of life; cheap enough for every unit of work."""
        now = self._clock.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + self.beat_interval
        logs.report_floods()
        for chore in self.chores:
            chore()
        text = msgspec.json.encode(asdict(self.figures)).decode()
        self.lifeline.send(RecordKind.BEAT, text)

    def until_beat(self) -> float:
        """Return the seconds until the next sign of life is due."""
        return max(0.0, self._next_beat - self._clock.monotonic())

    def fault(self, text: str) -> None:
        """Report to the parent in one line why this child is about to end."""
        self.lifeline.send(RecordKind.FAULT, text)

    def rotated(self) -> None:
        """Report to the parent that the log file has been renamed."""
        self.lifeline.send(RecordKind.ROTATED)

    def _obey(self, kind: RecordKind, text: str) -> None:
        if kind is RecordKind.REOPEN:
            output.reopen()
        elif kind is RecordKind.LEVEL and text.isdecimal():
            logs.set_level(int(text))
        elif kind is RecordKind.FIGURES and self.on_figures is not None:
            self.on_figures(text)
