"""Calls the sender program for what was found, one call after the other."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum
from logging import getLogger

from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.messages import Raised
from jobarranger.watching.late import LateProblem
from jobarranger.watching.watch import Alarm, readable

log = getLogger(__name__)

#: Bytes of the program's output that an error line shows, and that are read at once.
_SHOWN, _CHUNK = 300, 65_536


class About(IntEnum):
    """The first argument of the program."""

    LOADED = LateProblem.LOADED  #: a start is not loaded
    STARTED = LateProblem.STARTED  #: a start has not begun
    SERVER = 3  #: the server is silent or stopped
    DATABASE = 4  #: the database cannot be used
    CALENDAR = 5  #: a calendar ends soon
    OVERRUN = 6  #: a run is over its time limit


def arguments(about: About, raised: Raised, alarm: Alarm | None = None) -> list[str]:
    """Return the arguments of a call: seven as 3.0.0 gave them, and the whole line.

    They are: kind, calendar or filter, schedule, jobnet, user, scheduled time, start time. What a
    kind does not know is empty.
    """
    known = [alarm.calendar_id if alarm else "", "", "", "", ""]
    start_time = "0" if about is About.STARTED else ""
    if alarm and (start := alarm.missing):
        names = [start.calendar_id, start.schedule_id, start.jobnet_id, start.user_name]
        known = [*names, readable(start.slot)]
    elif alarm and (run := alarm.overrun):
        slot = readable(run.scheduled_time) if run.scheduled_time else ""
        known = [run.calendar_id, run.schedule_id, run.jobnet_id, run.user_name, slot]
        start_time = readable(run.start_time // 100)
    return [str(int(about)), *known, start_time, raised.line]


class AlertSender:
    """The program that passes on what was found."""

    def __init__(self, command: Sequence[str], seconds: float, clock: Clock) -> None:
        """Take a program with its first arguments; an empty command calls nothing."""
        self._command = list(command)
        self._seconds = seconds
        self._clock = clock

    def send(self, about: About, raised: Raised, alarm: Alarm | None = None) -> bool:
        """Call the program and wait for its end; return whether it did what it should.

        What goes wrong is logged; no shell takes part, so no text can break out of its argument.
        """
        if not self._command:
            return True
        command = [*self._command, *arguments(about, raised, alarm)]
        log.info("JaSenderScript: %s", command)
        error = self._run(command)
        if error:
            m.log_message(m.JAMONITOR200003, command=self._command[0], error_text=error)
        return not error

    def _run(self, command: Sequence[str]) -> str:
        """Return what went wrong, nothing if all is well."""
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return str(error.strerror)
        with process:
            output, ended = self._follow(process)
            if not ended:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if not ended:
            return f"it did not end within {self._seconds:g} s and was killed"
        if process.returncode == 0:
            return ""
        said = output.decode(errors="replace").strip()
        return f"exit code {process.returncode}" + (f": {said}" if said else "")

    def _follow(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
        """Return the beginning of a program's output, and whether it has ended in time.

        It has ended when its own process has: what it has left in the background may keep its
        output open for as long as it likes.
        """
        assert process.stdout is not None
        pipe, end = process.stdout.fileno(), os.pidfd_open(process.pid)
        until = self._clock.monotonic() + self._seconds
        output, watched = b"", [pipe, end]
        try:
            while (left := until - self._clock.monotonic()) > 0:
                ready, _, _ = select.select(watched, [], [], left)
                if pipe in ready:
                    some = os.read(pipe, _CHUNK)
                    output = (output + some)[:_SHOWN]
                    if not some:
                        watched.remove(pipe)
                if end in ready and (pipe not in ready or len(output) == _SHOWN):
                    return output, True
        finally:
            os.close(end)
        return output, False
