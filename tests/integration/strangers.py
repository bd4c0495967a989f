"""Connections from people who mean no good: many, silent, slow or rude."""

from __future__ import annotations

import resource
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import psutil

T = TypeVar("T")

RESET = struct.pack("ii", 1, 0)


def many_addresses(count: int) -> list[str]:
    """Return so many local addresses."""
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count)]


class Strangers:
    """Connections to a local port that stay open until the end, if the other side lets them."""

    def __init__(
        self, port: int, count: int, sources: Sequence[str], *, words: bytes = b""
    ) -> None:
        """Prepare `count` connections, from the addresses in turn; each says `words`."""
        self._port = port
        self._count = count
        self._sources = sources
        self._words = words
        self.connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        for number in range(self._count):
            source = self._sources[number % len(self._sources)]
            one = socket.create_connection(("127.0.0.1", self._port), 10, (source, 0))
            self.connections.append(one)
            if self._words:
                with suppress(OSError):
                    one.sendall(self._words)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self.connections:
            one.close()


def rude(port: int, payload: bytes, source: str = "127.0.0.9") -> None:
    """Send a request and reset the connection at once."""
    with socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as one:
        with suppress(ConnectionError):
            one.sendall(payload)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return how many seconds some work took, and its result."""
    begin = time.monotonic()
    result = work()
    return time.monotonic() - begin, result


@contextmanager
def many_files() -> Iterator[None]:
    """Allow this process as many open files as it may have, for a while."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Growth:
    """By how much a process and its log have grown since this was made."""

    def __init__(self, process: psutil.Process, log: Path) -> None:
        """Look at both now."""
        self._process = process
        self._log = log
        self._memory, self._bytes = process.memory_info().rss, log.stat().st_size

    @property
    def memory(self) -> float:
        """Return mebibytes."""
        return (self._process.memory_info().rss - self._memory) / (1 << 20)

    @property
    def log_bytes(self) -> int:
        """Return bytes of log."""
        return self._log.stat().st_size - self._bytes


def report(growth: Growth, **seconds: float) -> None:
    """Show the figures of a test to whoever runs it with `-s`."""
    times = ", ".join(f"{name} {value:.3f} s" for name, value in seconds.items())
    figures = f"{growth.memory:.1f} MiB, {growth.log_bytes} bytes of log"
    sys.stdout.write(f"{times}, {figures}\n")
