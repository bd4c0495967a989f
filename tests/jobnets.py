"""Small jobnets for tests: define one, start runs of it, and look at what has become of them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import insert, select, update

from jobarranger.clock import SystemClock
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.flow.aborting import Aborter
from jobarranger.flow.engine import Engine
from jobarranger.flow.moving import Mover
from jobarranger.flow.results import Judged, ReportedResult, complete
from jobarranger.flow.stopping import request_stops
from jobarranger.flow.timeouts import warn_overdue
from jobarranger.loading.boot import boot_due
from jobarranger.loading.load import load_requests
from jobarranger.loading.requests import StartRequest, register
from jobarranger.states import HOST_SLOTS, Counter, FlowType, IconStatus, JobType, RunType

VERSION = 20260101000000
HOST = "web01"
ADDRESS = "127.0.0.1"

_TYPES = {
    "START": JobType.START, "END": JobType.END, "SET": JobType.VALUE, "JOB": JobType.JOB,
    "IF": JobType.IF, "FI": JobType.IFEND, "M": JobType.M, "W": JobType.W, "L": JobType.L,
    "NET": JobType.JOBNET,
}  # fmt: skip
_ARROWS = {"yes": FlowType.TRUE, "no": FlowType.FALSE}


def define(
    db: Database,
    flows: str,
    *,
    jobnet_id: str = "NET",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    icons: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Store a jobnet drawn as chains, e.g. `START JOB-A END-1; ...`; types by the prefix.

    `yes:JOB-A` behind an IF icon is reached by its arrow for true, `no:JOB-A` by the other one.

    Args:
        db: where to.
        flows: chains of icon ids, separated by `;`.
        jobnet_id: its id.
        settings: columns of an icon's settings; for SET icons the assignments; for JOB icons
            also `command`, `stop`, `env` (own variables) and `chosen`; for NET icons `jobnet`,
            by default SUB.
        icons: columns of `ja_job_control_table` by icon.
    """
    chains = [chain.split() for chain in flows.split(";") if chain.strip()]
    names = list(dict.fromkeys(name.split(":")[-1] for chain in chains for name in chain))
    key = {"jobnet_id": jobnet_id, "update_date": VERSION}

    def work(unit: Any) -> None:
        conn = unit.conn
        conn.execute(
            insert(t.jobnet_control),
            {**key, "valid_flag": 1, "user_name": "owner", "jobnet_name": f"name of {jobnet_id}"},
        )
        for name in names:
            kind = _TYPES[name.partition("-")[0]]
            columns = {"job_id": name, "job_type": int(kind), "job_name": name.lower()}
            conn.execute(insert(t.job_control), {**key, **columns, **(icons or {}).get(name, {})})
            _settings(conn, {**key, "job_id": name}, kind, dict((settings or {}).get(name, {})))
        for chain in chains:
            for start, end in pairwise(chain):
                arrow = _ARROWS.get(end.partition(":")[0], FlowType.NORMAL)
                ends = {"start_job_id": start.split(":")[-1], "end_job_id": end.split(":")[-1]}
                conn.execute(insert(t.flow_control), {**key, **ends, "flow_type": int(arrow)})

    db.transaction(work)


def _settings(conn: Any, key: dict[str, Any], kind: JobType, given: dict[str, Any]) -> None:
    """Store the settings of one icon."""
    if kind is JobType.END:
        conn.execute(insert(t.icon_end), {**key, "jobnet_stop_code": "0", **given})
    elif kind is JobType.VALUE:
        for name, value in (given or {"V": "1"}).items():
            conn.execute(insert(t.icon_value), {**key, "value_name": name, "value": value})
    elif kind is JobType.IF:
        test = {"value_name": "V", "hand_flag": 0, "comparison_value": "1"}
        conn.execute(insert(t.icon_if), {**key, **test, **given})
    elif kind is JobType.JOBNET:
        link = {"link_jobnet_id": given.get("jobnet", "SUB")}
        conn.execute(insert(t.icon_jobnet), {**key, **link})
    elif kind is JobType.JOB:
        command, stop = given.pop("command", "true"), given.pop("stop", None)
        env, chosen = given.pop("env", {}), given.pop("chosen", [])
        conn.execute(insert(t.icon_job), {**key, "host_name": HOST, **given})
        conn.execute(insert(t.job_command), {**key, "command_cls": 0, "command": command})
        if stop is not None:
            conn.execute(insert(t.job_command), {**key, "command_cls": 2, "command": stop})
        for name, value in env.items():
            conn.execute(insert(t.value_job), {**key, "value_name": name, "value": value})
        for name in chosen:
            conn.execute(insert(t.value_jobcon), {**key, "value_name": name})


