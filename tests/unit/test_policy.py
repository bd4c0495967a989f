"""The supervisor's decisions, with invented times."""

from __future__ import annotations

import signal
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes import policy
from processes.policy import (
    ExitCode,
    Kill,
    KillReason,
    Phase,
    Slot,
    Spawn,
    Spec,
    Stopping,
    Terminate,
    decide,
    exited,
    heard,
    pause,
    spawned,
)

SPEC = Spec(role="run", start_limit=5, hang_limit=20, stop_limit=3, stable_after=10)


def starting(at: float = 0.0) -> Slot:
    """Return a child forked at `at`."""
    return spawned(Slot(spec=SPEC), at, 4711)


def running(at: float = 0.0) -> Slot:
    """Return a child that became ready at `at`."""
    return heard(starting(at), at, ready=True)


def test_a_child_that_is_down_is_started_when_due() -> None:
    """Not before its pause is over."""
    slot = Slot(spec=SPEC, due_at=5)
    assert decide(slot, 4.9) is None
    assert decide(slot, 5) == Spawn()


def test_nothing_is_started_during_a_stop() -> None:
    """A child that is down stays down."""
    assert decide(Slot(spec=SPEC), 1, Stopping(stage=0, deadline=99)) is None


def test_running_begins_with_the_ready_line() -> None:
    """Neither the fork nor a sign of life makes a child count as running."""
    slot = heard(starting(), 1)
    assert slot.phase is Phase.STARTING
    assert heard(slot, 2, ready=True).phase is Phase.RUNNING


def test_a_child_that_is_not_ready_in_time_is_killed() -> None:
    """The start limit counts from the fork."""
    assert decide(starting(), 4.9) is None
    assert decide(starting(), 5) == Kill(KillReason.NOT_READY)


def test_a_silent_child_is_killed_once() -> None:
    """The hang limit counts from the last sign of life; a second kill is not asked for."""
    slot = heard(running(), 7)
    assert decide(slot, 26.9) is None
    action = decide(slot, 27)
    assert action == Kill(KillReason.SILENT)
    assert isinstance(action, Kill)
    assert decide(policy.ended_by_us(slot, 27, action), 99) is None


def test_a_stop_asks_the_stages_in_turn() -> None:
    """A higher stage is asked only when all lower ones are gone."""
    early = replace(running(), spec=replace(SPEC, stage=1))
    late = replace(running(), spec=replace(SPEC, stage=2))
    stop = policy.next_stage([early, late], Stopping(stage=0, deadline=99))
    assert decide(early, 1, stop) == Terminate()
    assert decide(late, 1, stop) is None
    gone = exited(early, 2, 0, wanted=True)
    stop = policy.next_stage([gone, late], stop)
    assert decide(late, 2, stop) == Terminate()


def test_a_deaf_child_is_killed_after_its_limit() -> None:
    """Asked once, killed after the stop limit."""
    slot = policy.ended_by_us(running(), 30, Terminate())
    stop = Stopping(stage=9, deadline=99)
    assert decide(slot, 32.9, stop) is None
    assert decide(slot, 33, stop) == Kill(KillReason.DEAF)


def test_the_whole_stop_has_a_limit() -> None:
    """At the deadline everything left is killed, whatever its stage."""
    late = replace(running(), spec=replace(SPEC, stage=5))
    assert decide(late, 10, Stopping(stage=1, deadline=10)) == Kill(KillReason.DEAF)


def test_a_hard_stop_kills_at_once() -> None:
    """The second signal leaves no time."""
    assert decide(running(), 1, Stopping(stage=0, deadline=99, hard=True)) == Kill(KillReason.HARD)


def test_pauses_double_up_to_a_limit() -> None:
    """The first death costs nothing."""
    pauses = [pause(failures, was_ready=False) for failures in range(1, 12)]
    assert pauses == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]
    assert max(pause(failures, was_ready=True) for failures in range(1, 99)) == 1.0


def test_a_child_without_memory_pauses_longer() -> None:
    """At once it would meet the same: from 1 s to a minute, also if it had been ready."""
    for ready in (False, True):
        for code in (ExitCode.EXHAUSTED, 127):  # the latter: how the C library ends a process
            pauses = [pause(n, was_ready=ready, code=code) for n in range(1, 9)]
            assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    slot = exited(running(), 2, ExitCode.EXHAUSTED, wanted=False)
    assert decide(slot, 2.9) is None
    assert decide(slot, 3) == Spawn()


