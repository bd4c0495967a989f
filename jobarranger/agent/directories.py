"""The directories of jobs: made, made again, read and removed.

`TmpDir/jobs` may be removed under the agent (a clean-up of temporary files, a hand that was too
quick). It is made again with its mode, but only where its place is free or its owner is us.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from jobarranger.agent.jobs import Job, Outcome, outcome_of_wait_status
from jobarranger.agent.starter import OUTPUT_BYTES
from jobarranger.agent.watch import read_claim
from jobarranger.errors import JobArrangerError

#: What is in a job's directory.
FILES = ("claim", "script", "stdout", "stderr", "job", "status")
#: Ends the name of a directory that is being removed.
GONE = ".gone"
#: Others may pass through the directory of all jobs, to their own, and not list it.
JOBS_MODE = 0o711
_JOB_DIRECTORY = re.compile(r"\d+-r?\d+(\.gone)?")


class JobsDirectory:
    """The directory of all job directories; nobody else may own it."""

    def __init__(self, tmp_dir: Path) -> None:
        """Make it in `TmpDir`, which must exist.

        Raises:
            JobArrangerError: it cannot be made, or belongs to somebody else.
        """
        self._tmp_dir = tmp_dir
        self.path = f"{tmp_dir}/jobs"
        try:
            self._tmp_mode = stat.S_IMODE(tmp_dir.stat().st_mode)
        except OSError as error:
            raise JobArrangerError(f"TmpDir: {tmp_dir}: {error.strerror}") from error
        self.keep()

    def keep(self) -> bool:
        """See that it is there with its mode; return whether it had to be made.

        Raises:
            JobArrangerError: it cannot be made, or belongs to somebody else.
        """
        made = False
        try:
            if not self._is_there():
                self._make()
                made = True
            found = os.lstat(self.path)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise JobArrangerError(f"{self.path} is not a directory of this user")
            if stat.S_IMODE(found.st_mode) != JOBS_MODE:
                os.chmod(self.path, JOBS_MODE)
        except OSError as error:
            text = f"TmpDir: cannot make {self.path}: {error.strerror}"
            raise JobArrangerError(text) from error
        return made

    def owner_of_tmp(self) -> int | None:
        """Return who could put other scripts in the place of ours, if that is not root."""
        found = self._tmp_dir.stat()
        safe = found.st_uid == 0 or found.st_mode & stat.S_ISVTX
        return None if safe else found.st_uid

    def _is_there(self) -> bool:
        try:
            os.lstat(self.path)
        except FileNotFoundError:
            return False
        return True

    def _make(self) -> None:
        if not self._tmp_dir.is_dir():
            os.mkdir(self._tmp_dir, 0o700)
            os.chmod(self._tmp_dir, self._tmp_mode)
        with suppress(FileExistsError):
            os.mkdir(self.path, 0o700)


def prepare(job: Job, user: str, *, anew: bool = True) -> None:
    """Make the job's directory; a job of another user may pass through it, not look into it.

    Args:
        job: whose directory.
        user: whom it is to run as; "" = ourselves.
        anew: make it if there is none. A wrapper may have claimed the one that is gone, unless
            none was asked for or all have said no.

    Raises:
        OSError: there is no room, or it is gone and must not be made anew.
    """
    if anew:
        with suppress(FileExistsError):
            os.mkdir(job.directory, 0o700)
    elif not os.path.isdir(job.directory):
        raise FileNotFoundError(errno.ENOENT, "the job's directory was removed")
    if user:  # also if we died between the two calls
        os.chmod(job.directory, 0o711)  # noqa: S103 - to pass through, not to look


def discard(job: Job) -> None:
    """Remove the job's directory; from then on no wrapper can claim it."""
    _remove(job.directory)


def sweep(jobs_dir: str, keep: Collection[str]) -> int:
    """Remove what an earlier life of the agent had no time to; return how many directories.

    Args:
        jobs_dir: the directory of all job directories.
        keep: directories of jobs that are not closed.
    """
    removed = 0
    for name in os.listdir(jobs_dir):
        path = f"{jobs_dir}/{name}"
        if path in keep or not _JOB_DIRECTORY.fullmatch(name):
            continue
        wrapper = read_claim(path)
        if wrapper is None or not wrapper.lives():
            _remove(path.removesuffix(GONE))
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed


def _remove(directory: str) -> None:
    """Rename, then delete: while the claim is deleted a late wrapper must not find its place."""
    gone = directory + GONE
    try:
        try:
            os.rename(directory, gone)
        except FileNotFoundError:
            return
        except OSError:  # one of the same name was left half removed
            shutil.rmtree(gone, ignore_errors=True)
            os.rename(directory, gone)
        for name in FILES:
            with suppress(FileNotFoundError):
                os.unlink(f"{gone}/{name}")
        os.rmdir(gone)
    except OSError:
        shutil.rmtree(gone, ignore_errors=True)


def read_outcome(directory: str) -> Outcome | None:
    """Return what the wrapper recorded; None if it recorded nothing."""
    try:
        status = json.loads(Path(directory, "status").read_bytes())
    except (OSError, ValueError):
        return None
    if "error" in status:
        return Outcome(result=1, message=f"the job could not be started: {status['error']}")
    code, signal = outcome_of_wait_status(int(status["wait_status"]))
    return Outcome(
        result=0,
        return_code=code,
        signal=signal,
        std_out=read_output(f"{directory}/stdout"),
        std_err=read_output(f"{directory}/stderr"),
    )


def read_output(path: str) -> str:
    """Return the beginning of an output file as text.

    At most 64,000 bytes, no half character at the end, cut at the first NUL; bytes that are not
    UTF-8 are replaced.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(OUTPUT_BYTES + 1)
    except OSError:
        return ""
    return as_text(data)


def as_text(data: bytes) -> str:
    """Return output bytes as text that fits into a result (see `read_output`)."""
    cut, _, _ = data.partition(b"\0")
    text = cut.decode("utf-8", "replace")
    encoded = text.encode()
    if len(encoded) <= OUTPUT_BYTES:
        return text
    return encoded[:OUTPUT_BYTES].decode("utf-8", "ignore")
