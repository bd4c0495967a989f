"""Store imported definitions as new versions, put versions in force and out of it, delete them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from jobarranger.db import definitions as queries
from jobarranger.db import objects
from jobarranger.db.definitions import Definition, Values, VersionKey
from jobarranger.db.engine import Unit
from jobarranger.db.objects import Name, Version
from jobarranger.definitions import related, structure
from jobarranger.definitions.forms import form_for
from jobarranger.definitions.nesting import check_nesting
from jobarranger.errors import DefinitionError
from jobarranger.loading.expand import Library, plan
from jobarranger.states import FlowType, JobType, ObjectKind


@dataclass(frozen=True, slots=True)
class Stored:
    """A version that was written."""

    kind: ObjectKind
    object_id: str
    update_date: int
    enabled: bool  #: in force now

    @property
    def name(self) -> Name:
        """Return kind and id."""
        return Name(self.kind, self.object_id)


@dataclass(frozen=True, slots=True)
class Enabled:
    """A version that was put in force."""

    update_date: int
    doubts: list[str]  #: what is odd about it


def store(
    unit: Unit, definition: Definition | Version, now: int, *, enable: bool | None = None
) -> Stored:
    """Write a definition as a new version of its id.

    What it names is not looked at: `check_stored` does so when all new versions are written.

    Args:
        unit: the transaction.
        definition: without a version.
        now: 14 digits; the version's number unless a later one exists.
        enable: put it in force; None = only if the id has no version yet.
    """
    name = Name(definition.kind, definition.object_id)
    dates = _dates(unit, name)
    date = next_version(now, dates)
    if isinstance(definition, Definition):
        queries.write_version(unit.conn, with_version(definition, date))
    else:
        objects.write_version(unit.conn, _with_date(definition, date))
    objects.set_public(unit.conn, name, definition.header["public_flag"])
    enabled = not dates if enable is None else enable
    if enabled:
        objects.enable(unit.conn, name, date)
    return Stored(definition.kind, definition.object_id, date, enabled)


def check_stored(unit: Unit, stored: Iterable[Stored]) -> None:
    """Check what new versions name, after all of them have been written.

    Raises:
        DefinitionError: jobnets would contain each other, or something that one in force names
            has no version in force.
    """
    by_kind: dict[ObjectKind, list[Stored]] = {kind: [] for kind in ObjectKind}
    for item in stored:
        by_kind[item.kind].append(item)
    jobnets = by_kind.pop(ObjectKind.JOBNET)
    check_inner(
        unit,
        {item.object_id: (item.object_id, item.update_date) for item in jobnets},
        {item.object_id for item in jobnets if item.enabled},
    )
    for kind, items in by_kind.items():
        keys = sorted((item.object_id, item.update_date) for item in items if item.enabled)
        found = objects.read_versions(unit.conn, kind, keys)
        related.check_needs(unit, [found[key] for key in keys])


def put_in_force(
    unit: Unit, name: Name, update_date: int | None, *, force: bool = False
) -> Enabled:
    """Put a version (None = the newest) in force.

    Args:
        unit: the transaction.
        name: kind and id.
        update_date: the version.
        force: even if a drawing breaks rules, or something that it names is not in force.

    Raises:
        DefinitionError: there is no such version, or it could not run.
    """
    date = chosen(name, _dates(unit, name), update_date)
    doubts: list[str] = []
    key = (name.object_id, date)
    if name.kind is ObjectKind.JOBNET:
        if not force:
            definition = queries.read_versions(unit.conn, [key])[key]
            doubts = check_drawing(f"jobnet {name.object_id} (version {date})", definition)
        objects.enable(unit.conn, name, date)
        check_inner(unit, {name.object_id: key}, () if force else {name.object_id})
        return Enabled(date, doubts)
    objects.enable(unit.conn, name, date)
    if not force:
        version = objects.read_versions(unit.conn, name.kind, [key])[key]
        related.check_needs(unit, [version])
    return Enabled(date, doubts)


def put_out_of_force(unit: Unit, name: Name, *, force: bool = False) -> bool:
    """Put an object out of force; tell whether it was in force.

    Args:
        unit: the transaction.
        name: kind and id.
        force: even if something in force names it.

    Raises:
        DefinitionError: there is no such object, or it is named.
    """
    chosen(name, _dates(unit, name), None)
    if not force:
        related.check_unused(unit, name, in_force=True)
    return objects.disable(unit.conn, name) > 0


def remove(unit: Unit, name: Name, update_date: int | None) -> list[int]:
    """Delete one version (None = all); return their numbers.

    One of several versions can always go; the last one only if nothing names the object, in
    force or not.

    Raises:
        DefinitionError: there is no such version, or the object is named.
    """
    dates = _dates(unit, name)
    date = chosen(name, dates, update_date)
    gone = dates if update_date is None else [date]
    if len(gone) == len(dates):
        related.check_unused(unit, name, in_force=False)
    objects.delete_versions(unit.conn, name, gone)
    return gone


def chosen(name: Name, dates: Sequence[int], update_date: int | None) -> int:
    """Return the version that is asked for, None = the newest. Pure.

    Raises:
        DefinitionError: there is no such version.
    """
    if not dates or (update_date is not None and update_date not in dates):
        known = ", ".join(map(str, dates)) or "none"
        raise DefinitionError(f"{name}: there is no version {update_date or ''}; existing: {known}")
    return dates[-1] if update_date is None else update_date


def _dates(unit: Unit, name: Name) -> list[int]:
    """Lock an object and return its versions, oldest first.

    They are read once more: what another has stored while the lock was waited for shows only then.
    """
    dates = objects.update_dates(name)
    if not unit.execute(unit.lock(dates)).all():
        unit.execute(unit.lock(objects.lock_kind(name.kind)))
    return [int(date) for date in unit.execute(dates).scalars()]


def _with_date(version: Version, date: int) -> Version:
    """Return a calendar, filter or schedule with its version number in every row."""
    return replace(
        version,
        header={**version.header, "update_date": date},
        parts={
            table: [{**row, "update_date": date} for row in rows]
            for table, rows in version.parts.items()
        },
    )


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
