"""Everything the executor does with the database; runs on its database thread.

A `WorkItem` brings what happened (`Record`s) and asks what is due (`Scan`). Candidates are read and
planned without a transaction (`scanning`, `plan`); then one transaction writes the records and
claims what may be sent (`claims`). Failures go to the engine afterwards, one transaction for all
(`failures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from jobarranger.clock import Clock
from jobarranger.db.engine import Database
from jobarranger.directory import Directory
from jobarranger.flow.engine import Engine
from jobarranger.requests.request import RUNS, Request
from jobarranger.requests.rows import of_icons
from jobarranger.requests.rows.due import Share
from jobarranger.requests.steps import Fail, FailureReason
from jobarranger.states import DispatchState
from processes.executing.claims import Claims
from processes.executing.failures import Failures
from processes.executing.host_table import HostTable
from processes.executing.plan import Planner, ScanPlan
from processes.executing.scanning import Scanner
from processes.executing.wording import Wording
from processes.executing.work import Record, Scan, Task, WorkItem


@dataclass(slots=True, kw_only=True)
class Store:
    """The database side of one executor."""

    clock: Clock
    table: HostTable
    scanner: Scanner
    planner: Planner
    claims: Claims
    failures: Failures

    @classmethod
    def of(
        cls,
        *,
        clock: Clock,
        engine: Engine,
        directory: Directory,
        table: HostTable,
        share: Share,
        agent_port: int,
        wording: Wording,
    ) -> Store:
        """Return the store of an executor.

        Args:
            clock: gives the time.
            engine: fails icons.
            directory: knows the hosts.
            table: what is known of them just now.
            share: of all requests, that is this executor's.
            agent_port: of hosts that name none.
            wording: puts failures into words.
        """
        return cls(
            clock=clock,
            table=table,
            scanner=Scanner(clock=clock, table=table, share=share),
            planner=Planner(clock=clock, table=table, directory=directory, agent_port=agent_port),
            claims=Claims(clock=clock, table=table),
            failures=Failures(clock=clock, engine=engine, wording=wording),
        )

    @property
    def more(self) -> bool:
        """Return whether the last scan has left something that is due."""
        return self.scanner.more

    def handle(self, db: Database, items: list[WorkItem]) -> list[list[Task] | BaseException]:
        """Do a batch of work; the tasks of all scans are returned with the first item."""
        records = [record for item in items for record in item.records]
        scans = self.scanner.first([item.scan for item in items if item.scan is not None])
        self.claims.give_back(db)
        plan = self._planned(db, scans)
        tasks = self.claims.commit(db, records, plan)
        self.failures.fail(db, [*records, *plan.records])
        urgent = frozenset().union(*(scan.ids for scan in scans if scan.urgent))
        tasks = [replace(task, urgent=task.request.job_id in urgent) for task in tasks]
        return [tasks if item is items[0] else [] for item in items]

    def _planned(self, db: Database, scans: Sequence[Scan]) -> ScanPlan:
        if not scans:
            return ScanPlan()
        found = db.read(lambda conn: self.candidates(conn, scans))
        plan = db.read(lambda conn: self.planner.plan(conn, found)) if found else ScanPlan()
        self.scanner.put_back(plan.left)
        return plan

    def candidates(self, conn: Connection, scans: Sequence[Scan]) -> list[Request]:
        """Return what is due and neither in progress nor failed."""
        return self.scanner.candidates(conn, scans, self.failures.keys())

    def recheck(self, db: Database, request: Request) -> bool:
        """Return whether a request is still to be sent, just before it is sent again.

        A stop that waits for it makes it fail instead: it was never carried out.
        """
        rows = db.read(lambda conn: of_icons.siblings(conn, [request.job_id]))
        states = {one.key: one.state for one in rows}
        if states.get(request.key) is not DispatchState.SENDING:
            return False
        if any(
            one.key.same_run(request.key)
            and one.key.method not in RUNS
            and one.state is DispatchState.NEW
            for one in rows
        ):
            step = Fail(FailureReason.STOPPED)
            self.failures.fail(db, [Record(request=request, step=step, at=self.clock.now_ms())])
            return False
        return True
