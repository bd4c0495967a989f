"""Hints travel, are merged, survive a restart of the receiver, and never block."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ipc.queues import HIGH_WATER, MESSAGE_LIMIT, MOST_IDS, Receiver, Sender, queue_path
from jobarranger.hint_sender import HintSender
from jobarranger.wakes import Role, Wake


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    """A sender into the test's directory."""
    made = Sender(tmp_path)
    yield made
    made.close()


def gather(receiver: Receiver, wanted: set[int], limit: float = 5.0) -> set[int]:
    """Wait as the loops do: drain first, then sleep on the descriptor."""
    got: set[int] = set()
    deadline = time.monotonic() + limit
    while not wanted <= got and time.monotonic() < deadline:
        got |= receiver.drain()
        if not wanted <= got:
            select.select([receiver], [], [], max(0.0, min(1.0, deadline - time.monotonic())))
    return got


def test_hints_arrive_and_are_merged(tmp_path: Path, sender: Sender) -> None:
    """Several messages give one set of ids."""
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, [1, 2])
    sender.send("run", 1, [2, 3])
    assert gather(receiver, {1, 2, 3}) == {1, 2, 3}
    assert receiver.drain() == set()
    receiver.close()


def test_descriptor_wakes_each_time(tmp_path: Path, sender: Sender) -> None:
    """A hundred single hints each end a wait, although the descriptor is edge-triggered."""
    receiver = Receiver(tmp_path, "run", 1)
    started = time.monotonic()
    for number in range(100):
        sender.send("run", 1, [number])
        assert gather(receiver, {number}) == {number}
    assert time.monotonic() - started < 5
    receiver.close()


def test_hints_wait_for_a_receiver_that_restarts(tmp_path: Path, sender: Sender) -> None:
    """What was sent while the receiver was away is there when it is back."""
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, [1])
    assert gather(receiver, {1}) == {1}
    receiver.close()
    sender.send("run", 1, [2])
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, [3])
    assert 3 in gather(receiver, {3})
    receiver.close()


def test_a_full_queue_drops_and_counts(sender: Sender) -> None:
    """Without a receiver the queue fills up, then hints are dropped at once."""
    for number in range(HIGH_WATER + 10):
        sender.send("run", 1, [number])
    assert sender.drops >= 10
    assert sender.sent <= HIGH_WATER


def test_long_lists_are_cut(tmp_path: Path, sender: Sender) -> None:
    """No id is lost when a list is longer than one message may be."""
    receiver = Receiver(tmp_path, "boot", 1)
    sender.send("boot", 1, range(5000))
    assert gather(receiver, set(range(5000))) == set(range(5000))
    receiver.close()


def test_rubbish_is_counted(tmp_path: Path, sender: Sender) -> None:
    """A message of another form is ignored."""
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, [1])
    sender._sockets["run", 1].send(b"\xc1 nonsense")
    sender.send("run", 1, [2])
    assert gather(receiver, {1, 2}) == {1, 2}
    assert receiver.bad == 1
    receiver.close()


def test_path_length_is_checked(tmp_path: Path) -> None:
    """A directory that is too deep is refused with a clear text."""
    with pytest.raises(ValueError, match="more than 107"):
        queue_path(tmp_path / ("x" * 100), "job-executor", 12)


def test_post_sends_to_the_owner_of_the_slot(tmp_path: Path, sender: Sender) -> None:
    """Slots are spread over the children of a role; wakes of an absent role are dropped."""
    first = Receiver(tmp_path, "job-executor", 1)
    second = Receiver(tmp_path, "job-executor", 2)
    post = HintSender(sender, {Role.EXECUTOR: 2})
    post([Wake(Role.EXECUTOR, (1, 2), 4), Wake(Role.EXECUTOR, (3,), 7), Wake(Role.RUN, (9,))])
    assert gather(first, {1, 2}) == {1, 2}
    assert gather(second, {3}) == {3}
    first.close()
    second.close()


def test_a_socket_whose_file_was_removed_is_found_again(tmp_path: Path) -> None:
    """Those who had found it go on, those who come later reach it after `mend`."""
    directory = tmp_path / "run"
    receiver, old, new = Receiver(directory, "run", 1), Sender(directory), Sender(directory)
    old.send("run", 1, [1])
    assert gather(receiver, {1}) == {1}
    descriptor = receiver.fileno()
    assert not receiver.mend()
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    assert receiver.mend()
    assert not receiver.mend()
    new.send("run", 1, [2])
    old.send("run", 1, [3])
    assert gather(receiver, {2, 3}) == {2, 3}
    assert receiver.fileno() == descriptor
    for one in (old, new, receiver):
        one.close()


def test_a_directory_that_cannot_be_made_again(tmp_path: Path) -> None:
    """It is an error with a reason, and what was bound goes on."""
    directory = tmp_path / "run"
    receiver, sender = Receiver(directory, "run", 1), Sender(directory)
    sender.send("run", 1, [1])
    assert gather(receiver, {1}) == {1}
    (directory / "run-1.q").unlink()
    directory.rmdir()
    directory.write_text("something else")
    with pytest.raises(OSError, match="run"):
        receiver.mend()
    sender.send("run", 1, [2])
    assert gather(receiver, {2}) == {2}
    directory.unlink()
    sender.close()
    receiver.close()


@pytest.mark.parametrize(
    "ids", [[2**63], [2**64 - 1], [-1], list(range(1001)), ["a"], [1.5], [None]], ids=repr
)
def test_what_is_no_hint_is_counted_and_dropped(tmp_path: Path, sender: Sender, ids: list) -> None:
    """No database has a key like that; the next hint arrives all the same."""
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, [7])
    assert gather(receiver, {7}) == {7}
    (socket,) = sender._sockets.values()
    socket.send(msgspec.msgpack.encode([ids]))
    sender.send("run", 1, [8])
    assert gather(receiver, {8}) == {8}
    assert receiver.bad == 1
    receiver.close()


def test_a_message_that_is_too_large_never_arrives(tmp_path: Path, sender: Sender) -> None:
    """Its sender is disconnected before it takes memory, and may come again."""
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, [7])
    assert gather(receiver, {7}) == {7}
    (socket,) = sender._sockets.values()
    socket.send(b"x" * (MESSAGE_LIMIT + 1))
    deadline = time.monotonic() + 5
    got: set[int] = set()
    while got != {8} and time.monotonic() < deadline:
        sender.send("run", 1, [8])
        got = gather(receiver, {8}, limit=0.1)
    assert got == {8}
    assert receiver.bad == 0
    receiver.close()


def test_a_flood_of_hints_has_a_bound(tmp_path: Path, sender: Sender) -> None:
    """What is beyond is left to the sweep."""
    receiver = Receiver(tmp_path, "run", 1)
    sender.send("run", 1, range(1, 3 * MOST_IDS))
    first = gather(receiver, {1})
    assert 1 <= len(first) <= MOST_IDS
    receiver.close()
