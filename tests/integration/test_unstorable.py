"""What no database can take is refused once, in one line, and keeps nobody waiting."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, insert, select

from jobarranger.clock import SystemClock
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.pipeline import together
from jobarranger.errors import CannotStore
from jobarranger.states import DatabaseType
from tests.proxy import Proxy

#: What MariaDB takes in one packet unless it is set otherwise.
MARIADB_PACKET = 16 << 20


class SleeplessClock(SystemClock):
    """A clock that nobody may sleep by."""

    def sleep(self, seconds):
        """Fail: what is final is not tried again."""
        raise AssertionError(f"a pause of {seconds} s")


@pytest.fixture
def sleepless(database):
    """Give a database that never tries anything again."""
    db = Database(database.settings, clock=SleeplessClock())
    yield db
    db.close()


def user_named(name, conn):
    """Look a user up."""
    query = select(t.ext_user.c.user_name).where(t.ext_user.c.user_name == name)
    return conn.execute(query).all()


def add_requests(names, unit):
    """Insert a row for each name."""
    rows = [{"request_id": name, "inner_jobnet_id": 7, "at": 1} for name in names]
    unit.execute(insert(t.ext_request), rows)


def park(telegrams, unit):
    """Insert parked results, whose telegrams may have any length."""
    rows = [
        {
            "received_at": 1,
            "next_try_at": 1,
            "tries": 0,
            "peer": "::1",
            "inner_job_id": 1,
            "host_name": "h",
            "reason": "",
            "telegram": telegram,
        }
        for telegram in telegrams
    ]
    unit.execute(insert(t.ext_inbox).inline(), rows)


def count(db, table):
    """Return how many rows a table has."""
    return db.read(lambda conn: conn.execute(select(func.count()).select_from(table)).scalar())


@pytest.mark.parametrize("length", [8_388_600, 15_000_000, 40_000_000])
def test_quotes_that_double_beyond_a_packet(mariadb_settings, length):
    """15 MB of quotes become 30 MB on the wire: refused before they are sent, at once."""
    db = Database(mariadb_settings, clock=SleeplessClock())
    connection = db.read(lambda conn: conn.connection.driver_connection)
    with pytest.raises(CannotStore, match=r"max_allowed_packet.*16,777,"):
        db.read(partial(user_named, "'" * length))
    assert db.read(lambda conn: conn.connection.driver_connection) is connection
    assert db.read(partial(user_named, "'" * 1000)) == []
    db.close()


def test_a_packet_that_just_fits_is_sent(mariadb_settings):
    """The limit is the server's own: what it takes is not refused by us."""
    db = Database(mariadb_settings, clock=SleeplessClock())
    rest = MARIADB_PACKET - 1000
    assert db.read(partial(user_named, "x" * rest)) == []
    with pytest.raises(CannotStore):
        db.read(partial(user_named, "x" * MARIADB_PACKET))
    db.close()


def test_a_packet_that_only_the_server_refuses(mariadb_settings, monkeypatch):
    """Its error 1153 is final as well, when the server has become stricter than it said."""
    db = Database(mariadb_settings, clock=SleeplessClock())
    raw = db.read(lambda conn: conn.connection.driver_connection)
    raw.jobarg_packet_limit = 1 << 30
    with pytest.raises(CannotStore, match="max_allowed_packet"):
        db.read(partial(user_named, "x" * (MARIADB_PACKET + 10)))
    db.close()
    fresh = Database(mariadb_settings, clock=SystemClock())
    assert fresh.read(partial(user_named, "x")) == []
    fresh.close()


def test_statements_that_are_too_long_together_travel_alone(mariadb_settings):
    """Each fits, their sum does not: all are sent, and committed as one transaction."""
    db = Database(mariadb_settings, clock=SleeplessClock())

    def work(unit):
        with together(unit.conn):
            for _ in range(3):
                park(["x" * 7_000_000], unit)
        return unit.execute(select(func.count()).select_from(t.ext_inbox)).scalar()

    assert db.transaction(work) == 3
    assert count(db, t.ext_inbox) == 3
    db.close()


def test_many_long_rows_are_inserted(sleepless):
    """Parked results of 6 MB each go in together, whatever one packet holds."""
    sleepless.transaction(partial(park, ["'" * 6_000_000] * 4))
    assert count(sleepless, t.ext_inbox) == 4


