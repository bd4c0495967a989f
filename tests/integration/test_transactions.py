"""Transactions: repeated when they must be, committed once, whatever happens to the connection."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from jobarranger.clock import SystemClock
from jobarranger.db import ids, schema
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.pipeline import check_count, together
from jobarranger.db.retry import Retry
from jobarranger.errors import (
    CannotStore,
    DatabaseUnavailable,
    SchemaError,
    StateConflict,
    TryAgain,
)
from jobarranger.loading.rows import loaded_starts
from jobarranger.states import Counter, DatabaseType, DatedKind
from jobarranger.wakes import Role, Wake
from tests.proxy import Proxy
from tests.services import COMMITS

PARAMETER = t.parameter.c


def value_of(name, value):
    """Return the statement that sets a parameter."""
    return update(t.parameter).where(PARAMETER.parameter_name == name).values(value=value)


def read_value(db, name):
    """Return a parameter as committed."""
    query = select(PARAMETER.value).where(PARAMETER.parameter_name == name)
    return db.read(lambda conn: conn.execute(query).scalar())


def add_request(unit, name="r1"):
    """Insert a row under a key of our own choosing."""
    unit.execute(insert(t.ext_request), {"request_id": name, "inner_jobnet_id": 7, "at": 1})
    return 7


def requests(db):
    """Return how many such rows there are."""
    query = select(func.count()).select_from(t.ext_request)
    return db.read(lambda conn: conn.execute(query).scalar())


def landed(conn):
    """Look for the row of `add_request`."""
    query = select(t.ext_request.c.inner_jobnet_id).where(t.ext_request.c.request_id == "r1")
    return conn.execute(query).scalar()


def test_a_statement_too_large_is_no_lost_connection(server_database):
    """What no server can be sent is an error of the program: it is not tried again."""
    if server_database.kind is DatabaseType.MYSQL:
        expected: type[Exception] = CannotStore
        query = "SELECT LENGTH(%(v)s)"
        values: dict[str, Any] = {"v": "x" * 17_000_000}
    else:
        expected = OperationalError
        names = [f"v{number}" for number in range(65_536)]
        query = f"SELECT {'+'.join(f'%({name})s' for name in names)}"
        values = dict.fromkeys(names, 1)
    calls = []

    def work(unit):
        calls.append(unit)
        unit.conn.exec_driver_sql(query, values)

    with pytest.raises(expected):
        server_database.transaction(work)
    assert len(calls) == 1
    assert server_database.read(lambda conn: conn.execute(select(1)).scalar()) == 1


@pytest.mark.parametrize("count", [1, 40_000])
def test_lists_of_any_length(database, count):
    """However many versions come into force or go, whatever the product takes in one statement."""
    names = [(DatedKind.CALENDAR, f"C{number}") for number in range(count)]
    if database.kind is DatabaseType.SQLITE:  # what most builds of it take
        raw = database.read(lambda conn: conn.connection.driver_connection)
        raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
    new = dict.fromkeys(names, loaded_starts.KnownVersion(20260101000000, 1))
    database.transaction(lambda unit: loaded_starts.note_in_force(unit.conn, [], new))
    assert database.read(loaded_starts.known_in_force) == new
    database.transaction(lambda unit: loaded_starts.note_in_force(unit.conn, names, {}))
    assert database.read(loaded_starts.known_in_force) == {}


class SteppingClock(SystemClock):
    """A clock whose sleeps only move it forward."""

    def __init__(self):
        self.slept = []

    def monotonic(self):
        """Return the time, which is the sum of all sleeps."""
        return float(sum(self.slept))

    def sleep(self, seconds):
        """Note the sleep; take none."""
        self.slept.append(seconds)


@pytest.fixture
def proxied(server_settings):
    """Give a database behind a proxy that can cut, the proxy, and what COMMIT looks like."""
    proxy = Proxy(server_settings.port)
    db = Database(replace(server_settings, port=proxy.port), clock=SystemClock())
    yield db, proxy, COMMITS[server_settings.kind]
    db.close()
    proxy.close()


# -- committing and rolling back


def test_a_transaction_commits_and_returns(database):
    """What the work returns comes back; others see its rows."""
    assert database.transaction(add_request) == 7
    assert requests(database) == 1


@pytest.mark.parametrize("error", [TryAgain("later"), ValueError("a bug"), KeyboardInterrupt()])
def test_an_error_rolls_back_and_is_raised(database, another, error):
    """Nothing stays behind, no lock is kept, and the work is not repeated."""
    calls = []

    def work(unit):
        calls.append(1)
        add_request(unit)
        raise error

    with pytest.raises(type(error)):
        database.transaction(work)
    assert (len(calls), requests(database)) == (1, 0)
    assert another().transaction(add_request) == 7


def test_transactions_do_not_nest(database):
    """A second BEGIN would silently commit the first on MariaDB: it is refused."""
    with pytest.raises(RuntimeError, match="do not nest"):
        database.transaction(lambda unit: database.transaction(add_request))
    assert requests(database) == 0


def test_hints_leave_once_and_only_after_the_commit(database, another):
    """Hints of failed attempts are forgotten; those of one slot are merged."""
    reported: list[Wake] = []
    db = another(on_wake=reported.extend)
    attempts = []

    def work(unit):
        attempts.append(1)
        unit.wake(Role.RUN, 5)
        unit.wake(Role.RUN, 5, 6)
        unit.wake(Role.EXECUTOR, 9, slot=3)
        add_request(unit)
        assert reported == []
        if len(attempts) == 1:
            raise StateConflict("someone was faster")

    db.transaction(work)
    assert reported == [Wake(Role.RUN, (5, 6)), Wake(Role.EXECUTOR, (9,), 3)]


# -- guards


def test_a_guard_counts_matched_rows(database):
    """Setting the value a row already has counts as one row on every product."""

    def work(unit):
        unit.update_exactly(value_of("ZBXSND_ON", "1"), 1, "ZBXSND_ON")

    database.transaction(work)
    database.transaction(work)


def test_a_conflict_is_decided_anew(database):
    """The work is repeated from its start and may succeed then."""
    names = iter(["NO_SUCH", "NO_SUCH", "ZBXSND_ON"])
    database.transaction(lambda unit: unit.update_exactly(value_of(next(names), "0"), 1, "it"))
    assert read_value(database, "ZBXSND_ON") == "0"


def test_a_lasting_conflict_is_raised(database):
    """After the first attempt and three more the conflict is the caller's."""
    calls = []

    def work(unit):
        calls.append(1)
        unit.update_exactly(value_of("NO_SUCH", "0"), 1, "the row")

    with pytest.raises(StateConflict, match="the row: 0 rows instead of 1"):
        database.transaction(work)
    assert len(calls) == Retry.CONFLICT.value.tries == 4


