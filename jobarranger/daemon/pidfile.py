"""The file with the decimal process id, locked while the daemon lives."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from jobarranger.daemon.errors import DaemonError

#: Who may read it: everybody, whatever the umask.
MODE = 0o644


class PidFile:
    """The pid file of this process.

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
        descriptor = os.open(path, flags, MODE)
    except OSError as error:
        raise DaemonError(f"cannot open the pid file {path}: {error.strerror}") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        other = os.pread(descriptor, 20, 0).decode(errors="replace")
        os.close(descriptor)
        raise DaemonError(f"already running: {path} is locked by process {other}") from error
    with suppress(PermissionError):  # one that somebody else has left
        os.fchmod(descriptor, MODE)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
