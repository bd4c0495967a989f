"""The main loop of a child that works in turns.

A duty is called with the ids that others have hinted at, or with None for a sweep: look at
everything. Hints are answered at once, sweeps come every `interval` seconds whatever was
hinted, so nothing that was missed stays so for longer. The loop alone gives signs of life.
"""

from __future__ import annotations

import logging
import select
from dataclasses import dataclass
from typing import Protocol

from ipc.queues import Receiver
from jobarranger import messages as m
from jobarranger.errors import (
    ConfigError,
    DatabaseUnavailable,
    SchemaError,
    StateConflict,
    TryAgain,
    in_short,
)
from processes.context import ChildContext
from processes.exhaustion import Listener, exhausted
from processes.policy import ExitCode
from processes.rundir import RuntimeFiles
from processes.title import SHORTEST_INTERVAL

__all__ = ["ChildContext", "Duty", "Turn", "Worker", "work"]

log = logging.getLogger(__name__)

#: Unexpected errors in a row after which a child ends itself, to begin anew with clean memory.
ERROR_LIMIT = 5
#: Seconds of pause after an unexpected error.
ERROR_PAUSE = 0.5
#: Pauses while the database is away: first and longest, doubling.
DATABASE_PAUSE, DATABASE_PAUSE_MAX = 1.0, 10.0
#: Pause after a turn that lost a race or was asked to come again.
CONFLICT_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a duty came to."""

    done: int = 0  #: units of work
    unit: str = "items"  #: what a unit is called in the title
    again: bool = False  #: more is waiting: sweep again at once
    next_in: float | None = None  #: seconds after which a sweep is wanted; None: at the interval


class Duty(Protocol):
    """What a child does for its living."""

    def open(self, context: ChildContext) -> None:
        """Prepare after the fork: database, engine, whatever must not be shared."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Do what is there to be done: look at the `hinted` ids, or at everything for None."""

    def close(self) -> None:
        """Give everything back; called once, also after errors."""


