"""What names what: an object is put in force when all it names is, and kept while it is named."""

from __future__ import annotations

from collections.abc import Iterable

from jobarranger.db import objects
from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.db.objects import Name, Version
from jobarranger.errors import DefinitionError
from jobarranger.states import ObjectFlag, ObjectKind

#: So many users are named in a message.
_NAMED = 5


def needs(version: Version) -> set[Name]:
    """Return what a calendar, filter or schedule names. Pure."""
    found: set[Name] = set()
    if version.kind is ObjectKind.FILTER:
        found.add(Name(ObjectKind.CALENDAR, version.header["base_calendar_id"]))
    for row in version.rows(t.schedule_detail):
        is_filter = row["object_flag"] == ObjectFlag.FILTER
        kind = ObjectKind.FILTER if is_filter else ObjectKind.CALENDAR
        found.add(Name(kind, row["calendar_id"]))
    found |= {Name(ObjectKind.JOBNET, row["jobnet_id"]) for row in version.rows(t.schedule_jobnet)}
    return found


def check_needs(unit: Unit, versions: Iterable[Version]) -> None:
    """Check that all that versions name is in force, with the base calendars of filters.

    Raises:
        DefinitionError: names the first that is not, or a schedule that would start nothing.
    """
    named = {version.object_id: needs(version) for version in versions}
    wanted = {name for names in named.values() for name in names}
    filters = {name.object_id for name in wanted if name.kind is ObjectKind.FILTER}
    bases = {
        filter_id: Name(ObjectKind.CALENDAR, calendar_id)
        for filter_id, calendar_id in objects.base_calendars(unit.conn, filters).items()
    }
    missing = objects.out_of_force(unit.conn, {*wanted, *bases.values()})
    for version in versions:
        place = f"{version.kind} {version.object_id}"
        if version.kind is ObjectKind.SCHEDULE:
            _check_not_empty(place, version)
        for name in sorted(needs(version)):
            if name in missing:
                raise DefinitionError(f"{place}: names the {name}, which has no version in force")
            base = bases.get(name.object_id) if name.kind is ObjectKind.FILTER else None
            if base in missing:
                raise DefinitionError(
                    f"{place}: names the {name}, whose {base} has no version in force"
                )


def _check_not_empty(place: str, version: Version) -> None:
    """Check that a schedule can start something."""
    if not version.rows(t.schedule_detail):
        raise DefinitionError(f"{place}: has no boot time, so it would never start")
    if not version.rows(t.schedule_jobnet):
        raise DefinitionError(f"{place}: has no jobnet, so it would start nothing")


def check_unused(unit: Unit, name: Name, *, in_force: bool) -> None:
    """Check that nothing names an object; `in_force`: nothing that is in force.

    Raises:
        DefinitionError: names those that do.
    """
    found = objects.users(unit.conn, name, in_force=in_force)
    if not found:
        return
    texts = list(dict.fromkeys(f"{user.kind} {user.object_id}" for user in found))
    shown = ", ".join(texts[:_NAMED])
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    state = "in force" if in_force else "in any version"
    raise DefinitionError(f"{name}: is named, {state}, by {shown}{more}")
