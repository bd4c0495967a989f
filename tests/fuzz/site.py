"""The site that is to stand it all: a ledger, an honest user, a guest, and a jobnet of his."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Table, func, insert, select

from jobarranger.db import tables as t
from jobarranger.db.settings import DatabaseSettings
from jobarranger.directory.passwords import hash_password
from jobarranger.states import UserType
from tests.crash.harness import JOBNET, CrashRig
from tests.fuzz.forgeries import FORGED
from tests.fuzz.inputs import Known
from tests.stack import HOST, USER

GUEST, GUEST_PASSWORD, GUEST_JOBNET = "guest", "what-everybody-knows", "GUESTS"

_GUESTS = f"""
jobnet: {GUEST_JOBNET}
name: What the guest may start
owner: {GUEST}
multiple-start-up: parallel
icons:
  START: {{type: start}}
  END-1: {{type: end}}
flows:
  - START -> END-1
"""


class FuzzSite(CrashRig):
    """A whole site; its jobs write when they begin."""

    def __init__(
        self,
        base: Path,
        settings: DatabaseSettings | None = None,
        *,
        server: Mapping[str, object] | None = None,
        agent: Mapping[str, object] | None = None,
    ) -> None:
        """Lay out the site; one run in five is long enough to be hit while it runs."""
        self.times = base / "times"
        work = f"""echo "$MANAGEMENT_ID $(date +%s.%N)" >> {self.times}
      case $MANAGEMENT_ID in *[05]) sleep 0.5;; esac"""
        unrotated = {"LogFileSize": 0}
        super().__init__(
            base,
            settings,
            jobs=1,
            work=work,
            server={**unrotated, **(server or {})},
            agent={**unrotated, **(agent or {})},
        )
        self.times.touch()
        self._add_guest()
        self.define(_GUESTS)

    def known(self) -> Known:
        """Return what strangers know; the server must be up."""
        return Known(
            trapper_port=self.server_port,
            agent_port=self.agent_port,
            runtime_dir=str(self.runtime),
            queues=tuple(sorted(path.name for path in self.runtime.glob("*.q"))),
            host=HOST,
            honest=USER,
            guest=GUEST,
            guest_password=GUEST_PASSWORD,
            jobnet=GUEST_JOBNET,
            trace_file=str(self.directory / "intruder"),
        )

    def begins(self) -> dict[int, float]:
        """Return when the job of each run began, in UTC seconds."""
        fields = (line.split() for line in self.times.read_text().splitlines())
        return {int(pair[0]): float(pair[1]) for pair in fields if len(pair) == 2}

    def intrusions(self) -> list[str]:
        """Return what strangers have achieved that they must not."""
        c = t.run_value_after.c
        query = select(func.count()).where(c.after_value == FORGED)
        forged = self.ask(lambda conn: conn.scalar(query))
        found = [f"{forged} outputs of jobs are a stranger's"] if forged else []
        if (self.directory / "intruder").exists():
            found.append("the agent has run a stranger's job")
        return found

    def _add_guest(self) -> None:
        user = {
            "user_name": GUEST,
            "password_hash": hash_password(GUEST_PASSWORD),
            "user_type": int(UserType.USER),
            "lang": "en_gb",
            "enabled": 1,
            "created_at": 0,
        }
        rows: list[tuple[Table, dict[str, object]]] = [
            (t.ext_group, {"group_name": "guests", "enabled": 1}),
            (t.ext_user, user),
            (t.ext_user_group, {"user_name": GUEST, "group_name": "guests"}),
        ]
        self.db.transaction(
            lambda unit: [unit.execute(insert(table).values(row)) for table, row in rows]
        )


__all__ = ["JOBNET", "FuzzSite"]
