"""How the server becomes a daemon: background, user, pid file, and a word to whoever started it.

The starting process waits at a pipe until the daemon has a verdict: it exits 0 only when all
children are ready, else it prints the one-line reason and exits 1.
"""

from __future__ import annotations

import os
import pwd
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from jobarranger.daemonise import DaemonError, PidFile, switch_user

__all__ = [
    "Background",
    "DaemonError",
    "Foreground",
    "Launch",
    "PidFile",
    "become",
    "detach",
    "ids_of",
    "own_directory",
    "wanted_user",
]

UMASK = 0o027

# What a line on the pipe begins with.
_READY, _TELL, _FAIL = "=", ".", "!"


class Launch(Protocol):
    """How the daemon speaks to whoever started it."""

    def tell(self, text: str) -> None:
        """Say something while the start goes on."""

    def ready(self) -> None:
        """Say that the server works; the last word."""

    def fail(self, text: str) -> None:
        """Say why the server does not work; the last word."""

    def let_go(self) -> None:
        """Close what a child has inherited."""


class Foreground:
    """Nobody waits: lines go to standard error."""

    def tell(self, text: str) -> None:
        """Print the line."""
        print(f"jobarg_server: {text}", file=sys.stderr, flush=True)  # noqa: T201

    def ready(self) -> None:
        """Say nothing."""

    def fail(self, text: str) -> None:
        """Print the line."""
        self.tell(text)

    def let_go(self) -> None:
        """Nothing to close."""


class Background:
    """The starting process waits at the other end of a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def tell(self, text: str) -> None:
        """Have the starting process print the line and go on waiting."""
        self._send(_TELL, text)

    def ready(self) -> None:
        """Let the starting process exit 0."""
        self._send(_READY, "")
        self.let_go()

    def fail(self, text: str) -> None:
        """Let the starting process print the line and exit 1."""
        self._send(_FAIL, text)
        self.let_go()

    def let_go(self) -> None:
        """Close this end."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _send(self, mark: str, text: str) -> None:
        if self._descriptor is not None:
            line = text.replace("\n", " ")
            with suppress(OSError):
                os.write(self._descriptor, f"{mark}{line}\n".encode())


def detach() -> Background:
    """Go to the background: two forks, a new session, `/`, `/dev/null` as standard input.

    Returns in the daemon only; the starting process exits with the daemon's verdict.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        os.close(writing)
        os.waitpid(pid, 0)
        _await_verdict(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(reading)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return Background(writing)


def _await_verdict(reading: int) -> NoReturn:
    """Print what the daemon tells until its last word; exit accordingly."""
    code = 1
    text = "ended during its start, see its log"
    with open(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            mark, text = line[0], line[1:].rstrip("\n")
            if mark == _READY:
                os._exit(0)
            if mark == _FAIL:
                break
            _print(text)
            text = "ended during its start, see its log"
    _print(text)
    os._exit(code)


def _print(text: str) -> None:
    print(f"jobarg_server: {text}", file=sys.stderr, flush=True)  # noqa: T201


def wanted_user(name: str, *, allow_root: bool) -> str | None:
    """Return the user to become, or None to stay.

    Only root switches. With `AllowRoot=1` it stays root unless that is set to another user.
    """
    if os.geteuid() != 0 or allow_root or name == "root":
        return None
    return name


def become(user: str | None) -> None:
    """Become `user` with its groups, if any is wanted.

    Raises:
        DaemonError: the user is not known or the switch is not permitted.
    """
    if user is not None:
        switch_user(user)


def ids_of(user: str | None) -> tuple[int, int] | None:
    """Return user and group id of `user`, or None for None.

    Raises:
        DaemonError: the user is not known.
    """
    if user is None:
        return None
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise DaemonError(f"the user {user!r} does not exist") from error
    return entry.pw_uid, entry.pw_gid


def own_directory(path: Path, user: str | None, mode: int = 0o700) -> None:
    """Make a directory if it is missing and give it to `user`.

    Raises:
        DaemonError: it cannot be made, or is not a directory.
    """
    try:
        if path.is_dir():
            return
        owner = ids_of(user)
        path.mkdir(mode=mode, parents=True)
        if owner is not None:
            os.chown(path, *owner)
    except OSError as error:
        raise DaemonError(f"cannot make the directory {path}: {error.strerror}") from error