# -- locks


def test_transactions_in_opposite_order_both_commit(database, another):
    """Elsewhere one becomes the deadlock's victim and is repeated; SQLite queues them."""
    meet = threading.Barrier(1 if database.kind is DatabaseType.SQLITE else 2)
    attempts = []

    def run(first, second):
        db = another()
        mine = []

        def work(unit):
            attempts.append(1)
            mine.append(1)
            unit.execute(value_of(first, "1"))
            if len(mine) == 1:
                meet.wait(10)
            unit.execute(value_of(second, "1"))
            add_request(unit, first)

        db.transaction(work)
        db.close()

    names = "JOBNET_KEEP_SPAN", "JOBLOG_KEEP_SPAN"
    threads = [threading.Thread(target=run, args=order) for order in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert requests(database) == 2
    if database.kind is DatabaseType.SQLITE:
        assert len(attempts) == 2
    else:  # PostgreSQL lets the victim overtake the other one, so it may be one again
        assert len(attempts) >= 3


def test_skip_locked_leaves_out_what_others_hold(database, another):
    """A sweep takes the rows nobody holds; on SQLite holding a row is holding the file."""
    if database.kind is DatabaseType.SQLITE:
        plain = select(t.index)
        assert database.transaction(lambda unit: unit.lock(plain, skip_locked=True)) is plain
        return
    other = another()
    rows = select(t.index.c.count_id).where(t.index.c.count_id < 4).order_by(t.index.c.count_id)

    def hold(unit):
        unit.execute(unit.lock(rows.where(t.index.c.count_id == 2))).all()
        return other.transaction(
            lambda inner: inner.execute(inner.lock(rows, skip_locked=True)).scalars().all()
        )

    assert database.transaction(hold) == [1, 3]


def test_a_lock_that_comes_late_is_waited_for(server_settings, server_database):
    """A lock wait time-out repeats the transaction instead of failing it."""
    impatient = Database(replace(server_settings, lock_timeout=1), clock=SystemClock())
    holder = server_database
    release, held = threading.Event(), threading.Event()

    def hold(unit):
        unit.execute(value_of("ZBXSND_ON", "0"))
        held.set()
        assert release.wait(20)

    thread = threading.Thread(target=lambda: holder.transaction(hold))
    thread.start()
    assert held.wait(10)
    attempts = []

    def work(unit):
        attempts.append(1)
        if len(attempts) == 2:
            release.set()
        unit.execute(value_of("ZBXSND_ON", "5"))

    impatient.transaction(work)
    thread.join(20)
    assert (len(attempts), read_value(impatient, "ZBXSND_ON")) == (2, "5")
    impatient.close()


def test_sqlites_writers_take_turns(sqlite_settings):
    """Nobody starves: long before one writer is done, each has had its turn."""
    rounds, writers = 200, 4
    done = [0] * writers
    behind: list[int] = []
    start = threading.Barrier(writers)

    def write(number):
        db = Database(sqlite_settings, clock=SystemClock())
        start.wait(10)
        for _ in range(rounds):
            db.transaction(
                lambda unit: unit.execute(
                    update(t.index)
                    .where(t.index.c.count_id == 100)
                    .values(nextid=t.index.c.nextid + 1)
                )
            )
            done[number] += 1
        behind.append(min(done))
        db.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert behind[0] > 0
    db = Database(sqlite_settings, clock=SystemClock())
    query = select(t.index.c.nextid).where(t.index.c.count_id == 100)
    assert db.read(lambda conn: conn.execute(query).scalar()) == 1 + rounds * writers
    db.close()


# -- lost connections


#: How one asks for one's own connection, and how an administrator kills one.
KILLING = {
    DatabaseType.MYSQL: ("SELECT CONNECTION_ID()", "KILL CONNECTION {}"),
    DatabaseType.POSTGRESQL: ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
}


def kill_connection_of(conn, settings):
    """Kill a connection from another one, as an administrator does."""
    ask, kill = KILLING[settings.kind]
    number = conn.execute(text(ask)).scalar()
    other = Database(settings, clock=SystemClock())
    other.read(lambda killer: killer.execute(text(kill.format(number))))
    other.close()


def test_a_killed_connection_repeats_the_transaction(server_database):
    """The first attempt is gone with its connection, the second commits once."""
    attempts = []

    def work(unit):
        attempts.append(1)
        add_request(unit)
        if len(attempts) == 1:
            kill_connection_of(unit.conn, server_database.settings)
        return unit.execute(select(func.count()).select_from(t.ext_request)).scalar()

    assert server_database.transaction(work) == 1
    assert (len(attempts), requests(server_database)) == (2, 1)


def test_a_killed_connection_repeats_a_read(server_database):
    """A connection that died while idle is noticed by the next read, which succeeds."""
    server_database.read(lambda conn: kill_connection_of(conn, server_database.settings))
    assert read_value(server_database, "ZBXSND_ON") == "1"


@pytest.mark.parametrize("ask", [landed, None], ids=["asked", "not-asked"])
def test_a_commit_that_never_arrived_is_repeated(proxied, ask):
    """COMMIT was lost on its way: nothing landed, the transaction is done again, once."""
    db, proxy, commit = proxied
    proxy.cut_before(commit)
    assert db.transaction(add_request, landed=ask) == 7
    assert (proxy.cuts, requests(db)) == (1, 1)


def test_a_commit_whose_answer_was_lost_is_found(proxied):
    """The answer to COMMIT was lost: the rows are there, the work is not done twice."""
    db, proxy, commit = proxied
    attempts = []

    def work(unit):
        attempts.append(1)
        unit.execute(value_of("ZBXSND_ON", "0"))
        return add_request(unit)

    proxy.cut_after(commit)
    assert db.transaction(work, landed=landed) == 7
    assert (proxy.cuts, len(attempts), requests(db)) == (1, 1, 1)


def test_hints_of_a_landed_commit_leave(server_settings):
    """What landed is announced to the others like any commit."""
    proxy = Proxy(server_settings.port)
    reported: list[Wake] = []
    settings = replace(server_settings, port=proxy.port)
    db = Database(settings, clock=SystemClock(), on_wake=reported.extend)

    def work(unit):
        unit.wake(Role.LOADER, 7)
        return add_request(unit)

    proxy.cut_after(COMMITS[settings.kind])
    db.transaction(work, landed=landed)
    assert reported == [Wake(Role.LOADER, (7,))]
    db.close()
    proxy.close()


def test_an_unasked_landed_commit_meets_its_own_guard(proxied):
    """Without `landed` the repetition runs into its own key and says so: no second row."""
    db, proxy, commit = proxied
    proxy.cut_after(commit)
    with pytest.raises(StateConflict):
        db.transaction(add_request)
    assert requests(db) == 1


def test_a_missing_server_is_reported_within_the_patience(server_settings):
    """Nobody listens: several attempts with growing pauses, then one error of one line."""
    clock = SteppingClock()
    proxy = Proxy(server_settings.port)
    proxy.close()
    db = Database(replace(server_settings, port=proxy.port, patience=3.0), clock=clock)
    with pytest.raises(DatabaseUnavailable) as caught:
        db.transaction(add_request)
    assert "\n" not in str(caught.value)
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) > 1
    assert sum(clock.slept) <= 3.0
    with pytest.raises(DatabaseUnavailable):
        db.read(lambda conn: conn.execute(select(t.index)).all(), patience=0.0)
    db.close()


