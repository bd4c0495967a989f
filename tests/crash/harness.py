"""A site in which processes die, and the ledger that shows what really ran.

Each job appends one line to the ledger when it begins. Whatever dies, in the end every run must
have ended normally, every line must stand there exactly once, and nothing may be left unfinished.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import psutil
from sqlalchemy import Connection, func, select, update

from jobarranger.client import Client, ClientError
from jobarranger.clock import local_time, zone_named
from jobarranger.db import tables as t
from jobarranger.db.ids import IdPool
from jobarranger.db.settings import DatabaseSettings
from jobarranger.errors import DatabaseUnavailable
from jobarranger.loading.requests import StartRequest, register
from jobarranger.slots import MINUTE_MS
from jobarranger.states import DispatchState, IconStatus, JobnetStatus
from tests.schedules import Timetabled
from tests.stack import HOST, PASSWORD, USER, Stack

T = TypeVar("T")

AGENT, SERVER = "jobarg_agentd", "jobarg_server"
JOBNET = "CRASH"

#: An icon in one of these is not through.
UNFINISHED = (IconStatus.READY, IconStatus.RUN, IconStatus.ABORT)
#: State of a job in the agent's journal of which nothing is left to do.
CLOSED = 3


class CrashRig(Stack):
    """A server and an agent that die, and are started again."""

    def __init__(
        self,
        base: Path,
        settings: DatabaseSettings | None = None,
        *,
        jobs: int = 2,
        work: str = "",
        server: Mapping[str, object] | None = None,
        agent: Mapping[str, object] | None = None,
    ) -> None:
        """Lay out a site with one jobnet: `jobs` icons in a row that write to the ledger.

        Args:
            base: a directory of the test's own.
            settings: the database; default an SQLite file of the site's own.
            jobs: number of JOB icons.
            work: what each job does after it has written its line.
            server: parameters beside or instead of the shipped ones.
            agent: the same for the agent.
        """
        super().__init__(base, settings, server=server, agent=agent)
        self.jobs = [f"JOB-{number}" for number in range(1, jobs + 1)]
        self._done_points = self.directory / "failpoints"
        self._done_points.mkdir()
        self._failpoints: dict[str, str] = {}
        self.ledger.touch()
        self.define(self._jobnet(work))

    # -- daemons -------------------------------------------------------------------------------

    def arm(self, *entries: str) -> None:
        """Choose where processes die, e.g. `executor.after_send=kill@2`; before `run`."""
        for name in (SERVER, AGENT):
            mine = [one for one in entries if one.startswith("agent.") == (name == AGENT)]
            if mine:
                self._failpoints[name] = ";".join(mine)

    def run(self) -> None:
        """Start both daemons with what is armed."""
        for name in (SERVER, AGENT):
            self.bring(name)

    def bring(self, name: str) -> None:
        """Start one daemon, again after its death."""
        self.rise(name)
        self.wait_for(name)

    def rise(self, name: str) -> None:
        """Start one daemon without waiting for it."""
        environment = {"JOBARG_FAILPOINT_DIR": str(self._done_points)}
        if name in self._failpoints:
            environment["JOBARG_FAILPOINTS"] = self._failpoints[name]
        self.launch(name, **environment)

    def revive(self) -> list[str]:
        """Start again what has died altogether, like a service manager; return the names."""
        dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
        for name in dead:
            self.rise(name)
        return dead

    def kill(self, name: str) -> None:
        """Kill the main process of a daemon; whatever it has started lives on."""
        self.daemons[name].kill()
        self.daemons[name].wait()

    def kill_all(self) -> None:
        """Kill both daemons with all their processes at once, except the jobs themselves."""
        victims = self.processes(SERVER)
        agent = psutil.Process(self.daemons[AGENT].pid)
        victims += [agent, *(one for one in agent.children() if "starter" in title(one))]
        for act in (psutil.Process.suspend, psutil.Process.kill):  # none sees another one's end
            for victim in victims:
                with suppress(psutil.NoSuchProcess):
                    act(victim)
        for name in (SERVER, AGENT):
            self.daemons[name].wait()

    def acted(self) -> set[str]:
        """Return the entries of failpoints at which something has died."""
        return {path.name for path in self._done_points.iterdir()}

    def recovery(self) -> float:
        """Return the seconds from the first death at a failpoint to the last job's begin."""
        deaths = [path.stat().st_mtime for path in self._done_points.iterdir()]
        return self.ledger.stat().st_mtime - min(deaths)

    def log(self, name: str = SERVER) -> str:
        """Return a daemon's log."""
        file = self.directory / f"{name}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    # -- runs ----------------------------------------------------------------------------------

    def client(self) -> Client:
        """Return a client that soon gives up."""
        return Client(
            server="127.0.0.1", port=self.server_port, user=USER, password=PASSWORD, timeout=10.0
        )

    def begin(self, count: int) -> list[int]:
        """Start runs over the wire; return their numbers.

        A client whose reply is lost cannot know whether it has a run: an operator would look
        into the list, the rig looks into the database, and asks again if there is none.
        """
        wanted = len(self.started()) + count
        deadline = time.monotonic() + 60
        while (missing := wanted - len(self.started())) > 0:
            assert time.monotonic() < deadline, f"{missing} runs cannot be started"
            for _ in range(missing):
                try:
                    self.client().start_jobnet(JOBNET)
                except ClientError:
                    self.revive()
        return self.started()

    def begin_directly(self, count: int) -> list[int]:
        """Start runs by rows, without any telegram; return the numbers of all runs."""
        request = StartRequest(jobnet_id=JOBNET, execution_user_name=USER)
        register(self.db, IdPool(self.db), [request] * count, self.db.clock)
        return self.started()

    def schedule(self, count: int, *, minutes: int = 0) -> int:
        """Let so many schedules start the jobnet once; return the instant of it (UTC ms).

        Args:
            count: of the schedules.
            minutes: so many minutes from now; 0 = in the present one, or in the next one if the
                present one is nearly over.
        """
        zone = zone_named(None)
        at = self.db.clock.now_ms()
        at = at - at % MINUTE_MS + minutes * MINUTE_MS
        if not minutes and self.db.clock.now_ms() - at > MINUTE_MS // 2:
            at += MINUTE_MS
        here = Timetabled(self.db, self.db.clock, zone)
        local = local_time(at, zone)
        here.calendar("ONCE", [local.date()])
        for number in range(count):
            here.schedule(f"S{number}", [("ONCE", f"{local:%H%M}")], [JOBNET])
        return at

    def wait_for_starts(self, count: int, seconds: float = 100.0) -> list[int]:
        """Wait until so many runs are there; return their numbers."""
        deadline = time.monotonic() + seconds
        while len(found := self.started()) < count:
            assert time.monotonic() < deadline, f"{found} is all that was loaded"
            self.revive()
            time.sleep(0.05)
        return found

    def started(self) -> list[int]:
        """Return the numbers of all runs that were registered."""
        column = t.run_jobnet.c
        query = select(column.inner_jobnet_id).where(
            column.main_flag == 0, column.jobnet_id == JOBNET
        )
        return sorted(self.ask(lambda conn: list(conn.scalars(query))))

    def ask(self, work: Callable[[Connection], T]) -> T:
        """Read from the database, waiting as long as it is away."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.db.read(work)
            except DatabaseUnavailable:
                if time.monotonic() > deadline:
                    raise

    def settle(self, runs: list[int], seconds: float = 60.0) -> list[str]:
        """Wait until all is well, reviving daemons; return the faults at the end of the time."""
        deadline = time.monotonic() + seconds
        while True:
            self.revive()
            if self.has_ended(runs) and not (faults := self.faults(runs)):
                return faults
            if time.monotonic() > deadline:
                return self.faults(runs)
            time.sleep(0.1)

    def has_ended(self, runs: list[int]) -> bool:
        """Return whether runs have ended normally."""
        column = t.run_jobnet_summary.c
        query = select(func.count()).where(
            column.status == JobnetStatus.END, column.inner_jobnet_id.in_(runs)
        )
        return self.ask(lambda conn: conn.scalar(query)) == len(runs)

    # -- purging -------------------------------------------------------------------------------

    def keep_nothing(self) -> None:
        """Let runs be purged as soon as they have ended."""
        change = update(t.parameter).where(t.parameter.c.parameter_name == "JOBNET_KEEP_SPAN")
        self.db.transaction(lambda unit: unit.execute(change.values(value="0")))

    def wait_until_purged(self, seconds: float = 60.0) -> dict[str, int]:
        """Wait until no run has left rows; return the tables that still have some."""
        deadline = time.monotonic() + seconds
        while (left := self.ask(_rows_of_runs)) and time.monotonic() < deadline:
            self.revive()
            time.sleep(0.1)
        return left

    # -- the ledger ----------------------------------------------------------------------------

    def lines(self) -> Counter[str]:
        """Return how often each line stands in the ledger (`JOBNET/ICON RUN`)."""
        return Counter(self.ledger.read_text().splitlines())

    def faults(self, runs: list[int]) -> list[str]:
        """Return everything that is not as it should be, in words; empty: all is well."""
        return [
            *self._faults_of_ledger(runs),
            *self.ask(lambda conn: _faults_of_runs(conn, runs)),
            *self.ask(_left_over),
            *self._left_elsewhere(),
        ]

    def evidence(self) -> str:
        """Return the ends of the logs, for a test that has failed."""
        return os.linesep.join(self.last_lines())

    def _faults_of_ledger(self, runs: list[int]) -> list[str]:
        found = self.lines()
        wanted = {f"{JOBNET}/{job} {run}" for run in runs for job in self.jobs}
        return [
            *(f"{line}: never" for line in sorted(wanted - found.keys())),
            *(f"{line}: {count} times" for line, count in found.items() if count > 1),
            *(f"{line}: of no run" for line in sorted(found.keys() - wanted)),
        ]

    def _left_elsewhere(self) -> list[str]:
        """Return what waits in the spool, and in the agent's journal."""
        spooled = sorted((self.directory / "state" / "spool").glob("*"))
        journal = self.directory / "agent" / "jobarg_agentd.db"
        if not journal.exists():
            return [f"spooled: {path.name}" for path in spooled]
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT job_id, attempt, state FROM ja_agent_job WHERE state <> ?", (CLOSED,)
            ).fetchall()
        return [
            *(f"spooled: {path.name}" for path in spooled),
            *(f"agent's job {row[0]}-{row[1]} is in state {row[2]}" for row in rows),
        ]

    def _jobnet(self, work: str) -> str:
        jobs = "".join(
            f"""
  {job}:
    type: job
    host: {HOST}
    receive: [MANAGEMENT_ID, JOB_ID_FULL]
    command: |
      echo "$JOB_ID_FULL $MANAGEMENT_ID" >> {self.ledger}
      {work}
"""
            for job in self.jobs
        )
        return f"""
jobnet: {JOBNET}
name: Jobs that leave a trace
owner: {USER}
multiple-start-up: parallel
icons:
  START: {{type: start}}
{jobs}
  END-1: {{type: end}}
flows:
  - {" -> ".join(["START", *self.jobs, "END-1"])}
"""


