"""run: ready icons are started; jobnets are started, watched and ended.

Hints name main runs: boot has decided to start them, or a result has made icons ready. The sweep
looks at everything: runs that people want stopped come first. Every JaJobnetInterval it also looks
at instances whose state does not fit their icons, which is how changes made directly in the tables
take effect.
"""

from __future__ import annotations

from jobarranger.db.engine import Database
from jobarranger.flow.aborting import Aborter
from jobarranger.flow.engine import Engine
from jobarranger.flow.moving import Mover
from processes.worker import ChildContext, Duty, Turn

#: Seconds after which families that somebody else held are looked at again.
HELD_PAUSE = 0.05


class Run:
    """The run process's duty."""

    _db: Database
    _mover: Mover
    _aborter: Aborter

    def open(self, context: ChildContext) -> None:
        """Open the database and the engine."""
        self._clock = context.clock
        self._jobnet_interval = float(context.config.ja_jobnet_interval)
        self._settle_at = float("-inf")
        self._adopted = False
        self._db = context.database()
        engine = Engine.from_config(context.config, context.clock)
        self._mover = Mover(self._db, engine)
        self._aborter = Aborter(self._db, engine)

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Move the hinted families, or everything that waits; a sweep first stops runs."""
        if not self._adopted:
            self._mover.adopt()
            self._adopted = True
        stops_left = hinted is None and self._aborter.abort().left
        moved = self._mover.move(hinted)
        if hinted is None and self._clock.monotonic() >= self._settle_at:
            self._settle_at = self._clock.monotonic() + self._jobnet_interval
            self._mover.settle()
        soon = HELD_PAUSE if moved.left or stops_left else None
        return Turn(done=moved.icons, unit="icons", again=moved.again, next_in=soon)

    def close(self) -> None:
        """Close the database."""
        if hasattr(self, "_db"):
            self._db.close()


def duty() -> Duty:
    """Return the duty of this child."""
    return Run()
