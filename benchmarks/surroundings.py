"""Where a bench runs: a fresh database, a server and an agent with the shipped parameters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.figures import Questions, cpu_seconds
from jobarranger.db.settings import DatabaseSettings
from tests.services import SERVERS, PrivateServer
from tests.stack import Stack

PRODUCTS = ("sqlite", *SERVERS)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A running site and the database server below it."""

    product: str
    base: Path  #: below which everything lies
    stack: Stack
    server: PrivateServer | None

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the processes of server, agent and database."""
        found = {
            "server": self.stack.processes("jobarg_server"),
            "agent": self.stack.processes("jobarg_agentd"),
        }
        if self.server is not None:
            parent = psutil.Process(self.server.pid)
            found["database"] = [parent, *parent.children(recursive=True)]
        return found

    def cpu(self) -> dict[str, float]:
        """Return the processor seconds that each of them has used."""
        return {name: cpu_seconds(family) for name, family in self.processes().items()}

    @property
    def questions(self) -> Questions:
        """Return the statement counter of the database server."""
        return Questions(self.server)


class Meter:
    """Processor time and statements that the work costs from now on."""

    def __init__(self, place: Surroundings) -> None:
        """Begin."""
        self._place = place
        self._cpu = place.cpu()
        self._questions = place.questions.count()

    def per_icon(self, icons: int) -> dict[str, float | str]:
        """Return what was used for each of so many icons."""
        statements = self._place.questions.count() - self._questions
        used = self._place.cpu()
        found: dict[str, float | str] = {
            f"{name}_cpu_ms_per_icon": round((used[name] - self._cpu[name]) * 1000 / icons, 2)
            for name in used
        }
        if statements:
            found["statements_per_icon"] = round(statements / icons, 1)
        return found


@contextmanager
def surroundings(product: str, base: Path, **parameters: object) -> Iterator[Surroundings]:
    """Start a database of its own, server and agent; end and remove everything afterwards.

    `parameters` are the server's, instead of the shipped ones.
    """
    server, settings = _database(product)
    try:
        stack = Stack(
            Path(tempfile.mkdtemp(prefix="bench-", dir=base)), settings, server=parameters
        )
        try:
            stack.start()
            yield Surroundings(product, base, stack, server)
        finally:
            stack.close()
    finally:
        if server is not None:
            server.remove()


def _database(product: str) -> tuple[PrivateServer | None, DatabaseSettings | None]:
    """Start a database server for one bench (SQLite needs none), reached by its local socket."""
    if product not in SERVERS:
        return None, None
    server = SERVERS[product]().start()
    server.create_database("jobarg")
    return server, server.local_settings("jobarg")
