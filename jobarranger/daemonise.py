"""Becoming a daemon: pid file, user, background, and errors that the caller still sees.

The order of a start is: read the configuration, `switch_user`, `detach`, `PidFile.take`, open
what is needed, `Launch.ready`. Whoever typed the command waits until `ready` (exit 0) or until
the daemon gives up (its one-line text on standard error and its exit status), so a failed start
is never hidden behind an exit status of 0.
"""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from jobarranger import logs
from jobarranger.errors import JobArrangerError

#: Bytes of the text that a failed daemon hands to its launcher.
MAX_TEXT_BYTES = 4000
#: What a daemon makes is not for others, whatever it was started with; jobs get 0002.
UMASK = 0o027
PID_FILE_MODE = 0o644


class DaemonError(JobArrangerError):
    """The process cannot become a daemon: names the file or user and the reason."""


class PidFile:
    """The file with the decimal process id, locked while the daemon lives.

    The lock is a POSIX record lock as in the original: children do not inherit it, so it is gone at
    the moment the main process is gone, however that came about.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """Keep the locked descriptor; use `take` to get one."""
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> PidFile:
        """Lock the file and write this process's id, without a line feed.

        A file left by an earlier process is overwritten.

        Raises:
            DaemonError: another process holds the lock, or the file cannot be written. A symbolic
                link is refused: root would write wherever the directory's owner points it.
        """
        return cls(path, _write_pid(path))

    def keep(self) -> None:
        """Write the file again if it was removed; one that another process has made is left alone.

        Raises:
            DaemonError: it cannot be written now.
        """
        if self.path.exists():
            return
        with suppress(OSError):
            self.path.parent.mkdir(mode=0o700)
        descriptor = _write_pid(self.path)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def let_go(self) -> None:
        """Close the descriptor in a child; the parent's lock stays."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Delete the file; the lock goes with the process."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)


def _write_pid(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, PID_FILE_MODE)
    except OSError as error:
        raise DaemonError(f"cannot open the pid file {path}: {error.strerror}") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        other = os.pread(descriptor, 20, 0).decode(errors="replace")
        os.close(descriptor)
        raise DaemonError(f"already running: {path} is locked by process {other}") from error
    with suppress(PermissionError):  # one that somebody else has left
        os.fchmod(descriptor, PID_FILE_MODE)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def switch_user(name: str) -> None:
    """Become the user `name` with its group and supplementary groups.

    Does nothing if the process has that user already.

    Raises:
        DaemonError: the user does not exist or the switch is not permitted.
    """
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise DaemonError(f"the user {name!r} does not exist") from error
    if os.getuid() == entry.pw_uid and os.geteuid() == entry.pw_uid:
        return
    try:
        os.setgid(entry.pw_gid)
        os.initgroups(name, entry.pw_gid)
        os.setuid(entry.pw_uid)
    except OSError as error:
        raise DaemonError(f"cannot become the user {name!r}: {error.strerror}") from error


def user_and_group() -> str:
    """Return `user:group` of this process, for log lines."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    try:
        group = grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        group = str(os.getegid())
    return f"{user}:{group}"


class Launch(Protocol):
    """How a starting daemon tells its launcher what became of it."""

    def ready(self) -> None:
        """Say that the start is complete; the launcher exits 0."""

    def fail(self, text: str, status: int = 1) -> NoReturn:
        """Give the launcher one line and its exit status, and end this process."""


class ForegroundLaunch:
    """No launcher: standard error belongs to us."""

    def ready(self) -> None:
        """Do nothing."""

    def fail(self, text: str, status: int = 1) -> NoReturn:
        """Write the line to standard error and exit."""
        _complain(text)
        raise SystemExit(status)


class BackgroundLaunch:
    """A launcher waits at the other end of a pipe."""

    def __init__(self, descriptor: int) -> None:
        """Keep the writing end."""
        self._descriptor: int | None = descriptor

    def ready(self) -> None:
        """Let the launcher exit 0."""
        self._send(b"\0")

    def fail(self, text: str, status: int = 1) -> NoReturn:
        """Let the launcher print the text and exit with `status`."""
        self._send(bytes([status]) + text.encode("utf-8", "replace")[:MAX_TEXT_BYTES])
        raise SystemExit(status)

    def _send(self, data: bytes) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, data)
            os.close(self._descriptor)
            self._descriptor = None


def detach() -> BackgroundLaunch:
    """Go to the background: two forks, new session, `/`, umask 0027, `/dev/null` as input.

    Returns in the daemon only. The caller's process waits for the daemon's word and exits.
    Standard output and error stay as they are until `silence`, so that early tracebacks show.
    """
    reading, writing = os.pipe()
    if os.fork() != 0:
        os.close(writing)
        _await_word(reading)
    os.close(reading)
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    settle()
    return BackgroundLaunch(writing)


def settle() -> None:
    """Set what every daemon has: directory `/`, umask 0027, `/dev/null` as standard input."""
    os.chdir("/")
    os.umask(UMASK)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)


def silence(path: Path | None = None) -> None:
    """Point standard output and error to `path` (appending), or to `/dev/null`."""
    sys.stdout.flush()
    sys.stderr.flush()
    target = logs.open_log(path or os.devnull)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _await_word(reading: int) -> NoReturn:
    """Wait as launcher; print what went wrong and exit as told."""
    word = b""
    while part := os.read(reading, MAX_TEXT_BYTES + 1):
        word += part
    if not word:
        _complain("the daemon ended during its start; see its log")
        os._exit(1)
    if word[0] != 0:
        _complain(word[1:].decode("utf-8", "replace"))
    os._exit(word[0])


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
