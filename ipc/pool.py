"""A few threads for the slow parts of requests: decoding what is large, writing to a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from ipc import budget

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; if the caller is cancelled, `work` goes on without it.

    What it raises then has nobody left to report to.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)


class Pool:
    """Runs work for handlers; what waits is bounded by the memory that requests may claim."""

    def __init__(self, threads: int, name: str) -> None:
        """Start threads when they are needed, `threads` at most."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[..., T], /, *arguments: object) -> T:
        """Return what `work` returns.

        If the caller is cancelled, work that has not begun is dropped. Work that has begun goes on,
        and the request's claim lasts until it is over.
        """
        loop = asyncio.get_running_loop()
        release = budget.keep()
        job = self._executor.submit(work, *arguments)

        def over(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody counts any more
                loop.call_soon_threadsafe(release)

        job.add_done_callback(over)
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        """Drop what waits and end the threads after the work in progress."""
        self._executor.shutdown(wait=False, cancel_futures=True)
