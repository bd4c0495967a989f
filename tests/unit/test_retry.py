"""Which errors repeat a transaction, and how ids follow from a counter: both pure."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql import err
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from jobarranger.db.ids import RANGES, reservation
from jobarranger.db.retry import Retry, retryable
from jobarranger.errors import StateConflict, TryAgain
from jobarranger.states import Counter

#: What psycopg says of a statement with too many values, without a state.
TOO_MANY = "sending query and params failed: number of parameters must be between 0 and 65535"


def wrapped(original, kind=OperationalError):
    """Return the driver's error as SQLAlchemy passes it on."""
    return kind("SELECT 1", {}, original)


def sqlite_error(code):
    """Return an error with an extended code as sqlite3 makes it."""
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    return wrapped(error)


class PostgreSQLError(Exception):
    """An error with a state, as psycopg makes it."""

    def __init__(self, sqlstate, words="made up"):
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (wrapped(err.OperationalError(1213, "Deadlock found")), Retry.DEADLOCK),
        (wrapped(err.OperationalError(1205, "Lock wait timeout")), Retry.LOCK_WAIT),
        (wrapped(err.OperationalError(2013, "Lost connection")), Retry.LOST),
        (wrapped(err.OperationalError(2003, "Can't connect")), Retry.LOST),
        (wrapped(err.OperationalError(1927, "Connection was killed")), Retry.LOST),
        (wrapped(err.OperationalError(1180, "Got error 5 during COMMIT")), Retry.LOST),
        (wrapped(err.InterfaceError(0, ""), InterfaceError), Retry.LOST),
        (wrapped(err.OperationalError(1045, "Access denied")), None),
        (wrapped(err.IntegrityError(1062, "Duplicate entry"), IntegrityError), None),
        (sqlite_error(5), Retry.BUSY),
        (sqlite_error(517), Retry.BUSY),  # SQLITE_BUSY_SNAPSHOT
        (sqlite_error(13), Retry.LOST),
        (sqlite_error(1), None),
        (wrapped(PostgreSQLError("40P01")), Retry.DEADLOCK),
        (wrapped(PostgreSQLError("40001")), Retry.SERIALIZATION),
        (wrapped(PostgreSQLError("08006")), Retry.LOST),
        (wrapped(PostgreSQLError(None)), Retry.LOST),
        (wrapped(PostgreSQLError(None, TOO_MANY)), None),
        (wrapped(PostgreSQLError("23505"), IntegrityError), None),
        (StateConflict("someone was faster"), Retry.CONFLICT),
        (TryAgain("later"), None),
        (ValueError("a bug"), None),
    ],
)
def test_each_error_has_its_verdict(error, expected):
    """Deadlocks, waits and lost connections are repeated; bugs and refusals are not."""
    assert retryable(error) is expected


def test_pauses_double_up_to_a_limit():
    """The first pause is short, the last ones equal."""
    patience = Retry.LOST.value
    assert [patience.pause(n) for n in (1, 2, 3, 9)] == [0.05, 0.1, 0.2, 1.0]


@pytest.mark.parametrize("counter", RANGES)
def test_the_end_of_a_range_is_handed_out_once(counter):
    """After the last id comes the first, and neither comes twice (the original gave it twice)."""
    first, last = RANGES[counter]
    at_end = reservation(counter, last, 1)
    assert (at_end.block, at_end.following) == (range(last, last + 1), first)
    wrapped_around = reservation(counter, at_end.following, 1)
    assert (list(wrapped_around.block), wrapped_around.following) == ([first], first + 1)


@given(
    counter=st.sampled_from(list(RANGES)),
    stored=st.integers(0, 2**63 - 1),
    count=st.integers(1, 10_000),
)
def test_blocks_stay_inside_their_range(counter, stored, count):
    """Whatever is stored, a block is whole and inside, and the next one does not overlap it."""
    first, last = RANGES[counter]
    one = reservation(counter, stored, count)
    two = reservation(counter, one.following, count)
    assert len(one.block) == len(two.block) == count
    assert first <= one.block.start
    assert one.block[-1] <= last
    assert set(one.block).isdisjoint(two.block)


def test_loaded_jobnets_do_not_run_into_the_managers_ids():
    """The ranges of the three jobnet counters do not touch."""
    loaded, manager, client = (RANGES[Counter(number)] for number in (1, 2, 3))
    assert loaded[1] < manager[0]
    assert manager[1] < client[0]
