"""Fixtures that give each test a fresh database, on every product that is at hand.

`database` runs a test once per product (see `PRODUCTS`), `server_database` once for each that is a
server. A missing program skips its part at home and fails it where `CI=true`; lines at the end of
the run show how many tests each product saw.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import delete, insert, text

from jobarranger.clock import SystemClock
from jobarranger.db import schema, seeds
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType
from tests import services

#: `JOBARG_TEST_PRODUCTS=sqlite,mariadb` leaves the others out.
PRODUCTS = tuple(os.environ.get("JOBARG_TEST_PRODUCTS", "sqlite,mariadb,postgresql").split(","))
#: Those of them that are servers.
SERVER_PRODUCTS = tuple(product for product in PRODUCTS if product in services.SERVERS)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell's background job ignores it, and so would every process that a test starts
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast examples come says something of the machine, nothing of the product.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")

MakeDatabase = Callable[..., Database]


@pytest.fixture(params=PRODUCTS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a fresh, initialised database, once per product."""
    settings = request.getfixturevalue(f"{request.param}_settings")
    db = Database(settings, clock=SystemClock())
    yield db
    db.close()


@pytest.fixture(params=SERVER_PRODUCTS)
def server_settings(request: pytest.FixtureRequest) -> DatabaseSettings:
    """Return a fresh, initialised database, once for each product that is a server."""
    settings: DatabaseSettings = request.getfixturevalue(f"{request.param}_settings")
    return settings


@pytest.fixture
def server_database(server_settings: DatabaseSettings) -> Iterator[Database]:
    """Give the halves of `database` that are servers."""
    db = Database(server_settings, clock=SystemClock())
    yield db
    db.close()


@pytest.fixture(params=SERVER_PRODUCTS)
def own_server(request: pytest.FixtureRequest) -> Iterator[services.PrivateServer]:
    """Start a server for one test alone, to be killed and frozen; once for each product."""
    server = services.SERVERS[request.param]()
    try:
        yield server.start()
    except services.ServiceMissing as missing:
        _without(str(missing))
    finally:
        server.thaw()
        server.remove()


