"""The main loop of a child that works in turns, on a clock that only waits if it must."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ipc.queues import Receiver, Sender
from jobarranger.clock import SystemClock
from jobarranger.errors import DatabaseUnavailable, SchemaError, TryAgain
from jobarranger.wakes import Role
from processes import worker
from processes.context import ChildContext
from processes.lifeline import Lifeline, RecordKind, lifeline
from processes.link import Figures, ParentLink
from processes.policy import ExitCode
from processes.signals import Signals
from processes.title import Title
from processes.worker import Turn, Worker


class NoSignals:
    """Signals that never come."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return a descriptor that is never readable."""
        return self._descriptor

    def take(self) -> list[int]:
        """Return nothing."""
        return []


class Scripted:
    """A duty whose turns are written down; the end of the script ends the loop."""

    def __init__(self, link: ParentLink, *turns: Turn | Exception | Callable[[], Turn]) -> None:
        self.link = link
        self.left = list(turns)
        self.seen: list[frozenset[int] | None] = []

    def open(self, context: ChildContext) -> None:
        """Begin."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Play the next turn."""
        self.seen.append(hinted)
        turn = self.left.pop(0)
        if not self.left:
            self.link.stopping = True
        if isinstance(turn, Exception):
            raise turn
        return turn() if callable(turn) else turn

    def close(self) -> None:
        """End."""


class Rig:
    """A worker's surroundings without a parent process."""

    def __init__(self, path: Path) -> None:
        self.parent, mine = lifeline()
        self._mine = mine
        self._pair = lifeline()
        clock = SystemClock()
        figures = Figures(name="run #1")
        signals = cast("Signals", NoSignals(self._pair[0].fileno()))
        self.link = ParentLink(mine, signals, clock, figures, hang_limit=60)
        self.sender = Sender(path)
        self.context = ChildContext(
            config=cast("Any", None),
            clock=clock,
            role=Role.RUN,
            number=1,
            counts={Role.RUN: 1},
            server_id="1",
            runtime_dir=path,
            interval=0.05,
            hang_limit=60,
            link=self.link,
            sender=self.sender,
            title=Title("run #1", clock),
        )
        self.context.title.flush = lambda: None  # type: ignore[method-assign]
        self.receiver = Receiver(path, "run", 1)

    def run(self, duty: Scripted) -> int:
        """Run the loop to the end of the script."""
        return Worker(self.context, duty, self.receiver).run()

    def close(self) -> None:
        """Give everything back."""
        self.sender.close()
        self.receiver.close()
        ends: list[Lifeline] = [self.parent, self._mine, *self._pair]
        for end in ends:
            end.close()


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Surroundings with short pauses."""
    monkeypatch.setattr(worker, "ERROR_PAUSE", 0.01)
    monkeypatch.setattr(worker, "DATABASE_PAUSE", 0.01)
    made = Rig(tmp_path)
    yield made
    made.close()


def test_the_first_turn_is_a_sweep_and_follows_ready(rig: Rig) -> None:
    """Whatever was hinted before the start is found by looking at everything."""
    duty = Scripted(rig.link, Turn(1))
    assert rig.run(duty) == ExitCode.WANTED
    assert duty.seen == [None]
    assert RecordKind.READY in [record.kind for record in rig.parent.receive()]


def test_hints_are_answered_between_sweeps(rig: Rig) -> None:
    """Ids that came together are one turn; the sweep still comes at its interval."""

    def hint() -> Turn:
        rig.sender.send("run", 1, [4, 5])
        return Turn()

    rig.context.interval = 5
    duty = Scripted(rig.link, hint, Turn(2))
    rig.run(duty)
    assert duty.seen == [None, frozenset({4, 5})]


def test_again_means_a_sweep_at_once(rig: Rig) -> None:
    """A duty that left work behind is not kept waiting."""
    rig.context.interval = 1000
    duty = Scripted(rig.link, Turn(again=True), Turn(again=True), Turn())
    rig.run(duty)
    assert duty.seen == [None, None, None]


def test_a_duty_may_ask_for_an_earlier_sweep(rig: Rig) -> None:
    """`next_in` shortens the interval once."""
    rig.context.interval = 1000
    duty = Scripted(rig.link, Turn(next_in=0.01), Turn())
    rig.run(duty)
    assert duty.seen == [None, None]


def test_an_absent_database_is_reported_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """However long it is away; and it does not count as an error of the child."""
    away: list[Turn | Exception] = [DatabaseUnavailable("gone")] * 7
    with caplog.at_level(logging.INFO):
        assert rig.run(Scripted(rig.link, *away, Turn())) == ExitCode.WANTED
    assert caplog.text.count("JASERVER200004") == 1
    assert caplog.text.count("JASERVER000008") == 1


def test_losing_a_race_is_not_an_error(rig: Rig) -> None:
    """It is tried again a moment later."""
    duty = Scripted(rig.link, TryAgain("busy"), Turn())
    assert rig.run(duty) == ExitCode.WANTED
    assert rig.link.figures.errors == 0


def test_errors_in_a_row_end_the_child(rig: Rig) -> None:
    """One good turn clears the count."""
    bug, good = ValueError("bug"), Turn()
    duty = Scripted(rig.link, bug, bug, bug, bug, good, bug, bug, bug, bug, bug, good)
    assert rig.run(duty) == ExitCode.FAILED
    assert len(duty.left) == 1
    faults = [record.text for record in rig.parent.receive() if record.kind is RecordKind.FAULT]
    assert faults[-1] == "ValueError: bug"


def test_what_no_turn_can_mend_is_passed_on(rig: Rig) -> None:
    """A schema of another version is reported to the parent by the exit code."""
    with pytest.raises(SchemaError):
        rig.run(Scripted(rig.link, SchemaError("other version"), Turn()))


def test_a_child_without_parent_ends(rig: Rig) -> None:
    """The end of the lifeline ends the loop."""

    def orphan() -> Turn:
        rig.parent.close()
        return Turn()

    duty = Scripted(rig.link, orphan, *[Turn()] * 100)
    assert rig.run(duty) == ExitCode.WANTED
    assert len(duty.seen) < 5
    assert rig.link.orphaned


@pytest.mark.parametrize("where", ["raised", "logged"])
def test_a_turn_without_memory_ends_the_process(rig: Rig, where: str) -> None:
    """Raised, or logged where one piece of work is given up: the next turn is not begun."""

    def turn() -> Turn:
        if where == "raised":
            raise MemoryError
        logging.getLogger("jobarranger.parking").warning("run 7 failed", exc_info=MemoryError())
        return Turn(1)

    duty = Scripted(rig.link, turn, Turn(1), Turn(1))
    with pytest.raises(MemoryError):
        rig.run(duty)
    assert len(duty.seen) == 1
