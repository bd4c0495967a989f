"""A trapper on a real socket and database inside the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Table, insert

from jobarranger.clock import SystemClock
from jobarranger.config import load_server
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.directory.passwords import hash_password
from jobarranger.states import DispatchState, IconStatus, JobType, UserType
from jobarranger.wakes import Role, Wake
from processes.aio import AsyncContext
from processes.context import ChildContext
from processes.trapper import main

SERVER_ID = "20261122172026498"


@dataclass
class Rig:
    """What a test needs: the port, the database, the hints that were sent."""

    port: int
    db: Database
    state_dir: Path
    wakes: list[Wake] = field(default_factory=list)

    def add(self, table: Table, *rows: dict[str, Any]) -> None:
        """Insert rows."""
        self.db.transaction(lambda unit: unit.execute(insert(table), list(rows)))

    def rows(self, statement: Any) -> Sequence[Any]:
        """Return the rows of a select."""
        return self.db.read(lambda conn: conn.execute(statement).all())


@asynccontextmanager
async def trapper(
    database: Database, tmp_path: Path, *, number: int = 1, extra: str = ""
) -> AsyncIterator[Rig]:
    """Run a trapper's main loop until the test is done."""
    file = tmp_path / "server.conf"
    file.write_text(
        f"DBType=sqlite\nDBFile={tmp_path}/x.db\nJaStateDir={tmp_path}/state\n"
        f"JaRuntimeDir={tmp_path}/run\nTmpDir={tmp_path}\n{extra}\n"
    )
    config, _ = load_server(file)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    rig = Rig(listener.getsockname()[1], database, tmp_path / "state")

    class Child(ChildContext):
        def database(self) -> Database:
            return Database(database.settings, clock=self.clock, on_wake=rig.wakes.extend)

    silent: Any = SimpleNamespace(
        ready=lambda: None, set=lambda text: None, figures=SimpleNamespace(status="")
    )
    child = Child(
        config=config,
        clock=SystemClock(),
        role=Role.TRAPPER,
        number=number,
        counts={Role.TRAPPER: number},
        server_id=SERVER_ID,
        runtime_dir=tmp_path,
        interval=1.0,
        hang_limit=30.0,
        link=silent,
        sender=silent,
        title=silent,
        listeners=(listener,),
    )
    context = AsyncContext(child, asyncio.Event(), silent, [])
    running = asyncio.ensure_future(main(context))
    try:
        yield rig
    finally:
        context.stopping.set()
        await running
        listener.close()


def add_user(
    rig: Rig,
    name: str,
    password: str,
    group: str | None,
    *,
    user_type: UserType = UserType.USER,
    enabled: bool = True,
) -> None:
    """Add a user, in a group if one is named."""
    rig.add(
        t.ext_user,
        {
            "user_name": name,
            "password_hash": hash_password(password, rounds=4),
            "user_type": int(user_type),
            "lang": "en_gb",
            "enabled": int(enabled),
            "created_at": 0,
        },
    )
    if group is not None:
        if not rig.rows(t.ext_group.select().where(t.ext_group.c.group_name == group)):
            rig.add(t.ext_group, {"group_name": group})
        rig.add(t.ext_user_group, {"user_name": name, "group_name": group})


def add_jobnet(
    rig: Rig, jobnet_id: str, owner: str, *, public: bool = False, valid: bool = True
) -> None:
    """Add one version of a jobnet."""
    rig.add(
        t.jobnet_control,
        {
            "jobnet_id": jobnet_id,
            "update_date": 20261122172029,
            "valid_flag": int(valid),
            "public_flag": int(public),
            "user_name": owner,
            "jobnet_name": jobnet_id,
        },
    )


def add_run(rig: Rig, number: int, jobnet_id: str, owner: str = "Admin", **values: Any) -> None:
    """Add a running main jobnet with its summary."""
    both = {
        "inner_jobnet_id": number,
        "jobnet_id": jobnet_id,
        "jobnet_name": jobnet_id,
        "user_name": owner,
        "update_date": 20261122172029,
        "status": 2,
        "run_type": 1,
        "execution_user_name": owner,
    } | values
    run = {key: value for key, value in both.items() if key != "job_status"}
    rig.add(t.run_jobnet, run | {"inner_jobnet_main_id": number})
    rig.add(t.run_jobnet_summary, both)


def add_icon(rig: Rig, icon: int, run: int, job_id: str, kind: JobType, **values: Any) -> None:
    """Add an icon to a run."""
    row = {
        "inner_job_id": icon,
        "inner_jobnet_id": run,
        "inner_jobnet_main_id": run,
        "job_type": int(kind),
        "job_id": job_id,
        "status": int(IconStatus.RUN),
    }
    rig.add(t.run_job, row | values)


def add_sent_job(
    rig: Rig,
    icon: int,
    run: int,
    host: str = "agent1",
    address: str = "127.0.0.1",
    attempt: int = 1,
) -> None:
    """Add a JOB icon whose request an agent has accepted, and an END behind it."""
    add_icon(rig, icon, run, f"J{icon}", JobType.JOB)
    behind = icon + 10**6
    add_icon(rig, behind, run, f"E{icon}", JobType.END, status=int(IconStatus.BEGIN))
    flow = {"start_inner_job_id": icon, "end_inner_job_id": behind}
    rig.add(t.run_flow, flow | {"inner_flow_id": icon, "inner_jobnet_id": run})
    rig.add(t.run_icon_job, {"inner_job_id": icon, "inner_jobnet_id": run, "host_name": host})
    rig.add(
        t.ext_dispatch,
        {
            "inner_job_id": icon,
            "attempt": attempt,
            "method": 0,
            "inner_jobnet_main_id": run,
            "slot": 0,
            "state": int(DispatchState.ACCEPTED),
            "host_name": host,
            "force_flag": 0,
            "address": address,
            "payload": "{}",
            "created_at": 0,
            "tries": 1,
        },
    )
