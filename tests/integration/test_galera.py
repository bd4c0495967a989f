"""Nodes of a Galera cluster: no transaction is ever halved, whatever another node writes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from jobarranger.clock import SystemClock
from jobarranger.config import load_server
from jobarranger.db import mysql, schema
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.pipeline import ATTRIBUTE, Pipeline, check_count, pipeline_of, together
from jobarranger.errors import StateConflict
from processes import startcheck
from tests.conftest import SERVER_PRODUCTS
from tests.services import PrivateGalera, ServiceMissing, wait_until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif("mariadb" not in SERVER_PRODUCTS, reason="MariaDB is left out"),
]

#: Transactions of each trial.
TRIALS = 15
#: Seconds between the two halves of a transaction: the other node's write comes in between.
BETWEEN = 0.1

PARAMETER = t.parameter.c
HALVES = "ZBXSND_RETRY_COUNT", "ZBXSND_RETRY_INTERVAL"


@pytest.fixture(scope="module")
def first() -> Iterator[PrivateGalera]:
    """Start the node that makes the cluster."""
    node = PrivateGalera()
    try:
        yield _started(node)
    finally:
        node.remove()


@pytest.fixture(scope="module")
def second(first: PrivateGalera) -> Iterator[PrivateGalera]:
    """Start a node that joins it."""
    node = PrivateGalera(first)
    try:
        yield _started(node)
    finally:
        node.remove()


def _started(node: PrivateGalera) -> PrivateGalera:
    try:
        return node.start()
    except ServiceMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture
def here(first: PrivateGalera) -> Iterator[Database]:
    """Give a fresh database by the first node."""
    db = Database(first.create_database("galera"), clock=SystemClock())
    schema.create(db)
    yield db
    db.close()


def more(name: str, by: int) -> object:
    """Return the statement that adds to a number that is kept as text."""
    number = text(f"CAST(value AS SIGNED) + {by}")
    return update(t.parameter).where(PARAMETER.parameter_name == name).values(value=number)


def values(db: Database) -> tuple[int, int]:
    """Return both numbers."""
    query = select(PARAMETER.parameter_name, PARAMETER.value)
    rows = dict(db.read(lambda conn: conn.execute(query).all()))
    return int(rows[HALVES[0]]), int(rows[HALVES[1]])


def test_a_node_is_known_and_sent_no_packets(here: Database) -> None:
    """One statement at a time, BEGIN as well; guards among held writes are looked at at once."""
    assert here.read(mysql.on_galera)
    assert here.read(pipeline_of) is None

    def work(unit):
        with together(unit.conn):
            result = unit.execute(more(HALVES[0], 1))
            check_count(unit.conn, result, expect_one)
            unit.execute(more(HALVES[1], 1))

    start = values(here)
    before = here.statements
    here.transaction(work)
    assert here.statements - before == 4  # BEGIN, two writes, COMMIT
    assert values(here) == (start[0] + 1, start[1] + 1)


def expect_one(met):
    """Be the check of a guard."""
    if met != 1:
        raise StateConflict(f"{met} rows")


def test_the_start_check_warns(here: Database, tmp_path: Path, caplog) -> None:
    """Whoever starts a server on a node reads what is not supported yet, in one line."""
    file, settings = tmp_path / "server.conf", here.settings
    file.write_text(
        f"DBType=mysql\nDBHost={settings.host}\nDBPort={settings.port}\nDBName={settings.name}\n"
        f"DBUser={settings.user}\nDBPassword={settings.password}\nTmpDir={tmp_path}\n"
        f"JaRuntimeDir={tmp_path}\nJaStateDir={tmp_path}\n"
    )
    config, _ = load_server(file)
    startcheck.check(config, SystemClock())
    reported = [line for line in caplog.messages if "JASERVER300008" in line]
    assert len(reported) == 1
    assert "several servers on several nodes are not supported" in reported[0]


def test_a_server_that_is_no_node_is_known(mariadb_settings) -> None:
    """Packets are sent there, whether or not the server has heard of Galera."""
    db = Database(mariadb_settings, clock=SystemClock())
    assert not db.read(mysql.on_galera)
    assert db.read(pipeline_of) is not None
    db.close()


def halved(db: Database, other: Database, *, packets: bool) -> tuple[int, int]:
    """Let another node write between the halves of transactions; return how many were halved.

    Also returns how many attempts were undone and made again, which is how it should be.
    """
    writers: list[threading.Timer] = []
    begun = threading.Event()
    attempts = []

    def work(unit):
        attempts.append(1)
        if packets:
            setattr(unit.conn.connection.driver_connection, ATTRIBUTE, Pipeline("DO 0"))
        if not begun.is_set():
            begun.set()
            writers.append(threading.Timer(BETWEEN / 2, lambda: other.transaction(write)))
            writers[-1].start()
        with together(unit.conn):
            unit.execute(more(HALVES[0], 1))
            unit.execute(text(f"DO SLEEP({BETWEEN})"))
            unit.execute(more(HALVES[1], 1))

    start = values(db)
    for _ in range(TRIALS):
        begun.clear()
        db.transaction(work)
        writers[-1].join()
    firsts, seconds = (now - then for now, then in zip(values(db), start, strict=True))
    return seconds - firsts % 1000, len(attempts) - TRIALS


def write(unit):
    """Be another node's write to the row of the first half."""
    unit.execute(more(HALVES[0], 1000))


