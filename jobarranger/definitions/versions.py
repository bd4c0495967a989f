"""Store imported jobnets as new versions, and put versions in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobarranger.db import definitions as queries
from jobarranger.db.definitions import Definition, Values
from jobarranger.db.engine import Unit
from jobarranger.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Stored:
    """A version that was written."""

    jobnet_id: str
    update_date: int
    enabled: bool  #: in force now


def store(unit: Unit, definition: Definition, now: int, *, enable: bool | None = None) -> Stored:
    """Write a definition as a new version of its id.

    Args:
        unit: the transaction.
        definition: without a version.
        now: 14 digits; the version's number unless a later one exists.
        enable: put it in force; None = only if the id has no version yet.
    """
    jobnet_id = definition.header["jobnet_id"]
    dates = list(unit.execute(unit.lock(queries.lock_versions(jobnet_id))).scalars())
    date = next_version(now, dates)
    queries.write_version(unit.conn, with_version(definition, date))
    queries.set_public(unit.conn, jobnet_id, definition.header["public_flag"])
    enabled = not dates if enable is None else enable
    if enabled:
        queries.enable(unit.conn, (jobnet_id, date))
    return Stored(jobnet_id, date, enabled)


def put_in_force(unit: Unit, jobnet_id: str, update_date: int | None) -> int:
    """Put a version (None = the newest) in force and return its number.

    Raises:
        DefinitionError: there is no such version.
    """
    dates = list(unit.execute(unit.lock(queries.lock_versions(jobnet_id))).scalars())
    if not dates or (update_date is not None and update_date not in dates):
        known = ", ".join(map(str, dates)) or "none"
        raise DefinitionError(
            f"jobnet {jobnet_id}: there is no version {update_date or ''}; existing: {known}"
        )
    date = int(dates[-1] if update_date is None else update_date)
    queries.enable(unit.conn, (jobnet_id, date))
    return date


def next_version(now: int, dates: Sequence[int]) -> int:
    """Return `now`, or a second after the newest version if that is not older. Pure."""
    newest = max(dates, default=0)
    if now > newest:
        return now
    later = datetime.strptime(str(newest), "%Y%m%d%H%M%S") + timedelta(seconds=1)  # noqa: DTZ007
    return int(later.strftime("%Y%m%d%H%M%S"))


def with_version(definition: Definition, date: int) -> Definition:
    """Return the definition with its version number in every row. Pure."""

    def dated(row: Values) -> Mapping[str, Any]:
        return {**row, "update_date": date}

    return Definition(
        header=dated(definition.header),
        icons=[dated(row) for row in definition.icons],
        flows=[dated(row) for row in definition.flows],
        settings={
            table: {icon: [dated(row) for row in rows] for icon, rows in icons.items()}
            for table, icons in definition.settings.items()
        },
    )