@pytest.fixture
def another(database: Database) -> Iterator[MakeDatabase]:
    """Return further `Database`s on the test's database, as other processes have them."""
    made: list[Database] = []

    def make(**options: object) -> Database:
        made.append(Database(database.settings, clock=SystemClock(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for db in made:
        db.close()


@pytest.fixture
def sqlite_settings(sqlite_template: Path, tmp_path: Path) -> DatabaseSettings:
    """Return a fresh, initialised SQLite file."""
    file = tmp_path / "jobarg.db"
    shutil.copyfile(sqlite_template, file)
    return DatabaseSettings(kind=DatabaseType.SQLITE, file=file)


@pytest.fixture
def mariadb_settings(mariadb_session: DatabaseSettings) -> DatabaseSettings:
    """Return a fresh, initialised database on the session's private MariaDB."""
    db = Database(mariadb_session, clock=SystemClock())
    _clean(db)
    db.close()
    return mariadb_session


@pytest.fixture(params=PRODUCTS)
def empty_settings(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    """Return a database without any table, once per product."""
    if request.param == "sqlite":
        return DatabaseSettings(kind=DatabaseType.SQLITE, file=tmp_path / "new" / "empty.db")
    port = request.getfixturevalue(f"{request.param}_port")
    return services.SERVERS[request.param].create_at(port, f"empty_{_worker()}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Initialise one SQLite file; tests copy it."""
    file = tmp_path_factory.mktemp("template") / "jobarg.db"
    settings = DatabaseSettings(kind=DatabaseType.SQLITE, file=file)
    db = Database(settings, clock=SystemClock())
    schema.ensure_embedded(db)
    db.read(lambda conn: conn.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")))
    db.close()
    return file


@pytest.fixture
def postgresql_settings(postgresql_session: DatabaseSettings) -> DatabaseSettings:
    """Return a fresh, initialised database on the session's private PostgreSQL."""
    db = Database(postgresql_session, clock=SystemClock())
    _clean(db)
    db.close()
    return postgresql_session


@pytest.fixture(scope="session")
def mariadb_session(mariadb_port: int) -> DatabaseSettings:
    """Initialise this worker's own database on the session's MariaDB."""
    name = f"jobarg_{_worker()}"
    return _initialised(services.PrivateMariaDB.create_at(mariadb_port, name))


@pytest.fixture(scope="session")
def postgresql_session(postgresql_port: int) -> DatabaseSettings:
    """Initialise this worker's own database on the session's PostgreSQL."""
    name = f"jobarg_{_worker()}"
    return _initialised(services.PrivatePostgreSQL.create_at(postgresql_port, name))


@pytest.fixture(scope="session")
def mariadb_port(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Return the port of the session's MariaDB, started by the first worker that asks."""
    return _port(tmp_path_factory, services.PrivateMariaDB)


@pytest.fixture(scope="session")
def postgresql_port(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Return the port of the session's PostgreSQL, started by the first worker that asks."""
    return _port(tmp_path_factory, services.PrivatePostgreSQL)


def _port(factory: pytest.TempPathFactory, kind: type[services.PrivateServer]) -> int:
    """Start a server unless a worker has; skip or fail if its program is missing."""
    with _state(_shared(factory)) as state:
        known = state.setdefault(kind.__name__, {})
        if not known:
            try:
                server = kind(guardian=_main_process(), durable=False).start()
            except services.ServiceMissing as missing:
                known["missing"] = str(missing)
            else:
                known.update(port=server.port, pid=server.pid, directory=str(server.directory))
    if "missing" in known:
        _without(known["missing"])
    return int(known["port"])


def _initialised(settings: DatabaseSettings) -> DatabaseSettings:
    db = Database(settings, clock=SystemClock())
    schema.create(db)
    db.close()
    return settings


def _without(reason: str) -> None:
    """Skip at home; in CI a missing product is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI must have it")
    pytest.skip(reason)


#: How to suspend foreign keys while everything is deleted.
_CHECKS = {
    DatabaseType.MYSQL: ("SET foreign_key_checks = 0", "SET foreign_key_checks = 1"),
    DatabaseType.POSTGRESQL: (
        "SET LOCAL session_replication_role = replica",
        "SET LOCAL session_replication_role = origin",
    ),
}


def _clean(db: Database) -> None:
    """Empty every table that holds rows and plant the seeds anew, in one transaction."""
    wanted = seeds.rows()

    off, on = _CHECKS[db.kind]

    def work(unit: Unit) -> None:
        unit.execute(text(off))
        for table in t.metadata.sorted_tables:
            unit.execute(delete(table))
        for table, rows in wanted.items():
            unit.execute(insert(table), rows)
        unit.execute(text(on))

    db.transaction(work)


def _worker() -> str:
    """Return the name of this pytest process."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def _shared(factory: pytest.TempPathFactory) -> Path:
    """Return the directory that all workers of this run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _main_process() -> int:
    """Return the process whose end ends the services: xdist's controller, else this one."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@contextmanager
def _state(directory: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Lock, read and write back what the workers know about the services."""
    with (directory / "services.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        state: dict[str, dict[str, Any]] = json.loads(file.read() or "{}")
        yield state
        file.seek(0)
        file.truncate()
        json.dump(state, file)


def pytest_xdist_auto_num_workers() -> int:
    """Return what `-n auto` means: more than processors, since crash tests wait more than work."""
    return max(2, len(os.sched_getaffinity(0)) * 3 // 2)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the services; only the main process does, when all workers are done."""
    if hasattr(session.config, "workerinput"):
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    base = getattr(factory, "_basetemp", None)
    if base is None or not (base / "services.json").exists():
        return
    with _state(base) as state:
        for known in state.values():
            if "pid" in known:
                services.end_process(known["pid"])
                shutil.rmtree(known["directory"], ignore_errors=True)
        state.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how many tests each product saw."""
    for product in PRODUCTS:
        seen: Counter[str] = Counter()
        for outcome in ("passed", "failed", "skipped"):
            for report in terminalreporter.stats.get(outcome, []):
                if product in re.split(r"[\[\]-]", report.nodeid):
                    seen[outcome] += 1
        if seen:
            counts = ", ".join(f"{count} {outcome}" for outcome, count in seen.items())
            terminalreporter.write_line(f"{product}: {counts}")