@pytest.mark.parametrize("text", ["\ud800", "a\udc80b", "\udfff" * 100])
def test_half_a_character_is_refused(sleepless, text):
    """Lone surrogates, which JSON can carry, have no bytes: one clear error on every product."""
    with pytest.raises(CannotStore, match="characters that the database cannot hold"):
        sleepless.read(partial(user_named, text))
    with pytest.raises(CannotStore):
        sleepless.transaction(partial(add_requests, ["r1", text]))
    assert count(sleepless, t.ext_request) == 0
    sleepless.transaction(partial(add_requests, ["r2"]))


def test_a_nul_is_refused_where_it_cannot_be_held(sleepless):
    """PostgreSQL has no text with a NUL; the others find nobody of that name."""
    if sleepless.kind is not DatabaseType.POSTGRESQL:
        assert sleepless.read(partial(user_named, "a\0b")) == []
        return
    with pytest.raises(CannotStore, match="characters that the database cannot hold"):
        sleepless.read(partial(user_named, "a\0b"))
    with pytest.raises(CannotStore):
        sleepless.transaction(partial(add_requests, ["r1", "a\0b"]))
    assert count(sleepless, t.ext_request) == 0


def test_a_text_longer_than_its_column_is_refused(sleepless):
    """A key of 65 characters where 64 fit; SQLite knows no such bound."""
    if sleepless.kind is DatabaseType.SQLITE:
        return
    with pytest.raises(CannotStore, match="too long"):
        sleepless.transaction(partial(add_requests, ["ok", "secret" * 11]))
    assert count(sleepless, t.ext_request) == 0


def test_a_number_beyond_all_columns_is_refused(sleepless):
    """More than 64 bits fit nowhere."""
    row = {"request_id": "r", "inner_jobnet_id": 2**70, "at": 1}
    with pytest.raises(CannotStore, match="too large"):
        sleepless.transaction(lambda unit: unit.execute(insert(t.ext_request), row))
    assert count(sleepless, t.ext_request) == 0


def test_the_limit_of_sqlite_is_final(sqlite_settings):
    """What is longer than SQLite takes (1,000,000,000 bytes unless built otherwise) is refused."""
    db = Database(sqlite_settings, clock=SleeplessClock())
    raw = db.read(lambda conn: conn.connection.driver_connection)
    raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
    with pytest.raises(CannotStore, match="too long"):
        db.transaction(partial(park, ["x" * 1_000_001]))
    with pytest.raises(CannotStore, match="too long"):
        db.read(partial(user_named, "x" * 1_000_001))
    assert count(db, t.ext_inbox) == 0
    db.close()


@pytest.mark.slow
def test_the_limit_of_postgresql_is_final(postgresql_settings):
    """It hangs up on a message of 1 GiB without a word: the length shows why."""
    db = Database(postgresql_settings, clock=SleeplessClock())
    with pytest.raises(CannotStore, match=r"1,073,741,822 bytes"):
        db.read(partial(user_named, "x" * (1 << 30)))
    db.close()
    again = Database(postgresql_settings, clock=SystemClock())
    assert again.read(partial(user_named, "x")) == []
    again.close()


def test_the_words_hold_no_value(sleepless):
    """Neither the value nor the row is quoted: both may be secrets."""
    for name in ("secret" * 11, "secret\ud800"):
        try:
            sleepless.transaction(partial(add_requests, [name]))
        except CannotStore as error:
            assert "secret" not in str(error)
            assert "\n" not in str(error)


def test_a_server_that_is_away_is_asked_once(server_settings):
    """Who was given up costs the next caller one attempt, until a connection could be opened."""
    proxy = Proxy(server_settings.port)
    db = Database(replace(server_settings, port=proxy.port, patience=0.2), clock=SystemClock())
    assert db.read(partial(user_named, "x")) == []
    proxy.close()
    failed = [attempts_until_given_up(db) for _ in range(3)]
    assert failed[0] > 1
    assert failed[1:] == [1, 1]
    db.close()


def attempts_until_given_up(db):
    """Return how often a read was tried."""
    with pytest.raises(Exception, match=r"\(\d+ attempts\)") as caught:
        db.read(partial(user_named, "x"))
    return int(str(caught.value).rpartition("(")[2].split()[0])
