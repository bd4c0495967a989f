"""Stop whole runs, because a person wants it (docs/flow.md, Stopping a run).

The Manager sets `jobnet_abort_flag` in a run's summary. The run process' sweep finds it and ends
the run in one transaction, sub-jobnets included: nothing starts in it any more, its jobs are
killed, and the summary says that it was stopped. Nobody waits for the agents: what a killed job
still reports ends its icon in error and moves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jobarranger import messages as m
from jobarranger.db import icons as icon_rows
from jobarranger.db import journal, runs
from jobarranger.db.engine import Database
from jobarranger.flow.batches import in_batches
from jobarranger.flow.engine import Engine
from jobarranger.flow.stopping import stop_icons
from jobarranger.flow.transact import transact
from jobarranger.flow.work import Work
from jobarranger.icons import traits_of, types_with
from jobarranger.model.records import Icon, Instance
from jobarranger.parking import Parking
from jobarranger.states import IconEvent, IconStatus, JobnetStatus, JobStatus
from jobarranger.wakes import Role

#: Families in one transaction, and runs looked at in one pass.
BATCH, MOST = 20, 500
#: The run log's id of a stopped run: one entry for each run, the latest.
STOPPED = "JC90000003"
#: Instances that a stop ends.
_BEGUN = frozenset({JobnetStatus.READY, JobnetStatus.RUN, JobnetStatus.RUNERR})


@dataclass(frozen=True, slots=True)
class Aborted:
    """What one pass came to."""

    runs: int  #: stopped
    left: bool  #: some were left alone since somebody else held them; look again soon


class Aborter:
    """Stops runs; one per run process.

    It has a memory of its own for what fails: a run that cannot be moved can still be stopped.
    """

    def __init__(self, db: Database, engine: Engine) -> None:
        """Work on `db` in the surroundings `engine`."""
        self._db = db
        self._engine = engine
        self._parking = Parking(engine.clock)

    def abort(self) -> Aborted:
        """Stop every run that people want stopped; one select when there is none."""
        parked = self._parking.parked()
        asked = self._db.read(lambda conn: runs.stop_asked(conn, MOST, parked))
        works = in_batches(asked, BATCH, self._abort_batch, self._parking)
        held = {main for work in works for main in work.families}
        return Aborted(runs=len(held), left=any(main not in held for main in asked))

    def _abort_batch(self, mains: Sequence[int]) -> Work:
        """Stop a batch of families in one transaction."""

        def step(work: Work) -> None:
            ours = work.families.keys()
            abort_families(work, runs.stop_asked_of(work.unit.conn, ours) if ours else [])

        work, _ = transact(self._db, self._engine, mains, step, wait=False)
        return work


def abort_families(work: Work, mains: Collection[int]) -> None:
    """End the given runs, whose families are locked, whatever they are at."""
    if not mains:
        return
    conn = work.unit.conn
    for row in runs.unfinished(conn, mains):
        work.instances.setdefault(row.inner_jobnet_id, Instance.from_row(row))
    nets = types_with(lambda traits: traits.contains_jobnet)
    icons = work.adopt(Icon.from_row(row) for row in icon_rows.lock_active(conn, mains, nets))
    # The instances first: what ends in one that does not run fires no arrow.
    _end_instances(work, mains)
    ready = [icon for icon in icons if icon.status is IconStatus.READY]
    killed = _end_icons(work, icons)
    runs.end_sessions(conn, mains)
    journal.forget_log(conn, mains, STOPPED)
    for main in mains:
        _announce(work, work.instances[main], _count(ready, main), _count(killed, main))
        _close(work, work.instances[main])


def _end_instances(work: Work, mains: Collection[int]) -> None:
    """End the main jobnets and sub-jobnets that have begun."""
    for instance in work.instances.values():
        if instance.main_id in mains and instance.status in _BEGUN:
            instance.move(JobnetStatus.ENDERR, end_time=work.now.second)


def _end_icons(work: Work, icons: Sequence[Icon]) -> list[Icon]:
    """Take back what is ready, end JOBNET icons, stop the rest; return what agents are to kill."""
    running = []
    for icon in icons:
        if icon.status is IconStatus.READY:
            icon.move(IconStatus.BEGIN)
        elif traits_of(icon.type).contains_jobnet:
            icon.move(IconStatus.ENDERR, end_time=work.now.second)
            work.event(IconEvent.FAILED, icon)
        else:
            running.append(icon)
    at_agents = stop_icons(work, running, kill=True)
    return [icon for icon in running if icon.id in at_agents]


def _count(icons: Sequence[Icon], main: int) -> int:
    """Count the icons of one family."""
    return sum(icon.main_id == main for icon in icons)


def _announce(work: Work, main: Instance, ready: int, killed: int) -> None:
    """Say that a run was stopped, and what there was to be stopped in it."""
    fields = {"jobnet_id": main.jobnet_id, "execution_user": main.execution_user_name}
    work.log_message(m.render(m.JAJOBNET000001, inner_jobnet_id=main.id, **fields), main)
    if ready or killed:
        counts = {"ready_count": ready, "running_count": killed}
        work.log_message(m.render(m.JAJOBNET000002, inner_jobnet_id=main.id, **counts), main)
    work.log(STOPPED, main)


def _close(work: Work, main: Instance) -> None:
    """Show in the summary that a run was stopped, and wake who may have waited for its end."""
    work.families[main.id].summary.update(
        status=int(JobnetStatus.ENDERR),
        job_status=int(JobStatus.ERROR),
        end_time=work.now.second,
        running_job_id="",
        running_job_name="",
    )
    work.unit.wake(Role.BOOT, main.id)  # here also for a run that had not begun
