"""The agent's side of the starter: ask for wrappers, hear of their starts.

`Starter` keeps one starter process alive. A request is a job directory with what to run; it may
be repeated at will, because a wrapper works only if it can claim the directory (starter.py).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from logging import getLogger
from pathlib import Path

from jobarranger.agent import starter
from jobarranger.agent.jobs import Job, Outcome, outcome_of_wait_status
from jobarranger.agent.watch import read_claim

log = getLogger(__name__)

#: Bytes of each output stream that a result carries.
OUTPUT_BYTES = 64_000
#: What is in a job's directory.
FILES = ("claim", "script", "stdout", "stderr", "job", "status")
#: Ends the name of a directory that is being removed.
GONE = ".gone"
_JOB_DIRECTORY = re.compile(r"\d+-r?\d+(\.gone)?")
RESTART_SECONDS = 1.0
_SOCKET_BYTES = 1 << 20
_MESSAGE_BYTES = 4096


class Event(StrEnum):
    """What a wrapper has to say."""

    STARTED = "started"  #: it owns the job and has started it
    CLAIMED = "claimed"  #: another wrapper owns the job
    FAILED = "failed"  #: no wrapper could be made


@dataclass(frozen=True, slots=True)
class Word:
    """One message of a wrapper."""

    directory: str
    event: Event
    wrapper: int = 0  #: process id
    start: int = 0  #: start time of the wrapper
    message: str = ""


class Starter:
    """A starter process and the two sockets to it; replaced when it dies."""

    def __init__(
        self, heard: Callable[[Word], None], restarted: Callable[[], None], *, files: int
    ) -> None:
        """Start the process.

        Args:
            heard: called with each word of a wrapper.
            restarted: called after a new starter has replaced a dead one; requests that were not
                answered should be repeated.
            files: soft limit of open files that jobs get.
        """
        self._heard = heard
        self._restarted = restarted
        self._files = files
        self._loop = asyncio.get_running_loop()
        self._backlog = bytearray()
        self._closed = False
        self._begin()

    def ask(self, job: Job, user: str) -> None:
        """Have a wrapper made for the job; its directory must exist."""
        request = {
            "directory": job.directory,
            "name": os.path.basename(job.directory),
            "script": job.order.script,
            "env": job.order.env,
            "run_user": user,
        }
        body = json.dumps(request).encode("ascii")
        self._send(len(body).to_bytes(starter.FRAME_PREFIX_BYTES, "big") + body)

    async def close(self) -> None:
        """Let the starter end; wrappers go on."""
        self._closed = True
        self._forget()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._process.wait), 2)

    def _begin(self) -> None:
        requests, theirs = socket.socketpair()
        announce, announcing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (requests, announcing):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        words = [sys.executable, "-I", "-S", starter.__file__]
        words += [str(theirs.fileno()), str(announcing.fileno()), str(self._files)]
        place = importlib.util.find_spec("setproctitle")
        if place is not None and place.origin is not None:
            words.append(str(Path(place.origin).parent.parent))
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), announcing.fileno()),
            start_new_session=True,
        )
        theirs.close()
        announcing.close()
        self._requests, self._announce = requests, announce
        requests.setblocking(False)
        announce.setblocking(False)
        self._loop.add_reader(announce, self._listen)
        self._loop.add_reader(requests, self._died)

    def _send(self, data: bytes) -> None:
        """Send at once what the socket takes, and the rest when it takes more."""
        if not self._backlog:
            try:
                sent = self._requests.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return  # it has died; `restarted` will repeat the request
            data = data[sent:]
            if data:
                self._loop.add_writer(self._requests, self._send_backlog)
        self._backlog += data

    def _send_backlog(self) -> None:
        try:
            del self._backlog[: self._requests.send(self._backlog)]
        except BlockingIOError:
            return
        except OSError:
            self._backlog.clear()
        if not self._backlog:
            self._loop.remove_writer(self._requests)

    def _listen(self) -> None:
        """Take all words that are there; nobody at the other end is the end of the starter."""
        while True:
            try:
                data = self._announce.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._loop.remove_reader(self._announce)
                return
            word = json.loads(data)
            self._heard(Word(**(word | {"event": Event(word["event"])})))

    def _died(self) -> None:
        """The starter closed its end: make a new one."""
        log.error("the starter process ended unexpectedly; starting another")
        self._listen()
        self._forget()
        self._process.kill()
        self._process.wait()
        self._loop.call_later(RESTART_SECONDS, self._begin_again)

    def _begin_again(self) -> None:
        if not self._closed:
            self._begin()
            self._restarted()

    def _forget(self) -> None:
        self._loop.remove_writer(self._requests)
        self._loop.remove_reader(self._requests)
        self._loop.remove_reader(self._announce)
        self._backlog.clear()
        self._requests.close()
        self._announce.close()


def raise_file_limit() -> int:
    """Allow ourselves as many open files as we may have; return the limit before that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft


def prepare(job: Job, user: str) -> None:
    """Make the job's directory; a job of another user may pass through it, not look into it."""
    with suppress(FileExistsError):
        os.mkdir(job.directory, 0o700)
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
