"""How a host is, and what follows from it: pure rules, with invented times."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.requests import hosts
from jobarranger.requests.hosts import Health, HostState
from jobarranger.requests.steps import (
    Answered,
    Event,
    Fail,
    FailureReason,
    Held,
    JobStanding,
    Original,
    Reported,
    SendLimits,
    Silent,
    Unreachable,
)
from jobarranger.states import AgentKind

NOW = 1_000_000_000
LIMITS = SendLimits(connect_retry=60_000, unknown=300_000)
OURS, ORIGINAL, NOBODY = AgentKind.OURS, AgentKind.ORIGINAL, AgentKind.UNKNOWN
UNKNOWN, ANSWERING, SLOW, DOWN, BUSY = HostState

TAKEN = Answered(0, agent="x 1")
NOT_NOW = Answered(2, "disk full", "x 1", retry=True)
TIMED_OUT = Silent("no reply", timed_out=True)
CLOSED = Silent("closed", closed=True)


def health(state: HostState, **values: object) -> Health:
    """Return a host that has been in a state for ten seconds."""
    usual: dict[str, object] = {"since": NOW - 10_000, "failed_at": NOW - 1_000}
    if state in {SLOW, DOWN}:
        usual["silent_since"] = NOW - 10_000
    return Health(state=state, **{**usual, **values})  # type: ignore[arg-type]


CHANGES: list[tuple[HostState, Event, HostState]] = [
    (UNKNOWN, TAKEN, ANSWERING),
    (UNKNOWN, Unreachable("x"), DOWN),
    (UNKNOWN, TIMED_OUT, SLOW),
    (UNKNOWN, CLOSED, UNKNOWN),
    (ANSWERING, Answered(2, "no"), ANSWERING),
    (ANSWERING, Answered(3), ANSWERING),
    (ANSWERING, NOT_NOW, BUSY),
    (ANSWERING, Unreachable("x"), DOWN),
    (ANSWERING, CLOSED, UNKNOWN),
    (SLOW, TAKEN, ANSWERING),
    (SLOW, Reported(JobStanding.UNKNOWN), ANSWERING),
    (SLOW, Original(), ANSWERING),
    (SLOW, CLOSED, SLOW),
    (SLOW, Unreachable("x"), DOWN),
    (DOWN, TIMED_OUT, SLOW),
    (DOWN, Reported(JobStanding.UNKNOWN), ANSWERING),
    (DOWN, CLOSED, UNKNOWN),
    (DOWN, Held(), DOWN),
    (BUSY, TAKEN, ANSWERING),
    (BUSY, Answered(2, "no"), ANSWERING),
    (BUSY, Reported(JobStanding.RUNNING), BUSY),
    (BUSY, NOT_NOW, BUSY),
    (BUSY, TIMED_OUT, SLOW),
]


@pytest.mark.parametrize(("before", "event", "expected"), CHANGES)
def test_what_an_exchange_makes_of_a_host(
    before: HostState, event: Event, expected: HostState
) -> None:
    """The state is that of the last exchange; another state begins now."""
    changed = hosts.after(health(before), event, NOW, run=True)
    assert changed.state is expected
    assert changed.since == (NOW - 10_000 if expected is before else NOW)


def test_a_stop_that_is_answered_does_not_end_busy() -> None:
    """A host that takes no jobs answers everything else; only a job taken shows that it does."""
    kill = Answered(0, agent="x 1")
    assert hosts.after(health(BUSY), kill, NOW, run=False) == health(BUSY)


def test_several_failures_at_once_count_as_one() -> None:
    """Sixteen connections that end together double the pause once."""
    one = hosts.after(health(ANSWERING), Unreachable("x"), NOW, run=True)
    many = one
    for late in range(15):
        many = hosts.after(many, Unreachable("y"), NOW + late, run=True)
    assert (one.failures, one.not_before) == (many.failures, many.not_before) == (1, NOW + 100)
    again = hosts.after(many, Unreachable("z"), NOW + 100, run=True)
    assert (again.failures, again.not_before) == (2, NOW + 300)


def test_an_exchange_that_takes_long_makes_its_host_slow() -> None:
    """Two seconds without an answer; the time counts from when it began. What is down stays so."""
    slow = hosts.overdue(health(ANSWERING), NOW)
    assert (slow.state, slow.since, slow.silent_since) == (SLOW, NOW - 2_000, NOW - 2_000)
    assert hosts.overdue(health(DOWN), NOW) == health(DOWN)


@pytest.mark.parametrize(
    ("state", "kind", "requests", "connections"),
    [
        (UNKNOWN, NOBODY, 1, 1),
        (UNKNOWN, OURS, 1, 1),
        (ANSWERING, OURS, 200, 16),
        (ANSWERING, ORIGINAL, 1, 1),
        (SLOW, OURS, 1, 1),
        (DOWN, OURS, 1, 1),
        (BUSY, OURS, 1, 16),
    ],
)
def test_how_much_at_once(
    state: HostState, kind: AgentKind, requests: int, connections: int
) -> None:
    """Many only to one of ours that answers; one at a time to all others."""
    seen = health(state)
    assert hosts.most_requests(seen, kind, NOW, run=True) == requests
    assert hosts.most_connections(seen, kind, NOW) == connections


def test_a_host_in_trouble_is_left_alone_until_its_time() -> None:
    """No request and no connection before; but a busy host still gets its stops."""
    for state in (SLOW, DOWN):
        waits = health(state, not_before=NOW + 1)
        assert hosts.most_requests(waits, OURS, NOW, run=False) == 0
        assert hosts.most_connections(waits, OURS, NOW) == 0
    busy = health(BUSY, not_before=NOW + 1)
    assert hosts.most_requests(busy, OURS, NOW, run=True) == 0
    assert hosts.most_requests(busy, OURS, NOW, run=False) == 200
    assert hosts.most_connections(busy, OURS, NOW) == 16


# -- patience -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "created", "step"),
    [
        (health(ANSWERING), NOW - 10**7, None),
        (health(DOWN, since=NOW - 59_999), NOW - 10**7, None),
        (
            health(DOWN, since=NOW - 60_000, text="x"),
            NOW - 10**7,
            Fail(FailureReason.UNREACHABLE, "x"),
        ),
        (health(DOWN, since=NOW - 60_000), NOW - 59_999, None),
        (health(BUSY, since=NOW - 60_000, text="full"), 0, Fail(FailureReason.REFUSED, "full")),
        (health(SLOW, since=NOW - 299_999, silent_since=NOW - 299_999), 0, None),
        (
            health(SLOW, since=NOW - 1, silent_since=NOW - 300_000, text="no reply"),
            0,
            Fail(FailureReason.UNREACHABLE, "no reply"),
        ),
    ],
)
def test_the_end_of_patience(seen: Health, created: int, step: Fail | None) -> None:
    """A minute for a host that is away or takes no jobs, five for one that does not answer."""
    assert hosts.failure(seen, created, NOW, LIMITS) == step


def test_a_host_is_tried_before_anything_fails() -> None:
    """What was learnt before a request was made does not fail it, whatever the patience."""
    none = replace(LIMITS, connect_retry=0)
    down = health(DOWN, since=NOW - 10**6, silent_since=NOW - 10**6, failed_at=NOW - 1)
    assert hosts.failure(down, NOW, NOW, none) is None
    tried = hosts.after(down, Unreachable("x"), NOW, run=False)
    assert hosts.failure(tried, NOW, NOW, none) == Fail(FailureReason.UNREACHABLE, "x")


def test_a_host_that_flaps_between_silences_has_one_patience() -> None:
    """Now refused, now taken and never answered: no answer since the first of them."""
    seen, began = health(ANSWERING), NOW
    for late in range(0, 300_000, 10_000):
        event: Event = TIMED_OUT if late % 20_000 else Unreachable("x")
        seen = hosts.after(seen, event, began + late, run=True)
        assert hosts.failure(seen, 0, began + late, LIMITS) is None
    seen = hosts.after(seen, TIMED_OUT, began + 300_000, run=True)
    assert hosts.failure(seen, 0, began + 300_000, LIMITS)


# -- reports ------------------------------------------------------------------------------------


def test_a_trouble_is_reported_once() -> None:
    """Of a slow host not before ten seconds, or before an answer was waited for in full."""
    slow = hosts.overdue(health(ANSWERING), NOW)
    assert not hosts.is_worth_reporting(slow, NOW + 7_999, LIMITS)
    assert hosts.is_worth_reporting(slow, NOW + 8_000, LIMITS)
    failed = hosts.after(slow, TIMED_OUT, NOW + 100, run=True)
    assert hosts.is_worth_reporting(failed, NOW + 100, LIMITS)
    assert not hosts.is_worth_reporting(replace(failed, reported=True), NOW + 100, LIMITS)
    down = hosts.after(health(ANSWERING), Unreachable("x"), NOW, run=True)
    assert hosts.is_worth_reporting(down, NOW, LIMITS)
    assert not hosts.is_worth_reporting(down, NOW, replace(LIMITS, connect_retry=0))
    assert not hosts.is_worth_reporting(health(ANSWERING), NOW, LIMITS)


# -- what must hold whatever happens ------------------------------------------------------------

events = st.sampled_from(
    [
        TAKEN,
        NOT_NOW,
        TIMED_OUT,
        CLOSED,
        Unreachable("x"),
        Reported(JobStanding.ENDED),
        Original(),
        Held(),
    ]
)


@given(st.lists(st.tuples(events, st.integers(0, 60_000), st.booleans()), max_size=30))
def test_whatever_happens_a_host_is_tried_again_soon(
    course: list[tuple[Event, int, bool]],
) -> None:
    """No pause is longer than five seconds, and an answered run always ends the trouble."""
    seen, now = Health(), NOW
    for event, pause, run in course:
        now += pause
        seen = hosts.after(seen, event, now, run=run)
        assert seen.not_before <= now + 5_000
        assert (seen.silent_since is not None) is seen.is_silent
        assert hosts.after(seen, TAKEN, now, run=True).state is ANSWERING