def test_a_server_that_comes_back_is_used_again(own_server):
    """A crash of the server in the middle of a read costs time, not the read."""
    db = Database(own_server.create_database("own"), clock=SystemClock())
    assert db.read(lambda conn: conn.execute(text("SELECT 1")).scalar()) == 1
    own_server.kill()
    starting = threading.Thread(target=own_server.restart)
    starting.start()
    assert db.read(lambda conn: conn.execute(text("SELECT 2")).scalar(), patience=30) == 2
    starting.join(20)
    db.close()


def test_a_server_that_is_shut_down_repeats_the_transaction(own_server):
    """The administrator's shutdown is waited out like a crash."""
    db = Database(own_server.create_database("own"), clock=SystemClock())
    schema.create(db)
    attempts = []

    def work(unit):
        attempts.append(1)
        add_request(unit)
        if len(attempts) == 1:
            own_server.stop()
            own_server.restart()
        return unit.execute(select(func.count()).select_from(t.ext_request)).scalar()

    assert db.transaction(work, patience=30) == 1
    assert (len(attempts), requests(db)) == (2, 1)
    db.close()


def test_a_standby_is_left_for_the_next_server(postgresql_settings):
    """A read-only server is none: the transaction is repeated on a new connection."""
    db = Database(postgresql_settings, clock=SystemClock())
    switch = "ALTER DATABASE {} SET default_transaction_read_only = {}"
    attempts = []

    def set_read_only(conn, value):
        name = postgresql_settings.name
        conn.execute(text("SET default_transaction_read_only = off"))
        conn.execute(text(switch.format(name, value)))

    def work(unit):
        attempts.append(1)
        if len(attempts) == 2:
            other = Database(postgresql_settings, clock=SystemClock())
            other.read(lambda conn: set_read_only(conn, "off"))
            other.close()
        return add_request(unit)

    db.read(lambda conn: set_read_only(conn, "on"))
    db.disconnect()
    assert db.transaction(work) == 7
    assert (len(attempts), requests(db)) == (3, 1)
    db.close()


