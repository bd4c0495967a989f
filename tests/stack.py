"""A whole site for tests and benchmarks: server and agent as real processes on any database.

It is the demo's site with a database of the test's choice and the shipped parameters. Jobnets are
stored directly; runs are started over the wire, like by any client.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, insert, select

from jobarranger.client import Client
from jobarranger.clock import SystemClock, stamp14, zone_named
from jobarranger.commands.demo_site import Site, wait_until
from jobarranger.db import schema
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.settings import DatabaseSettings
from jobarranger.definitions.versions import store
from jobarranger.definitions.yamlform import parse
from jobarranger.directory.passwords import hash_password
from jobarranger.states import DatabaseType, JobnetStatus, UserType

HOST = "localhost"
USER = "tester"
PASSWORD = "a-secret-of-tests"


class Stack(Site):
    """Server, agent and database of one test."""

    def __init__(
        self,
        base: Path,
        settings: DatabaseSettings | None = None,
        *,
        server: Mapping[str, object] | None = None,
        agent: Mapping[str, object] | None = None,
    ) -> None:
        """Lay out a site below `base`.

        Args:
            base: a directory of the test's own.
            settings: an empty or initialised database; default an SQLite file of the site's own.
            server: parameters beside or instead of the shipped ones.
            agent: the same for the agent.
        """
        super().__init__(base)
        self._server, self._agent = dict(server or {}), dict(agent or {})
        self.settings = settings or DatabaseSettings(
            kind=DatabaseType.SQLITE, file=self.directory / "jobarg_server.db"
        )
        self.db = Database(self.settings, clock=SystemClock())
        self.ledger = self.directory / "ledger"
        self.write()
        schema.upgrade(self.db)
        self._people()

    def server_parameters(self) -> Mapping[str, object]:
        """Return the demo's configuration with our database and the shipped process counts."""
        parameters = dict(super().server_parameters())
        del parameters["JaStartTrappers"]
        if self.settings.kind is not DatabaseType.SQLITE:
            del parameters["DBFile"]
            parameters |= {
                "DBType": self.settings.kind.value,
                "DBHost": self.settings.host,
                "DBPort": self.settings.port,
                "DBName": self.settings.name,
                "DBUser": self.settings.user,
                "DBPassword": self.settings.password,
            }
            if self.settings.socket:
                parameters["DBSocket"] = self.settings.socket
        else:
            parameters["DBFile"] = self.settings.file
        return parameters | self._server

    def agent_parameters(self) -> Mapping[str, object]:
        """Return the demo's configuration with changes."""
        return dict(super().agent_parameters()) | self._agent

    def _people(self) -> None:
        """Register the host and a super administrator."""
        now = self.db.clock.now_ms()

        def work(unit: Any) -> None:
            conn = unit.conn
            conn.execute(
                insert(t.ext_host), {"host_name": HOST, "address": "127.0.0.1", "enabled": 1}
            )
            conn.execute(insert(t.ext_group), {"group_name": "testers", "enabled": 1})
            user = {
                "user_name": USER,
                "password_hash": hash_password(PASSWORD),
                "user_type": int(UserType.SUPER),
                "lang": "en_gb",
                "enabled": 1,
                "created_at": now,
            }
            conn.execute(insert(t.ext_user), user)
            conn.execute(insert(t.ext_user_group), {"user_name": USER, "group_name": "testers"})

        self.db.transaction(work)

    def define(self, text: str) -> None:
        """Store the jobnets of a YAML text and put them in force."""
        now = stamp14(self.db.clock.now_ms(), zone_named(None))
        for definition in parse(text, "test", owner=USER):
            self.db.transaction(partial(store, definition=definition, now=now, enable=True))

    def client(self) -> Client:
        """Return a client of the server."""
        return Client(server="127.0.0.1", port=self.server_port, user=USER, password=PASSWORD)

    # -- looking ---------------------------------------------------------------------------

    def ended(self, since: int) -> int:
        """Count the runs of clients that have ended normally, from the run `since` on."""
        column = t.run_jobnet_summary.c
        query = select(func.count()).where(
            column.inner_jobnet_id >= since, column.status + 0 == JobnetStatus.END
        )
        return int(self.db.read(lambda conn: conn.scalar(query)) or 0)

    def wait_for_end(self, run: int, seconds: float) -> None:
        """Wait until the last run of a client has ended normally."""
        if not wait_until(lambda: self.ended(run) > 0, seconds):
            raise AssertionError(f"run {run} has not ended within {seconds} s")

    def processes(self, name: str) -> list[psutil.Process]:
        """Return a daemon's processes, its parent first."""
        parent = psutil.Process(self.daemons[name].pid)
        return [parent, *parent.children(recursive=True)]

    def children(self) -> dict[str, psutil.Process]:
        """Return the server's children by title, such as `run #1`."""
        found = {}
        for process in psutil.Process(self.daemons["jobarg_server"].pid).children():
            try:
                title = " ".join(process.cmdline())
            except psutil.NoSuchProcess:  # it died since we looked
                continue
            if title.startswith("jobarg_server: "):
                found[title.removeprefix("jobarg_server: ").partition(" [")[0]] = process
        return found

    def close(self) -> None:
        """End everything that still runs and remove the site."""
        self.db.close()
        for daemon in list(self.daemons.values()):
            if daemon.poll() is None:
                for process in psutil.Process(daemon.pid).children(recursive=True):
                    process.kill()
                daemon.kill()
                daemon.wait()
        self.daemons.clear()
        self.remove()
