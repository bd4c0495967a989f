"""A world for the job-executor: runs whose icons are waiting for agents, and a real executor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from ipc.queues import Sender
from jobarranger.clock import SystemClock
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.states import (
    DatabaseType,
    DispatchState,
    IconStatus,
    JobnetStatus,
    JobType,
    Method,
    MethodFlag,
    host_slot,
)
from processes.lifeline import RecordKind, lifeline
from tests.integration.fake_agent import FakeAgent

#: How long a test waits for anything (seconds).
PATIENCE = 20.0

_D = t.ext_dispatch.c


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Return the first true value of `condition`."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {patience} s for {what}")


def _common(main: int) -> dict[str, object]:
    return {"inner_jobnet_id": main, "run_type": 1, "jobnet_id": "NET", "user_name": "u"}


def _run(main: int) -> dict[str, object]:
    return {
        **_common(main),
        "inner_jobnet_main_id": main,
        "status": JobnetStatus.RUN,
        "execution_user_name": "u",
        "jobnet_name": "net",
    }


def _request(
    main: int, job: int, host: str, created_at: int, script: str = "date"
) -> dict[str, object]:
    payload = {"type": "command", "script": script, "argument": {}, "env": {"A": "b"}}
    return {
        "inner_job_id": job,
        "attempt": 1,
        "method": Method.NORMAL,
        "inner_jobnet_main_id": main,
        "slot": host_slot(host),
        "state": DispatchState.NEW,
        "host_name": host,
        "force_flag": 0,
        "payload": json.dumps(payload),
        "created_at": created_at,
    }


def _inserts(table: Any, rows: list[dict[str, object]]) -> list[Any]:
    """Return statements of a bounded size."""
    return [insert(table).values(rows[start : start + 500]) for start in range(0, len(rows), 500)]


@dataclass
class World:
    """The database, the executor, and short names for what tests do."""

    db: Database
    directory: Path
    settings: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    _line: Any = None
    _next_id: int = 1000
    _sender: Sender | None = None

    # -- rows ------------------------------------------------------------------------------

    def host(self, name: str, agent: FakeAgent | int, *, enabled: bool = True) -> str:
        """Add a host whose agent listens on this machine."""
        port = agent if isinstance(agent, int) else agent.port
        row = {"host_name": name, "address": "127.0.0.1", "port": port, "enabled": int(enabled)}
        self.write(insert(t.ext_host).values(row))
        return name

    def hosts(self, places: dict[str, tuple[str, int]]) -> None:
        """Add many hosts with their addresses and ports."""
        rows = [
            {"host_name": name, "address": address, "port": port, "enabled": 1}
            for name, (address, port) in places.items()
        ]
        self.write(insert(t.ext_host).values(rows[0]), *_inserts(t.ext_host, rows[1:]))

    def requests(self, hosts: Iterable[str], each: int, *, age: int = 0) -> dict[int, str]:
        """Add one run for each host with many requests and no icons; return whose they are."""
        runs, requests = [], []
        owners: dict[int, str] = {}
        for host in hosts:
            main = self._next_id
            self._next_id += each + 10
            owners |= dict.fromkeys(range(main + 1, main + each + 1), host)
            runs.append(_run(main))
            requests += [
                _request(main, main + number, host, SystemClock().now_ms() - age)
                for number in range(1, each + 1)
            ]
        self.write(*_inserts(t.run_jobnet, runs), *_inserts(t.ext_dispatch, requests))
        return owners

    def accepted(self, ids: Iterable[int]) -> set[int]:
        """Return which of some requests an agent has taken."""
        found = self.rows(
            select(_D.inner_job_id).where(_D.state == DispatchState.ACCEPTED, _D.method == 0)
        )
        return {row[0] for row in found} & set(ids)

    def job(
        self,
        host: str,
        *,
        attempt: int = 1,
        state: DispatchState = DispatchState.NEW,
        script: str = "date",
        age: int = 0,
        stop: str | None = None,
        force: bool = False,
        **columns: object,
    ) -> int:
        """Add a run whose JOB icon has been started; return the icon's id."""
        main = self._next_id
        self._next_id += 10
        job = main + 2
        now = SystemClock().now_ms() - age
        common = _common(main)
        self.write(
            insert(t.run_jobnet).values(_run(main)),
            insert(t.run_jobnet_summary).values(
                **common, status=JobnetStatus.RUN, execution_user_name="u", jobnet_name="net"
            ),
            *(
                insert(t.run_job).values(
                    inner_job_id=main + place,
                    inner_jobnet_id=main,
                    inner_jobnet_main_id=main,
                    inner_job_id_fs_link=main + 5 if place == 2 else 0,
                    job_type=kind,
                    status=status,
                    boot_count=int(place > 1),
                    start_time=20240101000000 if place < 3 else 0,
                    job_id=kind.name,
                    job_name="",
                    force_flag=int(force),
                )
                for place, kind, status in (
                    (1, JobType.START, IconStatus.END),
                    (2, JobType.JOB, IconStatus.RUN),
                    (3, JobType.END, IconStatus.BEGIN),
                )
            ),
            *(
                insert(t.run_flow).values(
                    inner_flow_id=main + place,
                    inner_jobnet_id=main,
                    start_inner_job_id=main + place,
                    end_inner_job_id=main + place + 1,
                )
                for place in (1, 2)
            ),
            insert(t.run_icon_end).values(inner_job_id=main + 3, inner_jobnet_id=main),
            insert(t.run_icon_job).values(
                inner_job_id=job, inner_jobnet_id=main, host_name=host, stop_flag=int(bool(stop))
            ),
            *(
                insert(t.run_job_command).values(
                    inner_job_id=job, inner_jobnet_id=main, command_cls=cls, command=text
                )
                for cls, text in ((0, script), (2, stop or ""))
            ),
            insert(t.ext_dispatch).values(
                {
                    **_request(main, job, host, now, script),
                    "attempt": attempt,
                    "state": state,
                    "force_flag": int(force),
                    **columns,
                }
            ),
        )
        return job

    def part(self, job: int, part: int, host: str, **columns: object) -> None:
        """Add one more request of an icon's first attempt."""
        row = _request(job - 2, job, host, SystemClock().now_ms())
        self.write(insert(t.ext_dispatch).values({**row, "part": part, **columns}))

    def write(self, *statements: Any) -> None:
        """Commit statements."""
        self.db.transaction(lambda unit: [unit.execute(one) for one in statements])

    def rows(self, statement: Any) -> list[Any]:
        """Return what a query finds."""
        return self.db.read(lambda conn: list(conn.execute(statement).all()))

    def dispatch(
        self, job: int, method: Method = Method.NORMAL, attempt: int = 1, part: int = 0
    ) -> Any:
        """Return one request's row."""
        found = self.rows(
            select(t.ext_dispatch).where(
                _D.inner_job_id == job,
                _D.method == method,
                _D.attempt == attempt,
                _D.part == part,
            )
        )
        return found[0] if found else None

    def status(self, job: int) -> IconStatus:
        """Return the icon's status."""
        c = t.run_job.c
        return IconStatus(self.rows(select(c.status).where(c.inner_job_id == job))[0][0])

    def message(self, job: int) -> str:
        """Return the icon's newest JOBARG_MESSAGE."""
        c = t.run_value_after.c
        found = self.rows(
            select(c.after_value)
            .where(c.inner_job_id == job, c.value_name == "JOBARG_MESSAGE")
            .order_by(c.seq_no)
        )
        return str(found[-1][0]) if found else ""

    def ask_stop(self, job: int) -> None:
        """Do what the Manager does when somebody stops an icon."""
        c = t.run_job.c
        self.write(
            update(t.run_job).where(c.inner_job_id == job).values(method_flag=MethodFlag.STOP)
        )

    # -- waiting ---------------------------------------------------------------------------

    def wait_state(self, job: int, state: DispatchState, **which: Any) -> Any:
        """Wait until a request has come to a state."""

        def there() -> Any:
            row = self.dispatch(job, **which)
            return row if row is not None and row.state == state else None

        return wait_for(there, f"request of {job} in {state.name}")

    def wait_status(self, job: int, status: IconStatus) -> None:
        """Wait until an icon has come to a status."""
        wait_for(lambda: self.status(job) is status, f"icon {job} in {status.name}")

    # -- the executor ----------------------------------------------------------------------

    def start(self, failpoints: str = "") -> None:
        """Start an executor and wait until it is ready."""
        parent, child = lifeline()
        env = {**os.environ, "JOBARG_FAILPOINTS": failpoints}
        log = (self.directory / "executor.log").open("ab")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.executor_process",
                str(self._config()),
                str(child.fileno()),
            ],
            pass_fds=[child.fileno()],
            env=env,
            stdout=log,
            stderr=log,
        )
        child.close()
        log.close()
        self._line = parent
        if not failpoints:
            wait_for(self._is_ready, "the executor")

    def _is_ready(self) -> bool:
        return any(record.kind is RecordKind.READY for record in self._line.receive())

    def wait_death(self) -> int:
        """Wait until the executor has died at a failpoint."""
        assert self.process is not None
        code = self.process.wait(PATIENCE)
        self._line.close()
        return code

    def stop(self) -> int:
        """End the executor in good order."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait_death()

    def hint(self, *ids: int) -> None:
        """Hint at icons, as the run process does after its commit."""
        if self._sender is None:
            self._sender = Sender(self.directory)
        self._sender.send("job-executor", 1, ids)

    def close(self) -> None:
        """End what was started."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        self.stop()
        if self._sender is not None:
            self._sender.close()

    def log(self) -> str:
        """Return what the executor wrote."""
        return (self.directory / "executor.log").read_text()

    def _config(self) -> Path:
        settings = self.db.settings
        lines: dict[str, object] = {
            "JaRuntimeDir": self.directory,
            "JaStateDir": self.directory,
            "JaJobInterval": 1,
            "JaJobTimeout": 1,
            "Timeout": 1,
            "AllowRoot": 1,
            **self.settings,
        }
        if settings.kind is DatabaseType.SQLITE:
            lines.update(DBType="sqlite", DBFile=settings.file)
        else:
            lines.update(
                DBType=settings.kind.value,
                DBHost=settings.host,
                DBPort=settings.port,
                DBName=settings.name,
                DBUser=settings.user,
                DBPassword=settings.password,
            )
        path = self.directory / "server.conf"
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return path
