"""A server's duties in one process, under a clock that only the simulation moves."""

from __future__ import annotations

from collections import Counter
from datetime import tzinfo

from sqlalchemy import select

from jobarranger.clock import stamp12
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.flow.engine import Engine
from jobarranger.flow.moving import Mover
from jobarranger.loading.boot import BootReport, boot_due
from jobarranger.loading.due import BootRules
from jobarranger.loading.scheduled import ScheduledLoad
from jobarranger.parking import Parking
from jobarranger.purging.passing import Purger
from jobarranger.states import JobnetStatus, MissedStart, RunType

#: Late runs start as well, however late they are.
RULES = BootRules(grace_seconds=300, missed=MissedStart.LATE)


class SimulatedClock:
    """Time as the simulation sets it: the wall clock may be stepped, the monotonic one not."""

    def __init__(self, at: float) -> None:
        """Begin at `at` (UTC seconds)."""
        self._monotonic = at
        self._step = 0.0

    def now_ms(self) -> int:
        """Return the instant that the wall clock shows (UTC ms)."""
        return round((self._monotonic + self._step) * 1000)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Step the wall clock."""
        self._step += seconds


#: A start: jobnet and the slot it was planned for.
Key = tuple[str, int]


class Site:
    """Loader, boot, run and housekeeper, and a ledger of what has started."""

    def __init__(self, db: Database, clock: SimulatedClock, zone: tzinfo) -> None:
        """Work on `db`."""
        self.db = db
        self.clock = clock
        self.zone = zone
        self.begun: Counter[Key] = Counter()
        self._noted: set[int] = set()
        self.restart()

    def restart(self) -> None:
        """Forget everything that lives in memory only."""
        self.loader = ScheduledLoad(
            self.db, IdPool(self.db), self.clock, self.zone, interval=30.0, catch_up_minutes=1440
        )
        self.parking = Parking(self.clock)
        self.mover = Mover(self.db, Engine(clock=self.clock, zone=self.zone))

    def turn(self) -> int | None:
        """Let every duty do what there is to do; return the next start known (UTC ms)."""
        while self.loader.turn().more:
            pass
        while True:
            report = self._boot()
            while self.mover.move(None).again:
                pass
            if not report.more:
                return report.next_at

    def _boot(self) -> BootReport:
        return boot_due(self.db, self.clock, self.zone, rules=RULES, parking=self.parking)

    def note(self) -> None:
        """Note what has ended since."""
        run, summary = t.run_jobnet.c, t.run_jobnet_summary.c
        rows = self.db.read(
            lambda conn: conn.execute(
                select(run.inner_jobnet_id, run.jobnet_id, run.initial_scheduled_time)
                .join(t.run_jobnet_summary, summary.inner_jobnet_id == run.inner_jobnet_id)
                .where(run.run_type == RunType.NORMAL, summary.status == JobnetStatus.END)
            ).all()
        )
        fresh = [row for row in rows if row.inner_jobnet_id not in self._noted]
        self._noted = {row.inner_jobnet_id for row in rows}
        self.begun.update((row.jobnet_id, row.initial_scheduled_time) for row in fresh)

    def purge(self) -> None:
        """Remove what is old enough."""
        for _ in Purger(self.db, self.clock, self.zone).pass_over():
            pass

    def minute(self) -> int:
        """Return the present local minute."""
        return stamp12(self.clock.now_ms(), self.zone)
