"""The parent's loop: start the children, watch them, replace them, stop them in stages.

The parent is poor on purpose: one thread, no ZeroMQ context, no database engine, no event loop.
Whatever it decides is decided in `processes.policy`; this module only waits, reads, forks, reaps
and sends signals. Each child is reaped by its own pid, so no helper of a library is stolen and no
reused pid is ever signalled.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from jobarranger import logs
from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.daemon import output
from processes import policy
from processes.exhaustion import exhausted
from processes.lifeline import Lifeline, LifelineRecord, RecordKind, lifeline
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
)
from processes.signals import STOPPING, Signals, child_signals, held_back

log = logging.getLogger(__name__)

#: Longest sleep of the parent in seconds, and shortest when a deadline has just passed.
LONGEST_TICK, SHORTEST_TICK = 30.0, 0.01
#: Role of the child that gets the figures of all others.
MONITOR = "monitor"

#: A child's life after the fork: takes its lifeline and signals, returns its exit code.
Body = Callable[[Lifeline, Signals], int]


@dataclass(frozen=True, slots=True)
class Member:
    """One child: what the policy knows of it, and what it does."""

    spec: Spec
    body: Body


@dataclass(slots=True)
class ChildSlot:
    """The place of one child in the supervisor."""

    member: Member
    slot: Slot
    line: Lifeline | None = None
    fault: str = ""  #: the last reason the child gave for its end


class Supervisor:
    """Runs all members until a signal ends it or one of them has to be given up."""

    def __init__(
        self,
        members: Sequence[Member],
        *,
        clock: Clock,
        signals: Signals,
        stop_timeout: float,
        on_ready: Callable[[], None] = lambda: None,
        on_stopping: Callable[[], None] = lambda: None,
        chore: Callable[[], None] = lambda: None,
        level: int = 3,
    ) -> None:
        self._children = [ChildSlot(member, Slot(spec=member.spec)) for member in members]
        self._clock = clock
        self._signals = signals
        self._stop_timeout = stop_timeout
        self._on_ready = on_ready
        self._on_stopping = on_stopping
        self._chore = chore
        self._level = level
        self._stopping: Stopping | None = None
        self._all_ready = False
        self._poll = select.poll()
        self._poll.register(signals.fileno(), select.POLLIN)
        self.failure: str | None = None  #: why the server stops by itself, one line

    def run(self) -> int:
        """Supervise until all children are gone; return the exit code of the server."""
        while not self._finished():
            self._act()
            self._poll.poll(1000 * self._tick())
            self._take_signals()
            for child in self._children:
                self._listen(child)
                self._reap(child)
            self._look_around()
            logs.report_floods()
            self._chore()
        return ExitCode.WANTED if self.failure is None else ExitCode.FAILED

    def stop(self, reason: str) -> None:
        """Begin an orderly stop for a reason; a second call stops hard."""
        now = self._clock.monotonic()
        if self._stopping is None:
            m.log_message(m.JASERVER000005, reason=reason)
            self._on_stopping()
            self._stopping = Stopping(stage=0, deadline=now + self._stop_timeout)
        else:
            log.warning("stopping hard: all processes are killed")
            self._stopping = Stopping(stage=self._stopping.stage, deadline=now, hard=True)

    def _slots(self) -> list[Slot]:
        return [child.slot for child in self._children]

    def _finished(self) -> bool:
        return self._stopping is not None and not any(child.slot.pid for child in self._children)

    def _tick(self) -> float:
        """Return how long nothing can become due by itself."""
        now = self._clock.monotonic()
        due = policy.next_deadline(self._slots(), self._stopping)
        left = LONGEST_TICK if due is None else due - now
        return min(max(left, SHORTEST_TICK), LONGEST_TICK)

    def _act(self) -> None:
        """Do with each child what the policy says."""
        if self._stopping is not None:
            self._stopping = policy.next_stage(self._slots(), self._stopping)
        for child in self._children:
            action = policy.decide(child.slot, self._clock.monotonic(), self._stopping)
            if isinstance(action, Spawn):
                self._spawn(child)
            elif action is not None:
                self._end(child, action)

    def _end(self, child: ChildSlot, action: Terminate | Kill) -> None:
        if isinstance(action, Kill):
            _report_kill(child.slot, action.reason)
        with suppress(ProcessLookupError):
            number = signal.SIGKILL if isinstance(action, Kill) else signal.SIGTERM
            os.kill(child.slot.pid, number)
        child.slot = policy.ended_by_us(child.slot, self._clock.monotonic(), action)

    def _spawn(self, child: ChildSlot) -> None:
        """Fork one child; a fork that fails counts as a failure of the child."""
        ours, theirs = lifeline()
        now = self._clock.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        with held_back():
            try:
                pid = os.fork()
            except OSError as error:
                log.critical("%s cannot be started: %s", child.slot.spec.name, error)
                ours.close()
                theirs.close()
                child.slot = policy.exited(child.slot, now, ExitCode.EXHAUSTED, wanted=False)
                return
            if pid == 0:
                self._live(child.member, theirs, ours)
        theirs.close()
        child.line = ours
        child.fault = ""
        child.slot = policy.spawned(child.slot, now, pid)
        self._poll.register(ours.fileno(), select.POLLIN)

    def _live(self, member: Member, mine: Lifeline, parents: Lifeline) -> NoReturn:
        """Be a child: let go of all that is the parent's, work, and never come back."""
        code: int = ExitCode.FAILED
        try:
            parents.close()
            for child in self._children:
                if child.line is not None:
                    child.line.close()
            self._signals.close()
            code = member.body(mine, child_signals())
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else ExitCode.FAILED
        except BaseException as error:  # noqa: BLE001 - nothing may run on in a copy of the parent
            code = ExitCode.EXHAUSTED if exhausted(error, starting=True) else code
            traceback.print_exc()
            mine.send(RecordKind.FAULT, f"{type(error).__name__}: {error}")
        finally:
            with suppress(Exception):
                logs.report_floods(all_of_it=True)
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _take_signals(self) -> None:
        for number in self._signals.take():
            if number in STOPPING:
                self.stop(f"signal {signal.Signals(number).name}")
            elif number == signal.SIGHUP:
                log.info("opening the log file anew")
                self._reopen()
            elif number == signal.SIGUSR1:
                self._change_level()

    def _reopen(self) -> None:
        output.reopen()
        self._send_all(RecordKind.REOPEN)

    def _change_level(self) -> None:
        """Show more in the log, in all processes; beyond the most begin with the least."""
        self._level = (self._level + 1) % 5
        logs.set_level(self._level)
        log.info("log level is now %s", self._level)
        self._send_all(RecordKind.LEVEL, str(self._level))

    def _send_all(self, kind: RecordKind, text: str = "") -> None:
        for child in self._children:
            if child.line is not None:
                child.line.send(kind, text)

    def _listen(self, child: ChildSlot) -> None:
        """Take what a child has said."""
        if child.line is None:
            return
        for record in child.line.receive():
            self._hear(child, record)
        if child.line.gone:
            self._poll.unregister(child.line.fileno())
            child.line.close()
            child.line = None

    def _hear(self, child: ChildSlot, record: LifelineRecord) -> None:
        now = self._clock.monotonic()
        match record.kind:
            case RecordKind.READY:
                child.slot = policy.heard(child.slot, now, ready=True)
            case RecordKind.BEAT:
                child.slot = policy.heard(child.slot, now)
                self._relay(record.text)
            case RecordKind.FAULT:
                child.fault = record.text
            case RecordKind.ROTATED:
                self._reopen()
            case _:
                pass  # an order of ours; a child that sends it is damaged

    def _relay(self, figures: str) -> None:
        for child in self._children:
            if child.line is not None and child.slot.spec.role == MONITOR:
                child.line.send(RecordKind.FIGURES, figures)

    def _reap(self, child: ChildSlot) -> None:
        """Take the exit code of a child that is gone."""
        if not child.slot.pid:
            return
        try:
            pid, status = os.waitpid(child.slot.pid, os.WNOHANG)
        except ChildProcessError:
            pid, status = child.slot.pid, 0x100  # reaped by someone else: counts as failed
        if pid == 0:
            return
        self._listen(child)  # its last words
        before, wanted = child.slot, self._stopping is not None
        now = self._clock.monotonic()
        code = os.waitstatus_to_exitcode(status)
        child.slot = policy.exited(before, now, code, wanted=wanted)
        if wanted:
            m.log_message(m.JASERVER000006, role=before.spec.role, number=before.spec.number)
        else:
            self._mourn(child, before, code, now)

    def _mourn(self, child: ChildSlot, before: Slot, code: int, now: float) -> None:
        """Log the unwanted end of a child, and stop all if it was the last straw."""
        spec, how = before.spec, ending(code)
        if child.fault:
            how = f"{how}: {child.fault}"
        known = {"role": spec.role, "number": spec.number}
        m.log_message(m.JASERVER200002, **known, pid=before.pid, how=how)
        if child.slot.phase is not Phase.FAILED:
            delay = f"{max(0.0, child.slot.due_at - now):.1f}"
            m.log_message(m.JASERVER300002, **known, delay=delay)
        elif code in policy.FINAL:
            self._fail(m.render(m.JASERVER100003, error_text=f"{spec.name}: {child.fault or how}"))
        else:
            self._fail(m.render(m.JASERVER100002, **known, count=child.slot.failures), how)

    def _fail(self, raised: m.Raised, how: str = "") -> None:
        """Stop the server since a child cannot be had."""
        self.failure = f"{raised.text} ({how})" if how else raised.text
        log.critical("%s", raised.line)
        if self._stopping is None:
            self.stop(self.failure)

    def _look_around(self) -> None:
        """Notice when all children have become ready for the first time."""
        if self._all_ready or self._stopping is not None:
            return
        if all(child.slot.phase is Phase.RUNNING for child in self._children):
            self._all_ready = True
            self._on_ready()


def _report_kill(slot: Slot, reason: KillReason) -> None:
    spec = slot.spec
    known = {"role": spec.role, "number": spec.number, "pid": slot.pid}
    match reason:
        case KillReason.SILENT:
            m.log_message(m.JASERVER200003, **known, seconds=round(spec.hang_limit))
        case KillReason.DEAF:
            m.log_message(m.JASERVER300003, **known, seconds=round(spec.stop_limit))
        case KillReason.NOT_READY | KillReason.HARD:
            log.warning("%s (pid %s) %s, it is killed", spec.name, slot.pid, reason.value)


def ending(code: int) -> str:
    """Say how a process ended: `exit code 1`, `signal SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
