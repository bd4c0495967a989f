"""The file with the decimal process id, locked while the daemon lives."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from jobarranger.daemon.errors import DaemonError


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
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise DaemonError(f"cannot open the pid file {path}: {error.strerror}") from error
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = os.pread(descriptor, 20, 0).decode(errors="replace")
            os.close(descriptor)
            raise DaemonError(f"already running: {path} is locked by process {other}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return cls(path, descriptor)

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