class MovableClock(SystemClock):
    """The machine's clock, which tests may put forward."""

    ahead = 0.0  #: seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += seconds

    def now_ms(self) -> int:
        """Return the present instant in UTC milliseconds."""
        return super().now_ms() + round(self.ahead * 1000)

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return super().monotonic() + self.ahead


class Bench:
    """The server's duties, called by hand in one process."""

    def __init__(self, db: Database, clock: MovableClock | None = None) -> None:
        """Work on `db`."""
        self.db = db
        self.clock = clock or MovableClock()
        from jobarranger.clock import zone_named

        self.zone = zone_named("UTC")
        self.engine = Engine(clock=self.clock, zone=self.zone, patience_ms=0)
        self.mover = Mover(db, self.engine)
        self.aborter = Aborter(db, self.engine)
        self.ids = IdPool(db)

    def start(self, jobnet_id: str = "NET", count: int = 1, **options: Any) -> list[int]:
        """Request, load and boot runs; return their numbers."""
        options.setdefault("run_type", RunType.IMMEDIATE)
        requests = [
            StartRequest(jobnet_id=jobnet_id, execution_user_name="oper", **options)
            for _ in range(count)
        ]
        numbers = register(self.db, self.ids, requests, self.clock, self.zone)
        load_requests(self.db, self.ids, self.clock, self.zone)
        boot_due(self.db, self.clock, self.zone)
        return [int(number) for number in numbers]  # type: ignore[arg-type]

    def sweep(self) -> None:
        """Play one sweep of each process, in the order in which they hand runs on."""
        load_requests(self.db, self.ids, self.clock, self.zone)
        boot_due(self.db, self.clock, self.zone)
        self.aborter.abort()
        self.mover.move(None)
        self.mover.settle()
        request_stops(self.db, self.engine, range(HOST_SLOTS))

    def drain(self) -> None:
        """Move everything until nothing moves any more."""
        for _ in range(1000):
            moved = self.mover.move(None)
            settled = self.mover.settle()
            if not moved.icons and not moved.again and not settled:
                return
        raise AssertionError("the runs never come to rest")

    def send_all(self) -> list[Any]:
        """Play the executor: mark every new request as accepted; return the requests."""

        def work(unit: Any) -> list[Any]:
            rows = unit.conn.execute(
                select(t.ext_dispatch).where(t.ext_dispatch.c.state == 0)
            ).all()
            unit.conn.execute(
                update(t.ext_dispatch)
                .where(t.ext_dispatch.c.state == 0)
                .values(state=2, address=ADDRESS, accepted_at=self.clock.now_ms())
            )
            return list(rows)

        return self.db.transaction(work)

    def result(self, job_id: int, **changes: Any) -> ReportedResult:
        """Return the result of a job that went well, changed as given."""
        base = {
            "job_id": job_id, "attempt": 1, "host_name": HOST, "peer": ADDRESS, "result": 0,
            "return_code": 0, "signal": 0, "std_out": "out\n", "std_err": "", "message": None,
            "received_at": self.clock.now_ms(),
        }  # fmt: skip
        return ReportedResult(**{**base, **changes})

    def report(self, *results: ReportedResult) -> list[Judged]:
        """Play the trapper."""
        return complete(self.db, self.engine, results)

    def finish(self) -> None:
        """Run everything to its end, with every job going well."""
        self.drain()
        while requests := self.send_all():
            self.report(*(self.result(r.inner_job_id, attempt=r.attempt) for r in requests))
            self.drain()

    # -- looking ---------------------------------------------------------------------------

    def rows(self, statement: Any) -> list[Any]:
        """Return the rows of a select."""
        return self.db.read(lambda conn: list(conn.execute(statement).all()))

    def icon(self, run: int, job_id: str) -> Any:
        """Return one icon's row."""
        table = t.run_job
        (row,) = self.rows(
            select(table).where(table.c.inner_jobnet_id == run, table.c.job_id == job_id)
        )
        return row

    def sub(self, run: int, *path: str) -> int:
        """Return the instance of a sub-jobnet, by the icons that lead to it."""
        table = t.run_icon_jobnet
        for job_id in path:
            icon = self.icon(run, job_id).inner_job_id
            (row,) = self.rows(select(table).where(table.c.inner_job_id == icon))
            run = row.link_inner_jobnet_id
        return run

    def give(self, run: int, job_id: str, **variables: str) -> None:
        """Add variables to an icon's input as people do from outside."""
        icon = self.icon(run, job_id)
        rows = [
            {
                "inner_job_id": icon.inner_job_id,
                "inner_jobnet_id": icon.inner_jobnet_id,
                "value_name": name,
                "before_value": value,
            }
            for name, value in variables.items()
        ]
        self.db.transaction(lambda unit: unit.execute(insert(t.run_value_before), rows))

    def warn_late(self, seconds: int) -> int:
        """Warn of the jobs that will be late in so many seconds; return how many there are."""
        return warn_overdue(self.db, self.engine, self.clock.now_ms() + seconds * 1000)

    def change(self, run: int, job_id: str, **values: int) -> None:
        """Change an icon as people do from outside."""
        self.change_number(self.icon(run, job_id).inner_job_id, **values)

    def change_number(self, number: int, **values: int) -> None:
        """Change an icon, by its number, as people do from outside."""
        statement = update(t.run_job).where(t.run_job.c.inner_job_id == number).values(**values)
        self.db.transaction(lambda unit: unit.execute(statement))

    def run_jobs(self, *failing: str, code: int = 1) -> list[str]:
        """Play the agent once: every job that was asked for ends, some with a signal; their ids."""
        requests = self.send_all()
        names = [self.name(request.inner_job_id) for request in requests]
        for request, name in zip(requests, names, strict=True):
            bad = name in failing
            self.report(
                self.result(
                    request.inner_job_id, attempt=request.attempt, signal=int(bad),
                    return_code=code if bad else 0,
                )
            )  # fmt: skip
        return names

    def name(self, number: int) -> str:
        """Return the id of an icon."""
        table = t.run_job.c
        ((name,),) = self.rows(select(table.job_id).where(table.inner_job_id == number))
        return str(name)

    def status(self, run: int, job_id: str) -> IconStatus:
        """Return one icon's status."""
        return IconStatus(self.icon(run, job_id).status)

    def summary(self, run: int) -> Any:
        """Return a run's summary."""
        table = t.run_jobnet_summary
        (row,) = self.rows(select(table).where(table.c.inner_jobnet_id == run))
        return row

    def instance(self, run: int) -> Any:
        """Return a run's row."""
        (row,) = self.rows(select(t.run_jobnet).where(t.run_jobnet.c.inner_jobnet_id == run))
        return row

    def before(self, run: int, job_id: str) -> dict[str, str]:
        """Return an icon's input; a name with two rows is an error."""
        return self._values(t.run_value_before, "before_value", self.icon(run, job_id))

    def after(self, run: int, job_id: str) -> dict[str, str]:
        """Return an icon's output; a name with two rows is an error."""
        return self._values(t.run_value_after, "after_value", self.icon(run, job_id))

    def _values(self, table: Any, column: str, icon: Any) -> dict[str, str]:
        rows = self.rows(select(table).where(table.c.inner_job_id == icon.inner_job_id))
        values = {row.value_name: row._mapping[column] for row in rows}
        assert len(values) == len(rows), "a variable has two rows"
        return values

    def log(self, run: int) -> list[tuple[str, str | None]]:
        """Return the run log as (message id, icon), oldest first."""
        table = t.run_log
        rows = self.rows(
            select(table).where(table.c.inner_jobnet_main_id == run).order_by(table.c.log_date)
        )
        dates = [row.log_date for row in rows]
        assert len(set(dates)) == len(dates), "two rows of the run log carry the same date"
        return [(row.message_id, row.job_id) for row in rows]


__all__ = ["ADDRESS", "HOST", "Bench", "Counter", "define"]
