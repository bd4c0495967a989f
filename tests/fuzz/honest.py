"""The honest client: starts a jobnet so many times a second and takes the time of each start."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from jobarranger.client import ClientError
from tests.fuzz.site import JOBNET, FuzzSite

#: Starts that may be under way; more are late, which counts as slow.
UNDER_WAY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start as the client saw it."""

    asked_at: float  #: UTC seconds
    seconds: float  #: from the moment it was due to the reply
    run: int | None  #: None: it failed
    error: str = ""


class Honest:
    """Starts at a steady pace until asked to stop, however slow the answers are."""

    def __init__(self, site: FuzzSite, per_second: float = 10.0) -> None:
        """Prepare; `start` begins."""
        self._client = site.client()
        self._pause = 1 / per_second
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="honest")
        self._asked: list[Future[Start]] = []
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin to start runs."""
        self._thread.start()

    def stop(self) -> list[Start]:
        """Start no more; return all starts when they are answered."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.shutdown()
        return self.answered()

    def answered(self) -> list[Start]:
        """Return the starts that are over."""
        return [one.result() for one in list(self._asked) if one.done()]

    def _work(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(due - time.monotonic(), 0.0)):
            self._asked.append(self._pool.submit(self._one, due))
            due += self._pause

    def _one(self, due: float) -> Start:
        asked_at = time.time() - (time.monotonic() - due)
        run, error = None, ""
        try:
            run = self._client.start_jobnet(JOBNET)
        except ClientError as failure:
            error = str(failure)
        return Start(asked_at=asked_at, seconds=time.monotonic() - due, run=run, error=error)
