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
from jobarranger.definitions.subjobnets import check_nesting
from jobarranger.errors import DefinitionError
from jobarranger.icons import settings_tables
from jobarranger.loading.expand import Library, plan
from jobarranger.states import FlowType, ObjectKind


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

    name: Name
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
    dates = objects.lock_versions(unit, name)
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
    unit: Unit, names: Iterable[Name], update_date: int | None = None, *, force: bool = False
) -> list[Enabled]:
    """Put versions (None = the newest of each) in force, all or none; return them in order.

    Args:
        unit: the transaction.
        names: kinds and ids; they may name each other.
        update_date: the version, of a single name.
        force: even if a drawing breaks rules, or something that is named is not in force.

    Raises:
        DefinitionError: there is no such version, or it could not run.
    """
    done: list[Enabled] = []
    for name in sorted(set(names)):
        date = chosen(name, objects.lock_versions(unit, name), update_date)
        doubts: list[str] = []
        if name.kind is ObjectKind.JOBNET and not force:
            key = (name.object_id, date)
            definition = queries.read_versions(unit.conn, [key], settings_tables())[key]
            doubts = check_drawing(f"jobnet {name.object_id} (version {date})", definition)
        objects.enable(unit.conn, name, date)
        done.append(Enabled(name, date, doubts))
    check_stored(unit, [Stored(*one.name, one.update_date, enabled=not force) for one in done])
    return done


def put_out_of_force(unit: Unit, names: Iterable[Name], *, force: bool = False) -> dict[Name, bool]:
    """Put objects out of force, all or none; return for each whether it was in force.

    Args:
        unit: the transaction.
        names: kinds and ids; they may name each other.
        force: even if something else in force names them.

    Raises:
        DefinitionError: there is no such object, or it is named.
    """
    done: dict[Name, bool] = {}
    for name in sorted(set(names)):
        chosen(name, objects.lock_versions(unit, name), None)
        done[name] = objects.disable(unit.conn, name) > 0
    for name in () if force else done:
        related.check_unused(unit, name, in_force=True)
    return done


def remove(
    unit: Unit, names: Iterable[Name], update_date: int | None = None
) -> dict[Name, list[int]]:
    """Delete one version of a single name (None = all versions); return their numbers.

    One of several versions can always go; the last one only if nothing else names the object, in
    force or not.

    Raises:
        DefinitionError: there is no such version, or the object is named.
    """
    done: dict[Name, list[int]] = {}
    last: list[Name] = []
    for name in sorted(set(names)):
        dates = objects.lock_versions(unit, name)
        date = chosen(name, dates, update_date)
        done[name] = dates if update_date is None else [date]
        if len(done[name]) == len(dates):
            last.append(name)
        objects.delete_versions(unit.conn, name, done[name])
    for name in last:
        related.check_unused(unit, name, in_force=False)
    return done


def chosen(name: Name, dates: Sequence[int], update_date: int | None) -> int:
    """Return the version that is asked for, None = the newest. Pure.

    Raises:
        DefinitionError: there is no such version.
    """
    if not dates:
        others = "; for other kinds write calendar:NAME, filter:NAME, schedule:NAME"
        hint = others if name.kind is ObjectKind.JOBNET else ""
        raise DefinitionError(f"{name} does not exist{hint}")
    if update_date is not None and update_date not in dates:
        known = ", ".join(map(str, dates))
        raise DefinitionError(f"{name}: there is no version {update_date}; existing: {known}")
    return dates[-1] if update_date is None else update_date


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
    icons = {row["job_id"]: form_for(row["job_type"]) for row in definition.icons}
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
    found, valid = queries.read_tree(unit.conn, list(new.values()), settings_tables())
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

    return replace(
        definition,
        header=dated(definition.header),
        icons=[dated(row) for row in definition.icons],
        flows=[dated(row) for row in definition.flows],
        settings={
            table: {icon: [dated(row) for row in rows] for icon, rows in icons.items()}
            for table, icons in definition.settings.items()
        },
    )
