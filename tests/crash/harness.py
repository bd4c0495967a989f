"""A site in which processes die at chosen places, and the ledger that tells what really ran.

Each job writes one line into the ledger when it is begun. Whatever dies, in the end every run must
have ended normally and every line must stand there exactly once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select

from jobarranger.commands.client import ClientError
from jobarranger.db import tables as t
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import JobnetStatus
from tests.stack import HOST, USER, Stack

AGENT, SERVER = "jobarg_agentd", "jobarg_server"

#: The icons whose lines are in the ledger.
JOBS = ("JOB-1", "JOB-2", "JOB-3")


class CrashRig(Stack):
    """A server and an agent of which one dies at a failpoint, once."""

    def __init__(
        self,
        base: Path,
        settings: DatabaseSettings | None = None,
        *,
        server: Mapping[str, object] | None = None,
        agent: Mapping[str, object] | None = None,
    ) -> None:
        """Lay out a site with the jobnet CRASH: three jobs in a row that write to the ledger."""
        super().__init__(base, settings, server=server, agent=agent)
        self._done_points = self.directory / "failpoints"
        self._done_points.mkdir()
        self._failpoints: dict[str, str] = {}
        self.ledger.touch()
        self.define(self._jobnet())

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
        environment = {"JOBARG_FAILPOINT_DIR": str(self._done_points)}
        if name in self._failpoints:
            environment["JOBARG_FAILPOINTS"] = self._failpoints[name]
        self.launch(name, **environment)
        self.wait_for(name)

    def revive(self) -> list[str]:
        """Start again what has died altogether; return the names."""
        dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
        for name in dead:
            self.bring(name)
        return dead

    def acted(self) -> set[str]:
        """Return the failpoints at which something has died."""
        return {path.name for path in self._done_points.iterdir()}

    # -- runs ----------------------------------------------------------------------------------

    def begin(self, count: int) -> list[int]:
        """Start runs of CRASH; return their numbers.

        A client whose reply is lost cannot know whether it has a run; the rig looks into the
        database for those, as an operator would look into the list.
        """
        for _ in range(count):
            try:
                self.client().start_jobnet("CRASH")
            except ClientError:
                self.revive()
        return self.started()

    def started(self) -> list[int]:
        """Return the numbers of all runs that were registered."""
        column = t.run_jobnet.c
        query = select(column.inner_jobnet_id).where(
            column.main_flag == 0, column.jobnet_id == "CRASH"
        )
        return sorted(self.db.read(lambda conn: list(conn.scalars(query))))

    def wait_all(self, runs: list[int], seconds: float = 60.0) -> bool:
        """Wait until runs have ended normally, reviving daemons; return whether they have."""
        clock = self.db.clock
        deadline = clock.monotonic() + seconds
        while self.ended(runs) < len(runs):
            self.revive()
            if clock.monotonic() > deadline:
                return False
            clock.sleep(0.1)
        return True

    # -- the ledger ----------------------------------------------------------------------------

    def lines(self) -> Counter[str]:
        """Return how often each line stands in the ledger (`RUN ICON`)."""
        return Counter(self.ledger.read_text().splitlines())

    def faults(self, runs: list[int]) -> list[str]:
        """Return everything that is not as it should be, in words; empty: all is well."""
        found = self.lines()
        wanted = {f"{run} {job}" for run in runs for job in JOBS}
        faults = [f"{line}: never" for line in sorted(wanted - found.keys())]
        faults += [f"{line}: {count} times" for line, count in found.items() if count > 1]
        faults += [f"{line}: of no run" for line in sorted(found.keys() - wanted)]
        column = t.run_jobnet_summary.c
        states = self.db.read(
            lambda conn: conn.execute(
                select(column.inner_jobnet_id, column.status, column.job_status)
            ).all()
        )
        faults += [
            f"run {run}: status {JobnetStatus(status).name}, job_status {job_status}"
            for run, status, job_status in states
            if run in runs and (status, job_status) != (JobnetStatus.END, 0)
        ]
        return faults

    def evidence(self) -> str:
        """Return the ends of the logs, for a test that has failed."""
        return os.linesep.join(self.last_lines())

    def _jobnet(self) -> str:
        jobs = "".join(
            f"""
  {job}:
    type: job
    host: {HOST}
    receive: [MANAGEMENT_ID]
    command: echo "$MANAGEMENT_ID {job}" >> {self.ledger}
"""
            for job in JOBS
        )
        chain = " ".join(["START", *JOBS, "END-1"])
        return f"""
jobnet: CRASH
name: Jobs that leave a trace
owner: {USER}
multiple-start-up: parallel
icons:
  START: {{type: start}}
{jobs}
  END-1: {{type: end}}
flows:
  - {" -> ".join(chain.split())}
"""