class Worker:
    """Runs one duty until the parent asks for the end or is gone."""

    def __init__(self, context: ChildContext, duty: Duty, receiver: Receiver) -> None:
        self._context = context
        self._duty = duty
        self._receiver = receiver
        self._link = context.link
        self._clock = context.clock
        self._sweep_at = float("-inf")
        self._pause_until = float("-inf")
        self._errors = 0  # unexpected ones, in a row
        self._database_tries = 0  # in vain, in a row
        self._away_since = 0.0
        self._exhausted: BaseException | None = None
        self._poll = select.poll()
        for descriptor in (*self._link.descriptors(), receiver.fileno()):
            self._poll.register(descriptor, select.POLLIN)

    def run(self) -> int:
        """Turn until the end; return the exit code."""
        context = self._context
        context.status("opening")
        self._link.beat()
        with Listener(self._heard):
            opened = self._open()
            self._link.ready()
            while not self._link.stopping and self._errors < ERROR_LIMIT:
                self._link.attend()
                if not opened:
                    opened = self._wait(self._pause_until) and self._open()
                    continue
                self._step()
        context.status("ending")
        return ExitCode.FAILED if self._errors >= ERROR_LIMIT else ExitCode.WANTED

    def _heard(self, error: BaseException) -> None:
        """Remember what keeps this process from working; somewhere it was only logged."""
        self._exhausted = error

    def _step(self) -> None:
        """Take one turn if there is reason to, else wait for one."""
        now = self._clock.monotonic()
        if now < self._pause_until:
            self._wait(self._pause_until)
            return
        hinted = self._receiver.drain()
        if now >= self._sweep_at:
            self._turn(None)
        elif hinted:
            self._turn(frozenset(hinted))
        else:
            self._wait(self._sweep_at)

    def _turn(self, hinted: frozenset[int] | None) -> None:
        started = self._clock.monotonic()
        try:
            turn = self._duty.turn(hinted)
        except Exception as error:  # noqa: BLE001 - the loop turn of a child: logged and counted
            self._sweep_at = float("-inf")  # what was hinted may be lost: look at everything
            self._failed(error)
            return
        if self._exhausted is not None:
            raise self._exhausted
        self._errors = 0
        self._database_is_back()
        took = self._clock.monotonic() - started
        if hinted is None:
            self._sweep_at = started + took + self._context.interval
        if turn.again:
            self._sweep_at = float("-inf")
        elif turn.next_in is not None:
            self._sweep_at = min(self._sweep_at, started + took + turn.next_in)
        self._account(turn, took)

    def _account(self, turn: Turn, took: float) -> None:
        figures = self._link.figures
        figures.turns += 1
        figures.done += turn.done
        figures.busy += took
        figures.drops = self._context.sender.drops
        idle = max(0.0, self._sweep_at - self._clock.monotonic())
        self._context.status(f"{turn.done} {turn.unit} in {took:.3f} s, idle {idle:.0f} s")
        self._link.beat()

    def _open(self) -> bool:
        try:
            self._duty.open(self._context)
        except DatabaseUnavailable as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: Exception) -> None:
        """Decide how long to pause after a turn that raised."""
        now = self._clock.monotonic()
        if isinstance(error, DatabaseUnavailable):
            self._database_is_away(error)
        elif isinstance(error, TryAgain | StateConflict):
            log.debug("%s: %s", self._context.name, error)
            self._pause_until = now + CONFLICT_PAUSE
        else:
            _raise_if_final(error)
            self._errors += 1
            self._link.figures.errors += 1
            self._pause_until = now + ERROR_PAUSE
            text = f"{type(error).__name__}: {in_short(error)}"
            log.error("%s: unexpected error", self._context.name, exc_info=error)
            m.log_message(m.JASERVER200005, **self._known(), count=self._errors, error_text=text)
            self._link.fault(text)
        self._link.beat()

    def _database_is_away(self, error: DatabaseUnavailable) -> None:
        pause = min(DATABASE_PAUSE * 2.0 ** min(self._database_tries, 10), DATABASE_PAUSE_MAX)
        if not self._database_tries:
            m.log_message(m.JASERVER200004, **self._known(), error_text=str(error))
            self._away_since = self._clock.monotonic()
        self._database_tries += 1
        self._pause_until = self._clock.monotonic() + pause
        self._context.status(f"waiting for the database, next try in {pause:.0f} s")

    def _database_is_back(self) -> None:
        if self._database_tries:
            self._database_tries = 0
            away = round(self._clock.monotonic() - self._away_since)
            m.log_message(m.JASERVER000008, **self._known(), seconds=away)

    def _known(self) -> dict[str, object]:
        """Return what messages want to know of this child."""
        return {"role": self._context.role.value, "number": self._context.number}

    def _wait(self, until: float) -> bool:
        """Sleep until something comes or the time is there; return whether `until` has passed."""
        left = until - self._clock.monotonic()
        if left > 0:
            self._link.beat()
            title = self._context.title
            title.flush()
            left = min(left, self._link.until_beat())
            if title.pending:
                left = min(left, SHORTEST_INTERVAL)
            ready = self._poll.poll(1000 * left + 1)
            if any(descriptor in self._link.descriptors() for descriptor, _ in ready):
                self._link.attend()
            elif ready and self._clock.monotonic() < self._pause_until:
                self._pause_over_hints()
        return self._clock.monotonic() >= until

    def _pause_over_hints(self) -> None:
        """Take hints off the descriptor during a pause; a sweep follows it anyway."""
        if self._receiver.drain():
            self._sweep_at = float("-inf")


def _raise_if_final(error: Exception) -> None:
    """Pass on what no later turn can repair; the parent learns it by the exit code."""
    if isinstance(error, ConfigError | SchemaError) or exhausted(error) is not None:
        raise error


def work(context: ChildContext, duty: Duty) -> int:
    """Run `duty` as the main loop of this process; return the exit code."""
    receiver = Receiver(context.runtime_dir, context.role.value, context.number)
    context.link.chores.append(RuntimeFiles(context.runtime_dir, context.held, receiver.mend).look)
    try:
        return Worker(context, duty, receiver).run()
    finally:
        try:
            duty.close()
        except Exception:
            log.exception("%s: could not be closed", context.name)  # the first error counts
        receiver.close()
