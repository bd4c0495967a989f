"""Looks names up without a name that hangs holding up the others.

A look-up in the system's resolver cannot be ended, so each has a thread of its own, which is left
alone when nobody waits for it any more. A name is not looked up twice at once, and names that took
long the last time never have more than half of the threads. While the resolver takes long, the
addresses that the name had a moment ago are used.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: One answer of `getaddrinfo`.
Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
Answer = Sequence[Found] | OSError | ValueError

#: Names looked up at once.
MOST = 256
#: A look-up that takes longer than this is slow (seconds).
SLOW = 0.5
#: For so long after an answer its addresses may stand in for one that does not come (seconds).
FRESH = 60.0
#: Names that are remembered.
REMEMBERED = 10_000


def ask_system(name: str, port: int) -> Sequence[Found]:
    """Ask the system's resolver, however long that takes."""
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)


def numeric(address: str, port: int) -> Sequence[Found]:
    """Return what a numeric address stands for; nothing if it is a name."""
    with contextlib.suppress(socket.gaierror):
        flags = socket.AI_NUMERICHOST
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)
    return ()


@dataclass(slots=True)
class _Name:
    """What is known of a name and port."""

    running: asyncio.Task[Answer] | None = None
    slow: bool = False  #: the last look-up took long
    last: Sequence[Found] = ()
    until: float = 0.0  #: `last` may be used (by the clock of the loop)


class Resolver:
    """Belongs to one event loop."""

    def __init__(
        self, ask: Callable[[str, int], Sequence[Found]] = ask_system, most: int = MOST
    ) -> None:
        """Know no name yet.

        Args:
            ask: looks a name up, on a thread.
            most: names looked up at once.
        """
        self._ask = ask
        self._names: dict[tuple[str, int], _Name] = {}
        self._threads = asyncio.Semaphore(most)
        self._slow_threads = asyncio.Semaphore(max(most // 2, 1))

    async def addresses(self, address: str, port: int) -> Sequence[Found]:
        """Return all addresses that a text stands for.

        Raises:
            OSError: it stands for none.
            ValueError: it cannot be a name.
        """
        if not address:
            raise OSError("the address is empty")
        return numeric(address, port) or await self._resolve(address, port)

    async def _resolve(self, name: str, port: int) -> Sequence[Found]:
        known = self._known(name, port)
        loop = asyncio.get_running_loop()
        if known.running is None:
            known.running = loop.create_task(self._look_up(name, port, known))
        running = known.running
        await asyncio.wait({running}, timeout=SLOW)
        if not running.done():
            if loop.time() < known.until:
                return known.last
            await asyncio.wait({running})
        answer = running.result()
        if isinstance(answer, (OSError, ValueError)):
            raise answer
        return answer

    def _known(self, name: str, port: int) -> _Name:
        """Return what is known of a name; the one known longest makes room for a new one."""
        known = self._names.get((name, port))
        if known is None:
            if len(self._names) >= REMEMBERED:
                del self._names[next(iter(self._names))]
            known = self._names[name, port] = _Name()
        return known

    async def _look_up(self, name: str, port: int, known: _Name) -> Answer:
        """Have a thread ask, as soon as one may; nobody who waits can end this."""
        loop = asyncio.get_running_loop()
        try:
            async with contextlib.AsyncExitStack() as stack:
                if known.slow:
                    await stack.enter_async_context(self._slow_threads)
                await stack.enter_async_context(self._threads)
                began = loop.time()
                answer = await self._on_a_thread(name, port)
                known.slow = loop.time() - began > SLOW
        finally:
            known.running = None
        if not isinstance(answer, (OSError, ValueError)):
            known.last, known.until = answer, loop.time() + FRESH
        return answer

    def _on_a_thread(self, name: str, port: int) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def give(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        def work() -> None:
            try:
                answer: Answer = self._ask(name, port)
            except (OSError, ValueError) as error:
                answer = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(give, answer)

        threading.Thread(target=work, name=f"look up {name}", daemon=True).start()
        return future
