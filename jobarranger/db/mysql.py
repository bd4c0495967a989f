"""PyMySQL's cursor with a pipeline: statements of one packet, separated by semicolons.

Values are put in by the driver as always; only the packet is shared.
"""

from __future__ import annotations

from typing import Any

import pymysql.cursors

from jobarranger.db.pipeline import ATTRIBUTE, Pipeline


class PipelineCursor(pymysql.cursors.Cursor):
    """Holds statements back, or sends what is held along with one."""

    def execute(self, query: Any, args: Any = None) -> int:
        """Send a statement, with those that were held before it; or hold it."""
        pipeline: Pipeline | None = getattr(self.connection, ATTRIBUTE, None)
        if pipeline is not None and pipeline.holding:
            pipeline.hold(query, args)
            self.rowcount = self.lastrowid = 0
            return 0
        if pipeline is None or not pipeline.held:
            return int(super().execute(query, args))
        held = pipeline.take()
        statements = [self._as_bytes(one.query, one.values) for one in held]
        packet: Any = b";".join([*statements, self._as_bytes(query, args)])
        super().execute(packet)
        for one in held:
            if one.check is not None:
                one.check(self.rowcount)
            self.nextset()
        return int(self.rowcount)

    def _as_bytes(self, query: Any, args: Any) -> bytes:
        """Return a statement with its values put in by the driver."""
        text: Any = self.mogrify(query, args)
        if isinstance(text, str):
            return text.encode(self.connection.encoding, "surrogateescape")
        return bytes(text)


def attach(raw: Any, record: object) -> None:
    """Give a new connection of the driver its pipeline (an event of SQLAlchemy's)."""
    del record
    setattr(raw, ATTRIBUTE, Pipeline("DO 0"))
