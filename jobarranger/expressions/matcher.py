"""Asks the C library about expressions in a process of its own, which may die of any of them.

An expression of a few bytes can take gigabytes to compile or years to match, and nothing in a
process can stop the C library at its work. So a small program (`matcher_main`) does it, within
kernel limits. Each process of ours starts one when it needs it first, asks it again and again, and
replaces it when it has died. See docs/flow.md, Expressions.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from enum import Enum
from pathlib import Path
from threading import Lock

from jobarranger.clock import SystemClock
from jobarranger.errors import TryAgain
from jobarranger.expressions import matcher_main as program

#: Bytes that compiling and matching one expression may take.
MEMORY = 64 << 20
#: Seconds of processor time that they may take.
SECONDS = 0.5
#: Seconds after which no answer is waited for any more, whatever holds the program up.
PATIENCE = 5.0
#: Ends of the program that do not come from the expression: an end by itself, or by other people.
_INNOCENT = {0, *(-one for one in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP))}


class Fit(Enum):
    """What became of an expression and a text."""

    YES = program.YES  #: it is found in the text
    NO = program.NO  #: it is not
    INVALID = program.INVALID  #: it is no expression
    TOO_MUCH = program.TOO_MUCH  #: it takes more memory or time than any may


class _Gone(Exception):
    """The program has ended or cannot be reached."""


class _Program:
    """One running matcher."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        child_in, self._out = os.pipe()
        self._in, child_out = os.pipe()
        path = str(Path(program.__file__))
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", path, str(MEMORY), str(SECONDS)],
                {"LC_ALL": "C.UTF-8"},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, child_in, 0),
                    (os.POSIX_SPAWN_DUP2, child_out, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,
                setsigmask=[],
                setsigdef=[signal.SIGPROF, signal.SIGTERM, signal.SIGINT],
            )
        except OSError:
            self.leave()
            raise
        finally:
            os.close(child_in)
            os.close(child_out)
        os.set_blocking(self._out, False)

    def exchange(self, request: bytes) -> bytes:
        """Send a request and return the answer of one byte.

        Raises:
            _Gone: the program has ended.
            TryAgain: it does not answer.
        """
        until = self._clock.monotonic() + PATIENCE
        rest = memoryview(request)
        try:
            while rest:
                self._wait(self._out, select.POLLOUT, until)
                rest = rest[os.write(self._out, rest) :]
            self._wait(self._in, select.POLLIN, until)
            answer = os.read(self._in, 1)
        except BrokenPipeError:
            answer = b""
        if not answer:
            raise _Gone
        return answer

    def end(self) -> int:
        """End the program if it still lives, and return its exit code, -N for signal N."""
        self.leave()
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if not ended:
            os.kill(self._pid, signal.SIGKILL)
            _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)

    def leave(self) -> None:
        """Close this process' ends of the pipes; the program ends when all have left."""
        os.close(self._out)
        os.close(self._in)

    def _wait(self, descriptor: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, until - self._clock.monotonic()) * 1000):
            raise TryAgain(f"an expression was not compared within {PATIENCE:g} s")


class Matcher:
    """The matcher of this process; threads take turns."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._program: _Program | None = None

    def ask(self, pattern: bytes, form: bytes, text: bytes) -> Fit:
        """Return whether `pattern` is found in the text, neither of them with a zero byte.

        Args:
            pattern: the expression.
            form: another one that is found in the same texts, quicker.
            text: what is looked at.

        Raises:
            TryAgain: the matcher cannot be started or does not answer, whatever the expression.
        """
        head = program.HEAD.pack(len(pattern), len(form), len(text))
        with self._lock:
            return self._ask(b"".join((head, pattern, form, text)))

    def _ask(self, request: bytes) -> Fit:
        for _ in range(2):
            try:
                said = self._running().exchange(request)
            except _Gone:
                if self._end() not in _INNOCENT:
                    return Fit.TOO_MUCH
                continue  # it was ended while it waited
            except TryAgain:
                self._end()
                raise
            if said.isupper():
                self._end()
            return Fit(said.lower())
        raise TryAgain("expressions cannot be compared now: what compares them is ended each time")

    def _running(self) -> _Program:
        if self._program is None:
            try:
                self._program = _Program()
            except OSError as error:
                raise TryAgain(f"expressions cannot be compared now: {error}") from error
            if self._program.exchange(b"") != program.READY:
                raise _Gone
        return self._program

    def _end(self) -> int:
        running, self._program = self._program, None
        return 0 if running is None else running.end()

    def forget(self) -> None:
        """Start anew in a process that was forked: the program belongs to the parent."""
        self._lock = Lock()
        inherited, self._program = self._program, None
        if inherited is not None:
            inherited.leave()


_matcher = Matcher()
os.register_at_fork(after_in_child=_matcher.forget)


def ask(pattern: bytes, form: bytes, text: bytes) -> Fit:
    """Ask the matcher of this process, see `Matcher.ask`."""
    return _matcher.ask(pattern, form, text)
