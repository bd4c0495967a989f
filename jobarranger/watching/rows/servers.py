"""Signs of life of servers (`ja_ext_server`): one row for each start of a server."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, func, select, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.db.unique import insert_first
from jobarranger.watching.presence import Sign

_S = t.ext_server.c

_BEAT = (
    update(t.ext_server)
    .where(_S.server_id == bindparam("server"))
    .values(seen_at=bindparam("at"), stopped_at=bindparam("stopped"))
)
_NEWEST = (
    select(_S.server_id, _S.host_name, _S.started_at, _S.seen_at, _S.stopped_at)
    .order_by(func.coalesce(_S.stopped_at, _S.seen_at).desc())
    .limit(100)
)
_FORGET = delete(t.ext_server).where(_S.seen_at < bindparam("before"))


def beat(unit: Unit, server_id: str, host_name: str, at: int) -> None:
    """Note that a server is at work at `at` (UTC ms); make its row if there is none."""
    if not unit.execute(_BEAT, {"server": server_id, "at": at, "stopped": None}).rowcount:
        row = {"server_id": server_id, "host_name": host_name, "started_at": at, "seen_at": at}
        insert_first(unit.conn, t.ext_server, row)


def stopped(unit: Unit, server_id: str, at: int) -> None:
    """Note that a server was stopped in order."""
    unit.execute(_BEAT, {"server": server_id, "at": at, "stopped": at})


def forget(unit: Unit, before: int) -> None:
    """Delete the rows of servers that were last seen before an instant."""
    unit.execute(_FORGET, {"before": before})


def signs(conn: Connection) -> list[Sign]:
    """Return the newest signs."""
    return [Sign(**row._mapping) for row in conn.execute(_NEWEST).all()]
