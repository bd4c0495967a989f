"""The bare limit: what the same work would cost with nothing around it.

`JOB_ICON`: spawn `/bin/sh -c true` and wait for it, two request/reply exchanges over loopback, two
durable commits on the same database. `STARTED_JOBNET`: one exchange for the request, and a durable
commit for each of three icons. The data lie beside the server's.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from sqlalchemy import text

from jobarranger.db.engine import Database, Unit

#: Passes of the loop.
PASSES = 60
REQUEST = b"x" * 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """What is done in one pass."""

    spawns: int
    exchanges: int
    commits: int


JOB_ICON = Bare(spawns=1, exchanges=2, commits=2)
STARTED_JOBNET = Bare(spawns=0, exchanges=1, commits=3)


def bare_limit_ms(db: Database, bare: Bare) -> float:
    """Return the milliseconds that one pass costs at the very least.

    Args:
        db: an initialised database on which nothing else happens at the moment.
        bare: what is done.
    """
    kind = "CREATE TABLE IF NOT EXISTS bare_limit (id INTEGER PRIMARY KEY, value INTEGER)"
    db.read(lambda conn: conn.execute(text(kind)))
    db.transaction(lambda unit: unit.execute(text("INSERT INTO bare_limit VALUES (1, 0)")))
    port, server = _echo_server()
    try:
        _loop(db, port, bare, 5)
        started = time.perf_counter()
        _loop(db, port, bare, PASSES)
        return (time.perf_counter() - started) / PASSES * 1000
    finally:
        server.close()
        db.read(lambda conn: conn.execute(text("DROP TABLE bare_limit")))


def _loop(db: Database, port: int, bare: Bare, passes: int) -> None:
    """Do the bare work some times, one after the other."""
    statement = text("UPDATE bare_limit SET value = value + 1 WHERE id = 1")

    def count(unit: Unit) -> None:
        unit.execute(statement)

    for _ in range(passes):
        for _ in range(bare.spawns):
            subprocess.run(["/bin/sh", "-c", "true"], check=True)
        for _ in range(bare.exchanges):
            _exchange(port)
        for _ in range(bare.commits):
            db.transaction(count)


def _exchange(port: int) -> None:
    """Send one request over a connection of its own and read the reply."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST)
        if connection.recv(4096) != REQUEST:
            raise AssertionError("the echo differs")


def _echo_server() -> tuple[int, socket.socket]:
    """Start a server in a thread that sends each request back; return its port and socket."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(4096))

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1], server
