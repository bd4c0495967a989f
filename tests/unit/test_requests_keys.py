"""Keys of requests: an icon's attempt may ask for several things, each with its own stop."""

from __future__ import annotations

from jobarranger.requests.request import Key, Request, alike
from jobarranger.states import (
    IN_PROGRESS_REQUEST,
    OPEN_REQUEST,
    Channel,
    DispatchState,
    Method,
)
from jobarranger.wakes import CARRIED_OUT_BY


def test_a_request_is_the_only_part_unless_it_says_so() -> None:
    """And goes to an agent."""
    request = Request(
        job_id=7,
        attempt=2,
        method=Method.KILL,
        state=DispatchState.NEW,
        host_name="web01",
        created_at=0,
    )
    assert request.key == Key(7, 2, 3, 0)
    assert request.channel is Channel.AGENT


def test_a_stop_belongs_to_one_part_of_one_attempt() -> None:
    """Whatever the method; another part or attempt is another run."""
    run = Key(7, 2, Method.NORMAL, 1)
    assert run.same_run(Key(7, 2, Method.KILL, 1))
    assert run.same_run(run)
    for other in (Key(7, 2, 3, 2), Key(7, 1, 3, 1), Key(8, 2, 3, 1), Key(7, 2, 3)):
        assert not run.same_run(other)


def test_one_statement_names_keys_that_differ_only_in_their_icons() -> None:
    """Icons come in ascending order; attempt, method or part that differs makes another set."""
    keys = [Key(9, 1, 0), Key(3, 1, 0), Key(3, 1, 0, 2), Key(3, 2, 0), Key(3, 1, 3)]
    found = {tuple(common.values()): ids for common, ids in alike(keys)}
    assert found == {(1, 0, 0): [3, 9], (1, 0, 2): [3], (2, 0, 0): [3], (1, 3, 0): [3]}
    assert alike([]) == []


def test_open_and_in_progress_differ_by_what_waits_for_people() -> None:
    """A result still counts when the outcome is unknown, though nothing happens by itself."""
    new, sending, accepted, done, unknown = DispatchState
    assert {new, sending, accepted} == IN_PROGRESS_REQUEST
    assert {unknown} == OPEN_REQUEST - IN_PROGRESS_REQUEST
    assert done not in OPEN_REQUEST


def test_somebody_is_woken_for_each_channel() -> None:
    """So no request can be written without a hint to whoever carries it out."""
    assert set(CARRIED_OUT_BY) == set(Channel)
