"""Store imported jobnets as new versions, and put versions in force."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobarranger.db import definitions as queries
from jobarranger.db.definitions import Definition, Values, VersionKey
from jobarranger.db.engine import Unit
from jobarranger.definitions import structure
from jobarranger.definitions.forms import form_for
from jobarranger.definitions.nesting import check_nesting
from jobarranger.errors import DefinitionError
from jobarranger.loading.expand import Library, plan
from jobarranger.states import FlowType, JobType


@dataclass(frozen=True, slots=True)
class Stored:
    """A version that was written."""

    jobnet_id: str
    update_date: int
    enabled: bool  #: in force now


@dataclass(frozen=True, slots=True)
class Enabled:
    """A version that was put in force."""

    update_date: int
    doubts: list[str]  #: what is odd about it


def store(unit: Unit, definition: Definition, now: int, *, enable: bool | None = None) -> Stored:
    """Write a definition as a new version of its id.

    What is inside is not looked at: `check_inner` does so when all new versions are written.

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


def put_in_force(
    unit: Unit, jobnet_id: str, update_date: int | None, *, force: bool = False
) -> Enabled:
    """Put a version (None = the newest) in force.

    Args:
        unit: the transaction.
        jobnet_id: the id.
        update_date: the version.
        force: even if its drawing breaks rules, or inner jobnets have no version in force.

    Raises:
        DefinitionError: there is no such version, or it could not run.
    """
    dates = list(unit.execute(unit.lock(queries.lock_versions(jobnet_id))).scalars())
    if not dates or (update_date is not None and update_date not in dates):
        known = ", ".join(map(str, dates)) or "none"
        raise DefinitionError(
            f"jobnet {jobnet_id}: there is no version {update_date or ''}; existing: {known}"
        )
    key = (jobnet_id, int(dates[-1] if update_date is None else update_date))
    definition = queries.read_versions(unit.conn, [key])[key]
    doubts: list[str] = []
    if not force:
        doubts = check_drawing(f"jobnet {jobnet_id} (version {key[1]})", definition)
    queries.enable(unit.conn, key)
    check_inner(unit, {jobnet_id: key}, () if force else {jobnet_id})
    return Enabled(key[1], doubts)


def check_drawing(place: str, definition: Definition) -> list[str]:
    """Check the drawing of a stored version as that of a file; return what is odd. Pure.

    Raises:
        DefinitionError: it breaks a rule.
    """
    icons = {row["job_id"]: form_for(JobType(row["job_type"])) for row in definition.icons}
    flows = [
        (row["start_job_id"], row["end_job_id"], FlowType(row["flow_type"]))
        for row in definition.flows
    ]
    return structure.check(place, icons, flows)


def check_inner(unit: Unit, new: Mapping[str, VersionKey], enabled: Collection[str]) -> None:
    """Check the jobnets inside new versions, after these have been written.

    Args:
        unit: the transaction; its own changes count.
        new: the new versions, in force or not.
        enabled: ids that are in force now: runs of them must load, with all that is inside.

    Raises:
        DefinitionError: jobnets would contain each other, or an inner one has no version in force.
    """
    found, valid = queries.read_tree(unit.conn, list(new.values()))
    newest = {**valid, **new}
    check_nesting({name: found[key].links() for name, key in newest.items()}, new)
    library = Library(found, valid)
    for name in sorted(enabled):
        plan({"jobnet_id": name, "update_date": new[name][1]}, library)


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