def test_a_fork_that_fails_is_not_tried_without_pause() -> None:
    """A child that had lived long and cannot be forked any more is given up like any other."""
    slot, now, starts = exited(running(), 1000, 1, wanted=False), 1000.0, []
    while slot.phase is not Phase.FAILED:
        now = max(now, slot.due_at)
        assert decide(slot, now) == Spawn()
        starts.append(now)
        slot = exited(slot, now, ExitCode.EXHAUSTED, wanted=False)
    assert len(starts) == SPEC.restart_limit - 1
    assert all(later - earlier >= 1 for earlier, later in pairwise(starts))


def test_a_first_death_is_repaired_at_once() -> None:
    """Whatever ended it."""
    slot = exited(running(), 2, -signal.SIGKILL, wanted=False)
    assert decide(slot, 2) == Spawn()


def test_deaths_in_a_row_are_given_up() -> None:
    """After `restart_limit` of them the child is not started again."""
    slot, now = Slot(spec=SPEC), 0.0
    for _ in range(SPEC.restart_limit):
        assert decide(slot, now) == Spawn()
        slot = exited(spawned(slot, now, 1), now, 1, wanted=False)
        now = max(now, slot.due_at)
    assert slot.phase is Phase.FAILED
    assert decide(slot, now + 1000) is None


def test_stable_time_clears_the_failures() -> None:
    """Having worked long enough makes the next death the first again."""
    slot = replace(running(), failures=5)
    assert exited(slot, 9.9, 1, wanted=False).failures == 6
    assert exited(slot, 10, 1, wanted=False).failures == 1


def test_a_kill_from_outside_says_little() -> None:
    """One second of life is stable enough if somebody else killed the child."""
    slot = replace(running(), failures=5)
    assert exited(slot, 0.9, -signal.SIGKILL, wanted=False).failures == 6
    assert exited(slot, 1.0, -signal.SIGKILL, wanted=False).failures == 1
    ours = policy.ended_by_us(slot, 1.0, Kill(KillReason.SILENT))
    assert exited(ours, 1.1, -signal.SIGKILL, wanted=False).failures == 6


@pytest.mark.parametrize("code", [ExitCode.CONFIGURATION, ExitCode.SCHEMA])
def test_what_cannot_be_mended_is_not_tried_again(code: ExitCode) -> None:
    """A wrong configuration or schema ends the server at the first death."""
    assert exited(running(), 1, code, wanted=False).phase is Phase.FAILED


def test_an_end_during_a_stop_is_no_failure() -> None:
    """Even if the child had to be killed."""
    slot = exited(running(), 1, -signal.SIGKILL, wanted=True)
    assert (slot.phase, slot.failures, slot.pid) == (Phase.DOWN, 0, 0)


def test_the_next_deadline_is_the_nearest() -> None:
    """The parent sleeps until the first limit of any child, or the end of the stop."""
    slots = [heard(running(), 7), Slot(spec=SPEC, due_at=30)]
    assert policy.next_deadline(slots, None) == 27
    assert policy.next_deadline(slots, Stopping(stage=0, deadline=20)) == 20
    assert policy.next_deadline([], None) is None


@given(
    now=st.floats(0, 1000),
    beat=st.floats(0, 1000),
    phase=st.sampled_from(Phase),
    stage=st.integers(0, 3),
    hard=st.booleans(),
    stopping=st.booleans(),
)
def test_only_living_children_are_signalled(
    now: float, beat: float, phase: Phase, stage: int, *, hard: bool, stopping: bool
) -> None:
    """Whatever the state: no signal without a process, no start of a living one."""
    alive = phase not in {Phase.DOWN, Phase.FAILED}
    slot = Slot(spec=SPEC, phase=phase, beat_at=beat, pid=1 if alive else 0)
    stop = Stopping(stage=stage, deadline=500, hard=hard) if stopping else None
    action = decide(slot, now, stop)
    if isinstance(action, Spawn):
        assert phase is Phase.DOWN
        assert not stopping
    elif action is not None:
        assert alive


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_a_loop_of_deaths_ends_or_slows_down(lives: list[float]) -> None:
    """Failures in a row never exceed the limit, and each further one waits at least as long."""
    slot, now, last = Slot(spec=SPEC), 0.0, 0
    for life in lives:
        slot = heard(spawned(slot, now, 1), now, ready=True)
        slot = exited(slot, now + life, 1, wanted=False)
        assert slot.failures in {1, last + 1}
        assert slot.failures <= SPEC.restart_limit
        if slot.phase is Phase.FAILED:
            return
        last, now = slot.failures, slot.due_at
