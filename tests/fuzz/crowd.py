"""A crowd of connections that stay, in a process of its own (a helper, see `helper.py`).

It keeps so many connections to one port open, from many addresses, and says nothing or one byte a
second on each. What is closed comes again, at a bounded pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ipc.frames import HEADER
from jobarranger.commands.demo_site import wait_until
from tests.fuzz.helper import Helper, help_out, pause
from tests.fuzz.inputs import HOME

#: Connections that are made in one second at most, at first and again.
PACE = 600
#: Seconds until a connection counts as not let in, and between two bytes of a drip.
CONNECT, DRIP_PAUSE = 10.0, 1.0
#: What a dripping connection says: the beginning of a frame of 60,000 bytes.
DRIP = HEADER + (60_000).to_bytes(8, "little") + b'{"kind":"jobnetrun"' + b" " * 1000
#: Open files besides the connections.
_OTHER_FILES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdPlan:
    """How many, where to, from where."""

    port: int
    connections: int
    addresses: int  #: so many addresses share the connections
    drips: bool  #: False: they are silent
    figures: str  #: file that shows how it stands

    def source(self, number: int) -> str:
        """Return the address of a connection: never one of the site's own people."""
        place = number % self.addresses
        return f"127.2.{place // 200}.{place % 200 + 2}"

    def write(self, *figures: int) -> None:
        """Write how it stands."""
        path = Path(self.figures)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(figures))
        new.replace(path)


class Members:
    """The connections of one process."""

    def __init__(self, plan: CrowdPlan) -> None:
        self._plan = plan
        self._absent = deque(range(plan.connections))
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = self.visits = self.refused = 0

    async def run(self, over: asyncio.Event) -> None:
        """Keep them connected until it is over; write how it stands twice a second."""
        reporting = asyncio.create_task(self._report())
        while not over.is_set():
            for _ in range(min(len(self._absent), PACE // 20)):
                task = asyncio.create_task(self._visit(self._absent.popleft()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await pause(over, 1 / 20)
        for task in [reporting, *self._tasks]:
            task.cancel()

    async def _visit(self, number: int) -> None:
        """Connect once and stay as long as we are let."""
        loop = asyncio.get_running_loop()
        with contextlib.closing(socket.socket()) as sock:
            sock.setblocking(False)
            try:
                sock.bind((self._plan.source(number), 0))
                async with asyncio.timeout(CONNECT):
                    await loop.sock_connect(sock, (HOME, self._plan.port))
            except OSError:
                self.refused += 1
                self._absent.append(number)
                return
            self.visits += 1
            self.open += 1
            with contextlib.suppress(OSError):
                await self._stay(sock)
            self.open -= 1
        self._absent.append(number)

    async def _stay(self, sock: socket.socket) -> None:
        """Be silent or drip until the other side has enough."""
        loop = asyncio.get_running_loop()
        drip = asyncio.create_task(self._drip(sock)) if self._plan.drips else None
        try:
            while await loop.sock_recv(sock, 4096):
                pass
        finally:
            if drip is not None:
                drip.cancel()

    async def _drip(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            for place in range(len(DRIP)):
                await loop.sock_sendall(sock, DRIP[place : place + 1])
                await asyncio.sleep(DRIP_PAUSE)

    async def _report(self) -> None:
        while True:
            self._plan.write(self.open, self.visits, self.refused)
            await asyncio.sleep(0.5)


class Crowd:
    """A crowd in a process of its own."""

    def __init__(self, directory: Path, name: str, plan: CrowdPlan) -> None:
        """Prepare."""
        self._plan = plan
        self._helper = Helper("tests.fuzz.crowd", name, directory)

    def __enter__(self) -> Self:
        """Start the process."""
        self._helper.start(json.dumps(asdict(self._plan)))
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self._helper.close()

    def gather(self, seconds: float) -> None:
        """Wait until as many as there are have come, let in or not."""
        wanted = self._plan.connections
        if not wait_until(lambda: sum(self.figures()[1:]) >= wanted, seconds):
            raise AssertionError(f"of {wanted} strangers only {self.figures()} came")

    def figures(self) -> tuple[int, int, int]:
        """Return (open now, let in so far, not let in so far)."""
        path = Path(self._plan.figures)
        if not path.exists():
            return 0, 0, 0
        now, visits, refused = json.loads(path.read_text())
        return now, visits, refused

    def __str__(self) -> str:
        """Return how it stands in words."""
        now, visits, refused = self.figures()
        return f"{now} strangers connected, {visits} let in so far, {refused} not"


async def work(text: str, over: asyncio.Event) -> None:
    """Carry out a plan until it is over."""
    plan = CrowdPlan(**json.loads(text))
    allow_files(plan.connections)
    await Members(plan).run(over)


def allow_files(wanted: int) -> None:
    """Allow this process so many open files, and a few more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < room:
        resource.setrlimit(resource.RLIMIT_NOFILE, (room, max(hard, room)))


if __name__ == "__main__":
    help_out(work)
