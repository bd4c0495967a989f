"""Plays the Windows Manager: sends the statements of this directory's files, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.states import Counter, RunType

HERE = Path(__file__).parent
#: Splits a file into the transactions that it consists of.
NEXT = "-- next transaction"
USER = "oper"

_PLACE = re.compile(r"(?<![:\w]):(\w+)")


def transactions(name: str) -> list[list[str]]:
    """Return the statements of a file, transaction by transaction."""
    found = []
    for part in (HERE / f"{name}.sql").read_text().split(NEXT):
        lines = [line for line in part.splitlines() if not line.startswith("--")]
        found.append([one.strip() for one in "\n".join(lines).split(";") if one.strip()])
    return found


class Manager:
    """A Manager that is connected to the server's database."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def send(self, name: str, **values: object) -> int:
        """Send a file with its places filled; return how many rows its statements met."""
        return sum(self.steps(name, **values))

    def steps(self, name: str, **values: object) -> Any:
        """Send a file, one transaction at each `next`; yield how many rows each met."""
        for statements in transactions(name):

            def work(unit: Unit, statements: list[str] = statements) -> int:
                return sum(_send(unit, one, values) for one in statements)

            yield self.db.transaction(work)

    def start(
        self,
        jobnet_id: str = "NET",
        run_type: RunType = RunType.IMMEDIATE,
        *,
        at: int | None = None,
        variables: dict[str, str] | None = None,
    ) -> int:
        """Start a jobnet now, on hold, as a test or at a time; return the run's number."""
        header = self._header(jobnet_id)
        run = self._number(Counter.MANAGER_JOBNET)
        name = "start_run" if at is None else "start_run_at"
        columns = (
            "update_date", "public_flag", "multiple_start_up", "jobnet_id", "user_name",
            "jobnet_name", "memo",
        )  # fmt: skip
        values = {
            **{column: header[column] for column in columns},
            "inner_jobnet_id": run,
            "run_type": int(run_type),
            "scheduled_time": at,
            "execution_user_name": USER,
        }

        def work(unit: Unit) -> None:
            for statement in transactions(name)[0]:
                _send(unit, statement, values)
            for variable, value in (variables or {}).items():
                given = {"inner_jobnet_id": run, "value_name": variable, "value": value}
                for statement in transactions("give_variable")[0]:
                    _send(unit, statement, given)

        self.db.transaction(work)
        return run

    def run_single_job(self, *, method_flag: int = 0, host_name: str, command: str) -> int:
        """Run a job alone; return the run's number."""
        run = self._number(Counter.MANAGER_JOBNET)
        icon, flow = self._number(Counter.ICON), self._number(Counter.FLOW)
        self.send(
            "run_single_job",
            inner_jobnet_id=run,
            now=20260301120000,
            run_name=f"RUN_JOB_{run}",
            user_name=USER,
            jobnet_name="NET/JOB-1",
            start_id=icon,
            job_number=icon + 1,
            end_id=icon + 2,
            first_flow_id=flow,
            second_flow_id=flow + 1,
            method_flag=method_flag,
            job_id="JOB-1",
            job_name="the job",
            stop_flag=1,
            host_name=host_name,
            command=command,
            stop_command="echo stop",
            value_name="OWN",
            value="$JOBNET_ID",
        )
        return run

    def _number(self, counter: Counter) -> int:
        """Return the next number of a counter; the statements themselves move it on."""
        table = t.index
        (row,) = self.db.read(
            lambda conn: conn.execute(
                select(table.c.nextid).where(table.c.count_id == int(counter))
            ).all()
        )
        return int(row.nextid)

    def _header(self, jobnet_id: str) -> dict[str, Any]:
        """Return the version in force, as the Manager has it on its screen."""
        table = t.jobnet_control
        query = select(table).where(table.c.jobnet_id == jobnet_id, table.c.valid_flag == 1)
        (row,) = self.db.read(lambda conn: conn.execute(query).mappings().all())
        return dict(row)


def _send(unit: Unit, statement: str, values: dict[str, Any]) -> int:
    """Send one statement with those of the values that it names."""
    named = {name: values[name] for name in _PLACE.findall(statement)}
    return int(unit.execute(text(statement), named).rowcount)