def add_rows(rows, unit):
    """Insert one row or several."""
    unit.execute(insert(t.ext_request), rows)


def test_errors_quote_no_row(postgresql_settings):
    """What PostgreSQL shows of the row, which may hold commands, stays out of messages."""
    db = Database(postgresql_settings, clock=SystemClock())
    row = {"request_id": "secret", "inner_jobnet_id": None, "at": 1}
    for rows in (row, [row, row]):
        with pytest.raises(IntegrityError) as caught:
            db.transaction(partial(add_rows, rows))
        assert "inner_jobnet_id" in str(caught.value)
        assert "secret" not in str(caught.value)
    db.close()


def test_a_frozen_server_counts_as_lost(own_server):
    """A server that accepts but never answers is given up within the time-outs."""
    settings = replace(
        own_server.create_database("own"), read_timeout=1, connect_timeout=1, patience=1.5
    )
    db = Database(settings, clock=SystemClock())
    ask = text("SELECT 1")
    assert db.read(lambda conn: conn.execute(ask).scalar()) == 1
    own_server.freeze()
    try:
        with pytest.raises(DatabaseUnavailable):
            db.read(lambda conn: conn.execute(ask).scalar())
    finally:
        own_server.thaw()
    assert db.read(lambda conn: conn.execute(ask).scalar()) == 1
    db.close()


