"""Which starts are paused, and which runs are excused for being late."""

from datetime import UTC

import pytest

from jobarranger.model.pauses import RESUME_MS, Pause, in_order
from jobarranger.states import PauseScope

#: 2026-11-22 09:00 UTC, as milliseconds and as digits.
NINE_MS, NINE = 1_795_338_000_000, 202611220900
MINUTE = 60_000


def pause(number=1, *, scope=PauseScope.ALL, name="", since=0, **more):
    """Return a pause; `since` and the ends are minutes after nine."""
    ends = {
        key: NINE_MS + more.pop(key) * MINUTE for key in ("until_at", "ended_at") if key in more
    }
    return Pause(id=number, scope=scope, name=name, since=NINE_MS + since * MINUTE, **ends, **more)


def at(minutes, *found):
    """Return pauses as they stand so many minutes after nine."""
    return in_order(found, NINE_MS + minutes * MINUTE)


def test_a_pause_holds_until_somebody_ends_it():
    """Without an end it holds; ended, it holds no longer."""
    assert at(500, pause()).everything is not None
    assert at(10, pause(ended_at=5)).everything is None


def test_a_pause_ends_by_itself():
    """At its time it is over, also without anybody doing anything."""
    found = pause(until_at=5)
    assert at(4, found).everything is found
    assert at(5, found).everything is None


def test_scopes():
    """A jobnet's pause holds that jobnet only, a host's no jobnet at all."""
    jobnet = pause(1, scope=PauseScope.JOBNET, name="A")
    host = pause(2, scope=PauseScope.HOST, name="B")
    found = at(1, jobnet, host)
    assert found.of_jobnet("A") is jobnet
    assert found.of_jobnet("B") is None
    assert found.of_host("B") is host
    assert (found.jobnets, found.hosts) == ({"A"}, {"B"})
    assert at(1, pause(3), jobnet).of_jobnet("B").id == 3


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        (NINE - 41, NINE - 41),  # 08:59: late before the pause began
        (NINE, NINE + 10 + RESUME_MS // MINUTE),
        (NINE + 10, NINE + 10 + RESUME_MS // MINUTE),
        (NINE + 20, NINE + 20),
    ],
)
def test_lateness_counts_from_the_end_of_the_pause(minute, expected):
    """A run whose minute was within the pause is late only some minutes after its end."""
    found = at(30, pause(ended_at=10))
    assert found.excused_until("A", minute, UTC) == expected


def test_pauses_in_a_row_excuse_together():
    """A run that waited through one pause into the next is excused to the end of the last."""
    first = pause(1, ended_at=10)
    second = pause(2, scope=PauseScope.JOBNET, name="A", since=12, ended_at=30)
    found = at(40, second, first)
    assert found.excused_until("A", NINE + 1, UTC) == NINE + 30 + RESUME_MS // MINUTE
    assert found.excused_until("B", NINE + 1, UTC) == NINE + 10 + RESUME_MS // MINUTE


def test_a_host_excuses_no_run():
    """A run starts while a host is paused, so it is not excused."""
    found = at(40, pause(scope=PauseScope.HOST, name="A", ended_at=30))
    assert found.excused_until("A", NINE + 1, UTC) == NINE + 1


def test_grace_widens_the_pause():
    """A run that was not late yet when the pause began is excused."""
    found = at(30, pause(since=1, ended_at=10))
    assert found.excused_until("A", NINE, UTC) == NINE
    assert found.excused_until("A", NINE, UTC, MINUTE) > NINE + 10
