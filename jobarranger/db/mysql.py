"""PyMySQL's cursor with a pipeline: statements of one packet, separated by semicolons.

Values are put in by the driver as always; only the packet is shared. What is longer than the server
takes is never sent: it would end the connection as if the server had gone away. On a Galera cluster
nothing shares a packet: when another node's write ends our transaction between two statements of
one packet, the server undoes the first, runs the others by themselves, and reports no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymysql.cursors
from sqlalchemy import Connection

from jobarranger.db.pipeline import ATTRIBUTE, HeldStatement, Pipeline
from jobarranger.errors import CannotStore

#: Attributes of a driver's connection: bytes that a packet may have, and whether it is of Galera.
LIMIT, GALERA = "jobarg_packet_limit", "jobarg_galera"

_ASK = "SHOW SESSION VARIABLES WHERE Variable_name IN ('max_allowed_packet', 'wsrep_on')"
#: Bytes of a packet beside the statement: its command, and what the server keeps for itself.
_AROUND = 64
#: Characters that a text takes two bytes for, and from how many on a text is looked at beforehand.
_ESCAPED, _LONG = "\0\n\r\x1a\"'\\", 1 << 20


class MySQLCursor(pymysql.cursors.Cursor):
    """Holds statements back, or sends what is held along with one."""

    def execute(self, query: Any, args: Any = None) -> int:
        """Send a statement, with those that were held before it; or hold it.

        Raises:
            CannotStore: the server would not take a packet of this length; nothing was sent.
        """
        pipeline: Pipeline | None = getattr(self.connection, ATTRIBUTE, None)
        if pipeline is not None and pipeline.holding:
            pipeline.hold(query, args)
            self.rowcount = self.lastrowid = 0
            return 0
        statement = self._as_bytes(query, args)
        if pipeline is None or not pipeline.held:
            return self._send(statement)
        held = pipeline.take()
        before = [self._as_bytes(one.query, one.values) for one in held]
        packet = b";".join([*before, statement])
        if len(packet) > self._limit():
            self._send_alone(held, before)
            return self._send(statement)
        self._send(packet)
        for one in held:
            if one.check is not None:
                one.check(self.rowcount)
            self.nextset()
        return int(self.rowcount)

    def executemany(self, query: Any, args: Any) -> int | None:
        """Send a statement for many rows; those that do not fit into one packet go by several.

        Raises:
            CannotStore: one row alone is longer than the server takes.
        """
        for row in args:
            self._look_at(row)
        return super().executemany(query, args)

    def _send_alone(self, held: Sequence[HeldStatement], statements: Sequence[bytes]) -> None:
        """Send what was held in packets of their own: together they are too long."""
        for one, statement in zip(held, statements, strict=True):
            met = self._send(statement)
            if one.check is not None:
                one.check(met)

    def _look_at(self, values: Any) -> None:
        """Refuse what is too long before it is escaped, for which all threads would wait."""
        given = values.values() if isinstance(values, dict) else values or ()
        for value in given:
            if isinstance(value, str) and len(value) > _LONG:
                self._allow(len(value) + sum(map(value.count, _ESCAPED)))

    def _allow(self, length: int) -> None:
        """Refuse what is longer than a packet may be."""
        limit = self._limit()
        if length > limit:
            raise CannotStore(
                f"a statement of {length:,} bytes is longer than the server's"
                f" max_allowed_packet lets through ({limit:,})"
            )

    def _send(self, packet: bytes) -> int:
        self._allow(len(packet))
        whole: Any = packet
        return int(super().execute(whole))

    def _limit(self) -> int:
        """Return how many bytes of statements a packet may have."""
        return getattr(self.connection, LIMIT, _NO_LIMIT) - _AROUND

    def _as_bytes(self, query: Any, args: Any) -> bytes:
        """Return a statement with its values put in by the driver."""
        self._look_at(args)
        text: Any = self.mogrify(query, args)
        if isinstance(text, str):
            return text.encode(self.connection.encoding)
        return bytes(text)


#: What no packet exceeds by the protocol: counts until the server has been asked.
_NO_LIMIT = 1 << 30


def attach(raw: Any, record: object) -> None:
    """Ask the server what it takes, and give a new connection its pipeline (SQLAlchemy's event)."""
    del record
    with raw.cursor() as cursor:
        cursor.execute(_ASK)
        known = {str(name).lower(): str(value) for name, value in cursor.fetchall()}
    setattr(raw, LIMIT, int(known.get("max_allowed_packet", _NO_LIMIT)))
    setattr(raw, GALERA, known.get("wsrep_on", "OFF").upper() in {"ON", "1"})
    if not getattr(raw, GALERA):
        setattr(raw, ATTRIBUTE, Pipeline("DO 0"))


def on_galera(conn: Connection) -> bool:
    """Return whether a connection goes to a node of a Galera cluster; never on other products."""
    return bool(getattr(conn.connection.driver_connection, GALERA, False))
