"""The run process's transactions: start jobnets, start ready icons, judge what others changed.

Candidates are read without locks first; families that another process holds are left to it. Each
transaction takes a bounded batch of families and writes it with a handful of statements.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db import runs
from jobarranger.db.engine import Database
from jobarranger.failpoints import failpoint
from jobarranger.flow.batches import in_batches
from jobarranger.flow.engine import Engine
from jobarranger.flow.loops import LoopWatch
from jobarranger.flow.propagation import propagate
from jobarranger.flow.resuming import adopt_jobs, resume
from jobarranger.flow.settling import settle
from jobarranger.flow.starting import start_jobnets
from jobarranger.flow.transact import transact
from jobarranger.flow.work import Work
from jobarranger.icons import types_with
from jobarranger.parking import Parking
from jobarranger.requests.rows import of_icons
from jobarranger.states import IconEvent, IconStatus

#: Families in one transaction, icons and runs looked at in one pass.
BATCH = 50
MOST = 500


@dataclass(frozen=True, slots=True)
class Moved:
    """What one pass came to."""

    icons: int  #: started or passed over
    again: bool  #: more is waiting to be moved at once
    left: bool  #: families were left alone since somebody else held them; look again soon


class Mover:
    """Moves runs forward; one per run process."""

    def __init__(self, db: Database, engine: Engine) -> None:
        """Work on `db` in the surroundings `engine`."""
        self._db = db
        self._engine = engine
        self._parking = Parking(engine.clock)
        self._loops = LoopWatch(engine.clock)

    def move(self, mains: Collection[int] | None) -> Moved:
        """Start what is to be started in the given families, or anywhere (None: the sweep)."""
        parked = self._parking.parked()
        starting, ready = self._db.read(lambda conn: self._candidates(conn, mains, parked))
        families = dict.fromkeys((*starting, *(main for _, main in ready)))
        icons: dict[int, list[int]] = {}
        for icon_id, main in ready:
            icons.setdefault(main, []).append(icon_id)
        begun = set(starting)
        works = in_batches(
            list(families),
            BATCH,
            lambda batch: self._move_batch(batch, begun, icons),
            self._parking,
        )
        self._watch_loops(works)
        moved = sum(family.steps for work in works for family in work.families.values())
        full = moved > 0 and max(len(starting), len(ready)) >= MOST  # more than was looked at
        held = {main for work in works for main in work.families}
        return Moved(
            icons=moved,
            again=full or any(work.ready for work in works),
            left=any(main not in held for main in families if main not in parked),
        )

    def _watch_loops(self, works: Sequence[Work]) -> None:
        """Report runs that go round a loop without end."""
        for family in (family for work in works for family in work.families.values()):
            passes = self._loops.note(family.main.id, family.passes) if family.passes else None
            if passes:
                m.log_message(
                    m.JARUN300003,
                    inner_jobnet_main_id=family.main.id,
                    jobnet_id=family.main.jobnet_id,
                    passes=passes,
                )

    def _candidates(
        self, conn: Connection, mains: Collection[int] | None, parked: Collection[int]
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Read runs to be started and icons that are ready, without locks."""
        if mains is None:
            waiting = runs.waiting(conn, MOST, parked)
        else:
            waiting = runs.waiting_of(conn, mains)
        return [main for icon, main in waiting if not icon], [one for one in waiting if one[0]]

    def _move_batch(
        self, mains: Sequence[int], begun: set[int], icons: dict[int, list[int]]
    ) -> Work:
        """Move a batch of families in one transaction."""

        def step(work: Work) -> None:
            failpoint("run.claim")
            ours = sorted(work.families)
            start_jobnets(work, [main for main in ours if main in begun])
            held = [icon for main in ours for icon in icons.get(main, [])[:MOST]]
            ready = [icon for icon in work.load_icons(held) if icon.status is IconStatus.READY]
            propagate(work, ready)

        work, _ = transact(
            self._db,
            self._engine,
            mains,
            step,
            wait=False,
            before_commit=lambda: failpoint("run.before_commit"),
            after_commit=lambda: failpoint("run.after_commit"),
        )
        return work

    def adopt(self) -> int:
        """Take over the jobs that another server has running on agents; return how many.

        To be called once, before the first move: our own starts always note their requests.
        """
        by_main: dict[int, list[int]] = {}
        kinds = types_with(lambda traits: traits.asks_agent)
        found = self._db.read(lambda conn: of_icons.without_request(conn, kinds))
        for icon_id, main in found:
            by_main.setdefault(main, []).append(icon_id)

        def adopt_batch(mains: Sequence[int]) -> int:
            def step(work: Work) -> int:
                adopt_jobs(work, [icon for main in work.families for icon in by_main[main]])
                return len(work.dispatches)

            _, adopted = transact(self._db, self._engine, mains, step, wait=True)
            return adopted

        return sum(in_batches(list(by_main), BATCH, adopt_batch, self._parking))

    def settle(self) -> int:
        """Judge instances whose state does not fit their icons; return how many there were.

        So are those that another server has left half done, which go on.
        """
        ends = types_with(lambda traits: traits.ends_jobnet)
        nets = types_with(lambda traits: traits.contains_jobnet)
        unsettled = self._db.read(lambda conn: runs.unsettled(conn, MOST, ends=ends, nets=nets))
        if not unsettled:
            return 0
        by_main: dict[int, list[int]] = {}
        for instance_id, main in unsettled:
            by_main.setdefault(main, []).append(instance_id)

        def judge_batch(mains: Sequence[int]) -> Work:
            return self._settle_batch(mains, by_main)

        in_batches(list(by_main), BATCH, judge_batch, self._parking)
        return len(unsettled)

    def _settle_batch(self, mains: Sequence[int], by_main: dict[int, list[int]]) -> Work:
        """Judge a batch of families in one transaction."""

        def step(work: Work) -> None:
            ids = {instance for main in work.families for instance in by_main[main]}
            work.load_instances(ids)
            resume(work, ids)
            work.suspects.update(ids & work.instances.keys())
            settle(work, _ends_reached(work.unit.conn, ids))

        work, _ = transact(self._db, self._engine, mains, step, wait=False)
        return work


def _ends_reached(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return since when (UTC ms) instances have a finished END icon.

    Where nobody has noted it another server has finished it, long ago.
    """
    if not ids:
        return {}
    ends = types_with(lambda traits: traits.ends_jobnet)
    return dict.fromkeys(ids, 0) | runs.end_reached_at(conn, ids, ends, IconEvent.ENDED)