def _faults_of_runs(conn: Connection, runs: list[int]) -> list[str]:
    """Return the runs that have not ended normally, and the icons that have not finished."""
    summary, icon = t.run_jobnet_summary.c, t.run_job.c
    states = conn.execute(select(summary.inner_jobnet_id, summary.status, summary.job_status))
    found = {row[0]: (row[1], row[2]) for row in states}
    unfinished = conn.execute(
        select(icon.inner_jobnet_main_id, icon.job_id, icon.status).where(
            icon.status.in_(UNFINISHED)
        )
    )
    return [
        *(
            f"run {run}: (status, job_status) is {found.get(run)}"
            for run in runs
            if found.get(run) != (JobnetStatus.END, 0)
        ),
        *(f"icon {row[1]} of {row[0]} is {IconStatus(row[2]).name}" for row in unfinished),
    ]


def _rows_of_runs(conn: Connection) -> dict[str, int]:
    """Return how many rows each table has that belong to runs, those with any."""
    tables = [
        table
        for table in t.metadata.sorted_tables
        if (table.name.startswith("ja_run_") and table is not t.run_log)
        or table in {t.value_before_jobnet, t.ext_dispatch, t.ext_event, t.session}
    ]
    counts = {
        table.name: conn.scalar(select(func.count()).select_from(table)) or 0 for table in tables
    }
    return {name: count for name, count in counts.items() if count}


def _left_over(conn: Connection) -> list[str]:
    """Return requests that are not done, and parked results."""
    request, parked = t.ext_dispatch.c, t.ext_inbox.c
    requests = conn.execute(
        select(request.inner_job_id, request.attempt, request.state, request.next_try_at).where(
            request.state != DispatchState.DONE
        )
    )
    results = conn.execute(select(parked.inner_job_id, parked.reason))
    return [
        *(
            f"request {row[0]}-{row[1]} is {DispatchState(row[2]).name}, due {row[3]}"
            for row in requests
        ),
        *(f"result of {row[0]} is parked: {row[1]}" for row in results),
    ]


def title(process: psutil.Process) -> str:
    """Return a process's title; empty if it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that still run."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