def test_a_wrong_password_is_not_repeated(server_settings):
    """What cannot become better by waiting is raised at once."""
    clock = SteppingClock()
    db = Database(replace(server_settings, password="wrong"), clock=clock)
    with pytest.raises(DatabaseUnavailable, match="Access denied|authentication failed"):
        db.read(lambda conn: conn.execute(select(t.index)).all())
    assert clock.slept == []
    db.close()


# -- economy


def test_a_read_is_one_round_trip(proxied):
    """No ping, no BEGIN, no ROLLBACK surrounds a select."""
    db, proxy, _ = proxied
    for _ in range(10):  # PostgreSQL prepares a statement when it has seen it a few times
        read_value(db, "ZBXSND_ON")
    before, counted = proxy.trips, db.statements
    for _ in range(10):
        read_value(db, "ZBXSND_ON")
    assert proxy.trips - before == 10
    assert db.statements - counted == 10


def held_writes(unit):
    """Read, then write what nobody waits for, with a guard on each write."""
    assert unit.execute(select(func.count()).select_from(t.ext_request)).scalar() is not None
    rows = [{"request_id": name, "inner_jobnet_id": 7, "at": 1} for name in ("a", "b", "c")]
    with together(unit.conn):
        for name in ("ZBXSND_ON", "ZBXSND_RETRY"):
            result = unit.execute(value_of(name, "0"))
            check_count(unit.conn, result, partial(expect, 1))
        unit.execute(insert(t.ext_request), rows)
        unit.execute(insert(t.ext_request), {**rows[0], "request_id": "d"})


def expect(count, met):
    """Be the check of a guard."""
    if met != count:
        raise StateConflict(f"{met} instead of {count}")


def test_statements_that_nobody_waits_for_share_a_round_trip(proxied):
    """BEGIN goes with the first select, the writes go together, and COMMIT goes alone."""
    db, proxy, _ = proxied
    read_value(db, "ZBXSND_ON")
    before = proxy.trips
    db.transaction(held_writes)
    assert proxy.trips - before == 3
    assert (requests(db), read_value(db, "ZBXSND_ON")) == (4, "0")


def test_a_held_guard_is_checked_before_the_commit(database):
    """A count that arrives late and is wrong still rolls everything back."""
    calls = []

    def work(unit):
        calls.append(1)
        with together(unit.conn):
            add_request(unit)
            result = unit.execute(value_of("NO_SUCH", "0"))
            check_count(unit.conn, result, partial(expect, 1))
            add_request(unit, "r2")

    with pytest.raises(StateConflict, match="0 instead of 1"):
        database.transaction(work)
    assert (len(calls), requests(database)) == (4, 0)


def test_an_error_of_a_held_statement_is_its_own(database):
    """Held writes that fail are raised as they are, and roll back what came with them."""
    add = partial(database.transaction, add_request)
    add()

    def work(unit):
        with together(unit.conn):
            add_request(unit, "r2")
            add_request(unit)
            add_request(unit, "r3")

    with pytest.raises(IntegrityError):
        database.transaction(work)
    assert requests(database) == 1
    database.transaction(lambda unit: add_request(unit, "r4"))
    assert requests(database) == 2


