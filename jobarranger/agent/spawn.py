"""The agent's side of the starter: ask for wrappers, hear of their starts.

`Starter` keeps one starter process alive. A request is a job directory with what to run; it may
be repeated at will, because a wrapper works only if it can claim the directory (starter.py). So a
starter that has died, or does not answer any more, is simply replaced by another.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from logging import getLogger
from pathlib import Path

from jobarranger.agent import starter
from jobarranger.agent.jobs import Job

log = getLogger(__name__)

#: Pauses before another starter is made: the first, and the longest; they double.
RESTART_SECONDS, RESTART_MOST = 1.0, 30.0
#: A starter that lived this long has worked; the pauses begin anew, in seconds.
PROVEN_SECONDS = 10.0
_SOCKET_BYTES = 1 << 20
_MESSAGE_BYTES = 4096


class Event(StrEnum):
    """What a wrapper has to say."""

    STARTED = "started"  #: it owns the job and has started it, or has recorded why not
    DELAYED = "delayed"  #: it owns the job and cannot start it yet; it goes on trying
    CLAIMED = "claimed"  #: another wrapper owns the job
    FAILED = "failed"  #: it could not claim the job, or lost it before anything was started
    HELD = "held"  #: of the starter itself: it cannot make a wrapper now


@dataclass(frozen=True, slots=True)
class Word:
    """One message of a wrapper."""

    directory: str
    event: Event
    wrapper: int = 0  #: process id
    start: int = 0  #: start time of the wrapper
    message: str = ""


class Starter:
    """A starter process and the two sockets to it; replaced when it dies or does not answer."""

    def __init__(
        self, heard: Callable[[Word], None], restarted: Callable[[], None], *, files: int
    ) -> None:
        """Start the process.

        Args:
            heard: called with each word of a wrapper.
            restarted: called after a new starter has replaced another; requests that were not
                answered should be repeated.
            files: soft limit of open files that jobs get.

        Raises:
            OSError: the machine cannot start another process.
        """
        self._heard = heard
        self._restarted = restarted
        self._files = files
        self._loop = asyncio.get_running_loop()
        self._backlog = bytearray()
        self._closed = False
        self._pause = RESTART_SECONDS
        self._again: asyncio.TimerHandle | None = None
        self._held = ""
        self._gone: list[subprocess.Popen[bytes]] = []
        self.heard_at = 0.0  #: time of the loop: its start, or the last word of it
        self._begin()

    def ask(self, job: Job, user: str, patience: float) -> None:
        """Have a wrapper made for the job; its directory must exist.

        Args:
            job: what to run.
            user: whom to run it as; "" = ourselves.
            patience: seconds in which the wrapper may try to start it.
        """
        request = {
            "directory": job.directory,
            "name": os.path.basename(job.directory),
            "script": job.order.script,
            "env": job.order.env,
            "run_user": user,
            "patience": patience,
        }
        body = json.dumps(request).encode("ascii")
        self._send(len(body).to_bytes(starter.FRAME_PREFIX_BYTES, "big") + body)

    @property
    def holds(self) -> bool:
        """Say whether it has said that it can make no wrappers now; it keeps what it was asked."""
        return bool(self._held)

    def silent_for(self) -> float:
        """Return for how many seconds nothing has been heard; 0 while another is on its way."""
        return 0.0 if self._again is not None else self._loop.time() - self.heard_at

    def replace(self) -> None:
        """Kill a starter that does not answer and make another."""
        log.error("the starter process %d does not answer; making another", self._process.pid)
        self._abandon()

    def reap(self) -> None:
        """See that those that were replaced do not stay as zombies; called about once a second."""
        self._gone = [each for each in self._gone if each.poll() is None]

    def drain(self) -> None:
        """Take all words that are there now."""
        if self._again is None:
            self._listen()

    async def close(self) -> None:
        """Let the starter end; wrappers go on."""
        self._closed = True
        if self._again is not None:
            self._again.cancel()
            return
        self._forget()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._process.wait), 2)

    def _begin(self) -> None:
        requests, theirs = socket.socketpair()
        announce, announcing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, announcing:
            for each in (requests, announcing):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            try:
                self._process = self._spawn(theirs.fileno(), announcing.fileno())
            except BaseException:
                requests.close()
                announce.close()
                raise
        self._requests, self._announce, self._held = requests, announce, ""
        requests.setblocking(False)
        announce.setblocking(False)
        self._loop.add_reader(announce, self._listen)
        self._loop.add_reader(requests, self._died)
        self._begun_at = self.heard_at = self._loop.time()

    def _spawn(self, requests: int, announce: int) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-I", "-S", starter.__file__]
        words += [str(requests), str(announce), str(self._files)]
        place = importlib.util.find_spec("setproctitle")
        if place is not None and place.origin is not None:
            words.append(str(Path(place.origin).parent.parent))
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(requests, announce),
            start_new_session=True,
        )

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
            self.heard_at = self._loop.time()
            word = json.loads(data)
            self._take(Word(**(word | {"event": Event(word["event"])})))

    def _take(self, word: Word) -> None:
        """Pass a word on; what the starter says of itself is logged once."""
        if word.event is not Event.HELD:
            self._held = ""
            self._heard(word)
        elif word.message != self._held:
            self._held = word.message
            log.error("no job can be started now, it is tried on: %s", word.message)

    def _died(self) -> None:
        """The starter closed its end: make a new one."""
        log.error("the starter process ended unexpectedly; making another")
        self._abandon()

    def _abandon(self) -> None:
        """Have done with this starter; another comes after a pause. Wrappers go on."""
        self._listen()
        self._forget()
        self._process.kill()
        self._gone.append(self._process)
        if self._loop.time() - self._begun_at > PROVEN_SECONDS:
            self._pause = RESTART_SECONDS
        self._begin_later()

    def _begin_later(self) -> None:
        self._again = self._loop.call_later(self._pause, self._begin_again)
        self._pause = min(2 * self._pause, RESTART_MOST)

    def _begin_again(self) -> None:
        self._again = None
        if self._closed:
            return
        try:
            self._begin()
        except (OSError, MemoryError) as error:
            log.error("no starter process can be made now: %s", starter.reason(error))  # noqa: TRY400
            self._begin_later()
        else:
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
