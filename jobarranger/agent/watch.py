"""Noticing the end of processes that may or may not be our children.

A process is meant by its id and its start time, so an id that was given to a stranger is never
mistaken for it. The kernel reports the end through a descriptor (`pidfd_open`); where there is
none (old kernel, no descriptors left) the process is looked at several times a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from logging import getLogger
from operator import itemgetter
from pathlib import Path

from jobarranger.agent.starter import process_start

log = getLogger(__name__)

POLL_SECONDS = 0.2
#: Wrappers that are looked at in one go, whether they are stopped.
LOOK_AT = 100


@dataclass(frozen=True, slots=True)
class Process:
    """One certain process."""

    pid: int
    start: int  #: clock ticks after boot

    def lives(self) -> bool:
        """Return whether it still exists (a zombie of it does)."""
        return self.start != 0 and process_start(self.pid) == self.start

    def state(self) -> str:
        """Return its state as the kernel names it (T: stopped), "" if it is gone."""
        try:
            fields = Path("/proc", str(self.pid), "stat").read_text("latin-1").rpartition(")")[2]
            state, start = itemgetter(0, 19)(fields.split())
        except (OSError, IndexError):
            return ""
        return state if int(start) == self.start else ""

    def is_stopped(self) -> bool:
        """Return whether somebody has stopped it (SIGSTOP, a debugger)."""
        return self.state() in {"T", "t"}


def read_claim(directory: str) -> Process | None:
    """Return the wrapper that claimed a job; None if nobody has."""
    try:
        pid, start = Path(directory, "claim").read_text("ascii").split()
        return Process(int(pid), int(start))
    except (OSError, ValueError):
        return None


class StoppedOnes:
    """Notices wrappers that somebody has stopped: they cannot report the end of their job.

    It is the operator's doing and is left to him; it is only said.
    """

    def __init__(self) -> None:
        """Know of none."""
        self._stopped: set[Process] = set()
        self._next = 0

    def __len__(self) -> int:
        """Return how many were stopped when last looked at."""
        return len(self._stopped)

    def look(self, wrappers: Sequence[tuple[Process, str]]) -> list[Process]:
        """Look at some of the wrappers, at others the next time; each comes with its job's name.

        Returns those that are gone: their end should have been noticed.
        """
        self._stopped.intersection_update(process for process, _ in wrappers)
        if self._next >= len(wrappers):
            self._next = 0
        gone = []
        for process, job in wrappers[self._next : self._next + LOOK_AT]:
            state = process.state()
            if not state:
                gone.append(process)
            stopped = state in {"T", "t"}
            if stopped and process not in self._stopped:
                log.warning(
                    "the wrapper of %s (process %d) was stopped by somebody; the end of the job "
                    "cannot be reported before it goes on (kill -CONT %d)",
                    *(job, process.pid, process.pid),
                )
            (self._stopped.add if stopped else self._stopped.discard)(process)
        self._next += LOOK_AT
        return gone


class ProcessWatcher:
    """Calls back once when a process has ended."""

    def __init__(self) -> None:
        """Watch on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._polled: dict[Process, Callable[[], None]] = {}
        self._descriptors: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, process: Process, ended: Callable[[], None]) -> None:
        """Have `ended` called from the event loop when the process is no more."""
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            self._loop.call_soon(ended)
            return
        except OSError:
            self._polled[process] = ended
            self._schedule()
            return
        if not process.lives():
            os.close(descriptor)
            self._loop.call_soon(ended)
            return
        self._descriptors.add(descriptor)
        self._loop.add_reader(descriptor, self._ended, descriptor, ended)

    def close(self) -> None:
        """Watch no more."""
        for descriptor in self._descriptors:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        self._descriptors.clear()
        self._polled.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _ended(self, descriptor: int, ended: Callable[[], None]) -> None:
        self._loop.remove_reader(descriptor)
        self._descriptors.discard(descriptor)
        os.close(descriptor)
        ended()

    def _schedule(self) -> None:
        if self._timer is None and self._polled:
            self._timer = self._loop.call_later(POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        self._timer = None
        for process in [each for each in self._polled if not each.lives()]:
            self._polled.pop(process)()
        self._schedule()