def test_a_failure_that_was_passed_over_commits_nothing(database):
    """PostgreSQL rolls such a transaction back at COMMIT without a word: here it is an error."""
    database.transaction(add_request)

    def work(unit):
        add_request(unit, "r2")
        with pytest.raises(IntegrityError):
            add_request(unit)

    if database.kind is DatabaseType.POSTGRESQL:
        with pytest.raises(DBAPIError, match="rolled back"):
            database.transaction(work)
        assert requests(database) == 1
    else:
        database.transaction(work)
        assert requests(database) == 2


#: What a session must say of itself, by product.
SESSIONS = {
    DatabaseType.MYSQL: (
        "SELECT @@tx_isolation, @@innodb_lock_wait_timeout, @@character_set_client, @@autocommit",
        ("READ-COMMITTED", 5, "utf8mb4", 1),
    ),
    DatabaseType.POSTGRESQL: (
        (
            "SELECT current_setting('transaction_isolation'), current_setting('lock_timeout'),"
            " current_setting('client_encoding'),"
            " current_setting('idle_in_transaction_session_timeout')"
        ),
        ("read committed", "5s", "UTF8", "30s"),
    ),
}


def test_the_session_is_set_up(server_database):
    """Isolation, lock wait and character set are ours on each connection."""
    query, wanted = SESSIONS[server_database.kind]
    assert server_database.read(lambda conn: tuple(conn.execute(text(query)).one())) == wanted


def test_sqlite_is_set_up(sqlite_settings):
    """WAL, full synchronisation and foreign keys hold on each connection."""
    db = Database(sqlite_settings, clock=SystemClock())
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "temp_store")
    found = db.read(lambda conn: [conn.execute(text(f"PRAGMA {n}")).scalar() for n in names])
    assert found == ["wal", 2, 1, 5000, 2]
    db.close()


def test_many_rows_are_one_statement(database):
    """A batch of inserts, BEGIN and COMMIT are three statements."""
    rows = [{"request_id": str(n), "inner_jobnet_id": n, "at": 1} for n in range(50)]
    before = database.statements
    database.transaction(lambda unit: unit.execute(insert(t.ext_request), rows))
    after = database.statements
    assert requests(database) == 50
    connecting = 1 if before == 0 else 0
    assert after - before <= 3 + connecting * 10


def test_four_byte_characters_survive(database):
    """Everything Unicode has comes back as it was stored."""
    database.transaction(lambda unit: unit.execute(value_of("ZBXSND_SENDER", "äあ한😀")))
    assert read_value(database, "ZBXSND_SENDER") == "äあ한😀"


# -- ids


def test_blocks_never_overlap(database, another):
    """Several processes reserve at once and nobody gets another's id."""
    taken: list[int] = []

    def take(size):
        db = another()
        mine = [number for _ in range(10) for number in ids.reserve(db, Counter.ICON, size)]
        taken.extend(mine)
        db.close()

    threads = [threading.Thread(target=take, args=(size,)) for size in (1, 2, 3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(taken) == len(set(taken)) == 110
    assert (min(taken), max(taken)) == (1, 110)


def test_a_missing_counter_is_an_error(database):
    """Rows of the counters are never made on demand."""
    database.transaction(lambda unit: unit.execute(t.index.delete()))
    with pytest.raises(SchemaError, match="no row for counter 30"):
        ids.reserve(database, Counter.FLOW, 1)


def test_a_pool_hands_out_runs_of_ids_in_order(database):
    """Requests are served from blocks that grow; each gets its ids in a row."""
    pool = ids.IdPool(database)
    before = database.statements
    first = [pool.take_one(Counter.ICON) for _ in range(100)]
    assert first == list(range(1, 101))
    assert database.statements - before < 100
    three = pool.take(Counter.ICON, 3)
    assert len(three) == 3
    assert three.start > 100
    assert pool.take(Counter.ICON, 0) == range(0)
    assert pool.take_one(Counter.CLIENT_JOBNET) == 1_600_000_000_000_000_000
