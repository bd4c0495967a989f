"""The journal's file: opened, locked, and written anew when it is taken away under the agent.

SQLite goes on writing into a file that has no name any more, and nothing of that would outlive the
agent. So before each commit the names are compared with what is open. A missing file is written
anew from the open one, with everything that it holds; a stranger in its place is put aside first.

The file may be the one of an original agent; its table is left alone.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from logging import getLogger
from pathlib import Path

from jobarranger.errors import JobArrangerError

log = getLogger(__name__)

#: How long a lock of somebody else is waited for, in seconds.
BUSY_SECONDS = 3
#: Ends the name of a stranger that was found in the journal's place.
ASIDE = ".replaced"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ja_agent_job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id INTEGER NOT NULL,
  attempt INTEGER,
  method INTEGER NOT NULL,
  type TEXT NOT NULL,
  script TEXT NOT NULL,
  env TEXT NOT NULL,
  run_user TEXT NOT NULL,
  server_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  peer TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT
);
CREATE INDEX IF NOT EXISTS ja_agent_job_id ON ja_agent_job (job_id, id);
CREATE INDEX IF NOT EXISTS ja_agent_job_open ON ja_agent_job (state) WHERE state < 3;
CREATE INDEX IF NOT EXISTS ja_agent_job_end ON ja_agent_job (ended_at) WHERE state = 3;
"""

#: Device and inode of the file, of its log and of its lock; None where there is none.
Identity = tuple[tuple[int, int] | None, ...]


class JournalError(JobArrangerError):
    """The journal cannot be opened or written: names the file and the reason."""


class JournalFile:
    """The open and locked file; a second agent on it is refused."""

    def __init__(self, path: Path) -> None:
        """Lock and open it, and prepare its table.

        Raises:
            JournalError: it is locked by another agent, unreadable or damaged.
        """
        self.path = path
        self._lock = _lock(path)
        try:
            self.db = _open(path)
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise JournalError(f"cannot open the journal {path}: {error}") from error
        self._opened = self._present()
        self._is_open = True

    def intact(self) -> bool:
        """Return whether the open files are still those that have the names."""
        return self._is_open and self._present() == self._opened

    def keep(self) -> None:
        """Write the files anew if they are not there any more.

        Raises:
            JournalError: another agent has taken the place.
            OSError, sqlite3.Error: there is no room for it now; to be called again.
        """
        if self.intact():
            return
        if self._is_open:
            self._write_anew()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self.db = _open(self.path)
        self._opened = self._present()
        self._is_open = True

    def close(self) -> None:
        """Give up the file."""
        self.db.close()
        os.close(self._lock)

    def _present(self) -> Identity:
        return tuple(_identity(f"{self.path}{suffix}") for suffix in ("", "-wal", ".lock"))

    def _write_anew(self) -> None:
        """Put a copy of what is open in its place, and close what is open."""
        self._lock_again()
        self._put_stranger_aside()
        self._copy_into_place()
        log.error("the journal %s was removed or replaced; it is written anew", self.path)
        self._is_open = False
        self.db.close()

    def _lock_again(self) -> None:
        if _identity(f"{self.path}.lock") == self._opened[2]:
            return
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = _lock(self.path)
        os.close(self._lock)
        self._lock = lock

    def _put_stranger_aside(self) -> None:
        for name, mine in zip(("", "-wal"), self._opened, strict=False):
            if _identity(f"{self.path}{name}") not in {mine, None}:
                os.rename(f"{self.path}{name}", f"{self.path}{ASIDE}{name}")
                log.error("what stood in its place is now %s%s%s", self.path, ASIDE, name)

    def _copy_into_place(self) -> None:
        """Copy the open database; it keeps its name only when the copy is safe on disk."""
        draft = f"{self.path}.new"
        with suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
                self.db.backup(copy)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(draft, self.path)
        _sync_directory(self.path.parent)


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    name = f"{path}.lock"
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot open {name}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalError(f"another agent works with the journal {path}") from error
    return descriptor


def _open(path: Path) -> sqlite3.Connection:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(PermissionError):  # an original's file may be open to all
        os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db