def test_no_transaction_is_halved(here: Database, second: PrivateGalera) -> None:
    """A write of another node between two of ours undoes both; then both are made again.

    With packets of several statements the first is undone in silence and the second committed:
    the trial sees it when they are forced upon it.
    """
    other = Database(second.settings("galera"), clock=SystemClock())
    other.read(lambda conn: conn.execute(select(func.count()).select_from(t.parameter)).scalar())
    lost, repeated = halved(here, other, packets=False)
    assert lost == 0
    assert repeated > 0
    assert any(halved(here, other, packets=True)[0] for _ in range(5))
    other.close()


def test_a_commit_that_the_cluster_never_answered(here: Database, second: PrivateGalera) -> None:
    """The other node stands still while COMMIT is on its way: the node loses the majority.

    Nobody knows what became of the COMMIT (1180, or no answer): the key that was reserved shows it.
    """
    assert here.transaction(add_request, landed=landed) == 7
    met: list[str] = []
    second.freeze()
    thread = threading.Thread(target=lambda: rescue(here.settings))
    thread.start()
    try:
        here.transaction(lambda unit: add_request(unit, "r2", met), landed=landed_2, patience=60)
    finally:
        second.thaw()
        thread.join(30)
    query = select(func.count()).select_from(t.ext_request)
    assert here.read(lambda conn: conn.execute(query).scalar()) == 2
    assert len(met) > 1


def add_request(unit, name="r1", attempts=None):
    """Insert a row under a key of our own choosing."""
    if attempts is not None:
        attempts.append(name)
    unit.execute(insert(t.ext_request), {"request_id": name, "inner_jobnet_id": 7, "at": 1})
    return 7


def landed(conn, name="r1"):
    """Look for the row of `add_request`."""
    query = select(t.ext_request.c.inner_jobnet_id).where(t.ext_request.c.request_id == name)
    return conn.execute(query).scalar()


def landed_2(conn):
    """Look for the second one."""
    return landed(conn, "r2")


def rescue(settings):
    """Be the administrator who sets the node that is left to go on alone."""
    db = Database(settings, clock=SystemClock())
    wait_until(lambda: status(db, "wsrep_cluster_status") != "Primary", "the majority is lost", 40)
    go_on = "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'"
    db.read(lambda conn: conn.execute(text(go_on)))
    db.close()


def status(db, name):
    """Return a status of the node."""
    ask = text(f"SHOW STATUS LIKE '{name}'")
    return db.read(lambda conn: conn.execute(ask).one()[1])
