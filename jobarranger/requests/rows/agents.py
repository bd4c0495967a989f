"""What is known of agents (`ja_ext_agent`)."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from jobarranger.db import tables as t
from jobarranger.db.unique import insert_first
from jobarranger.states import AgentKind

_A = t.ext_agent.c


def remember_agent(
    conn: Connection, host_name: str, kind: AgentKind, version: str | None, now: int
) -> None:
    """Keep what answered at a host.

    Raises:
        StateConflict: an executor of another server has just heard of it first: do it again.
    """
    values = {"agent_kind": kind, "version": (version or "")[:32] or None, "seen_at": now}
    known = update(t.ext_agent).where(_A.host_name == host_name).values(values)
    if conn.execute(known).rowcount == 0:
        insert_first(conn, t.ext_agent, {"host_name": host_name, **values})


def is_ours(conn: Connection, host_name: str) -> bool:
    """Tell whether the agent that answered last at a host is ours."""
    kind = select(_A.agent_kind).where(_A.host_name == host_name)
    return conn.execute(kind).scalar() == AgentKind.OURS
