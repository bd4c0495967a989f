"""Going to the background, and a word to whoever started the daemon.

The starting process waits at a pipe until the daemon has a verdict: it exits 0 only when the daemon
is ready, else it prints the one-line reason and exits 1. So a failed start is never hidden behind
an exit status of 0.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn, Protocol

# What a line on the pipe begins with.
_READY, _REPORT, _FAIL = "=", ".", "!"
#: Bytes of one line on the pipe.
_LONGEST = 4000


class Launch(Protocol):
    """How the daemon speaks to whoever started it."""

    def report(self, text: str) -> None:
        """Say something while the start goes on."""

    def ready(self) -> None:
        """Say that the daemon works; the last word."""

    def fail(self, text: str, code: int = 1) -> None:
        """Say why the daemon does not work; the last word."""

    def let_go(self) -> None:
        """Close what a child has inherited."""


class Foreground:
    """Nobody waits: lines go to standard error."""

    def __init__(self, name: str) -> None:
        """Begin each line with the program's `name`."""
        self._name = name

    def report(self, text: str) -> None:
        """Print the line."""
        complain(self._name, text)

    def ready(self) -> None:
        """Say nothing."""

    def fail(self, text: str, code: int = 1) -> None:
        """Print the line."""
        complain(self._name, text)

    def let_go(self) -> None:
        """Nothing to close."""


class Background:
    """The starting process waits at the other end of a pipe."""

    def __init__(self, descriptor: int) -> None:
        """Keep the writing end."""
        self._descriptor: int | None = descriptor

    def report(self, text: str) -> None:
        """Have the starting process print the line and go on waiting."""
        self._send(_REPORT, text)

    def ready(self) -> None:
        """Let the starting process exit 0."""
        self._send(_READY, "")
        self.let_go()

    def fail(self, text: str, code: int = 1) -> None:
        """Let the starting process print the line and exit with `code`."""
        self._send(_FAIL, f"{code} {text}")
        self.let_go()

    def let_go(self) -> None:
        """Close this end."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _send(self, mark: str, text: str) -> None:
        if self._descriptor is not None:
            line = text.replace("\n", " ").encode("utf-8", "replace")[:_LONGEST]
            with suppress(OSError):
                os.write(self._descriptor, mark.encode() + line + b"\n")


def detach(name: str) -> Background:
    """Go to the background: two forks and a new session.

    Returns in the daemon only; the starting process exits with the daemon's verdict.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        os.close(writing)
        os.waitpid(pid, 0)
        _await_verdict(reading, name)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(reading)
    return Background(writing)


def complain(name: str, text: str) -> None:
    """Print one line of a program on standard error."""
    print(f"{name}: {text}", file=sys.stderr, flush=True)  # noqa: T201 - it is what this is for


def _await_verdict(reading: int, name: str) -> NoReturn:
    """Print what the daemon shows until its last word; exit accordingly."""
    code = 1
    text = "ended during its start, see its log"
    with open(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            mark, text = line[0], line[1:].rstrip("\n")
            if mark == _READY:
                os._exit(0)
            if mark == _FAIL:
                number, _, text = text.partition(" ")
                code = int(number)
                break
            complain(name, text)
            text = "ended during its start, see its log"
    complain(name, text)
    os._exit(code)
