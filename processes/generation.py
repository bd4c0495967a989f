"""Two generations of children never work side by side.

Every child holds a shared lock on `generation` in the runtime directory. A new parent waits for the
exclusive lock before it forks: whoever still works for a parent that was killed ends itself
when its lifeline closes, and only then the new children begin. The parent itself holds the
file `parent` locked as long as it lives, so that two servers cannot share a runtime directory.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jobarranger.clock import Clock
from jobarranger.errors import ConfigError

log = logging.getLogger(__name__)

#: Seconds between two tries to get the exclusive lock.
RETRY = 0.02
#: Seconds of waiting after which people should know.
REPORT_AFTER = 1.0


class Generation:
    """The locks of one runtime directory."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "generation"
        self._parent_path = runtime_dir / "parent"
        self._parent: int | None = None
        self._shared: int | None = None

    def claim(self, owner: tuple[int, int] | None = None) -> None:
        """Become the one parent of this runtime directory, for as long as the process lives.

        The lock is a POSIX record lock: it is not inherited by children.

        Args:
            owner: user and group id to give the files to.

        Raises:
            ConfigError: another server is alive on it.
        """
        self._parent = _open(self._parent_path)
        os.close(_open(self._path))
        if owner is not None:
            os.chown(self._parent_path, *owner)
            os.chown(self._path, *owner)
        try:
            fcntl.lockf(self._parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"JaRuntimeDir {self._path.parent} is in use by another running server"
            ) from error

    def mend(self) -> bool:
        """Lock anew if somebody has removed the files; return whether that was so.

        As long as the process lives: the parent its own file, a child the generation's.

        Raises:
            OSError: they cannot be made.
        """
        path = self._parent_path if self._parent is not None else self._path
        held = self._parent if self._parent is not None else self._shared
        if held is None or path.exists():
            return False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._parent is not None:
            self._parent = _open(path)  # the old one stays open: closing is for the end
            fcntl.lockf(self._parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            self._shared = _open(path)
            fcntl.flock(self._shared, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True

    def wait_alone(
        self,
        clock: Clock,
        report: Callable[[int], None],
        *,
        kill_after: float,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until no child of an earlier parent is left.

        Args:
            clock: the time.
            report: is given the seconds waited so far, again and again at growing distances.
            kill_after: seconds after which children that do not end are killed; they cannot
                belong to a living parent, since `claim` has succeeded.
            look: called all the time; whatever it raises ends the waiting.
        """
        descriptor = _open(self._path)
        started, report_at, kill_at = clock.monotonic(), REPORT_AFTER, kill_after
        try:
            while not _try_lock(descriptor):
                look()
                waited = clock.monotonic() - started
                if waited >= report_at:
                    report(round(waited))
                    report_at *= 3
                if waited >= kill_at:
                    kill_at = float("inf")
                    self._kill_holders()
                clock.sleep(RETRY)
        finally:
            os.close(descriptor)

    def join(self) -> bool:
        """Take the shared lock as a child; False when a new parent has the generation."""
        if self._parent is not None:
            os.close(self._parent)  # the lock on it is the parent's and stays
            self._parent = None
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._shared = _open(self._path)
        try:
            fcntl.flock(self._shared, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _kill_holders(self) -> None:
        for pid in self._holders():
            log.warning("process %s of an earlier start does not end, it is killed", pid)
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _holders(self) -> list[int]:
        """Return the processes that hold the lock, as the kernel lists them."""
        wanted = self._path.stat().st_ino
        pids = set()
        with suppress(OSError), open("/proc/locks", encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if fields[1] == "FLOCK" and fields[5].endswith(f":{wanted}"):
                    pids.add(int(fields[4]))
        return sorted(pids - {0, os.getpid()})


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
