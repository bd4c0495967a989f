"""What a kind of icon says about itself in a YAML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import Table

from jobarranger.db.definitions import Values
from jobarranger.definitions.section import Section
from jobarranger.errors import DefinitionError
from jobarranger.icons import Traits, traits_of

#: Rows of settings tables without the key columns (jobnet_id, job_id, update_date).
Settings: TypeAlias = Mapping[Table, list[dict[str, Any]]]

#: What an icon says in a file: values by key, in the order in which they are written.
Keys: TypeAlias = dict[str, Any]

#: No upper limit.
ANY = 10**9


class Extra(Enum):
    """Keys that some kinds of icon have beside their own; the Manager offers them for the same."""

    FORCE = "force"  #: run even if the host is disabled
    CONTINUE = "continue-on-error"  #: the flow goes on behind a failure
    RUN_USER = "run-user"  #: another user of the host's system


@dataclass(frozen=True, slots=True)
class Found:
    """The settings of one icon as they are stored."""

    place: str  #: jobnet and icon, for messages
    settings: Mapping[str, Sequence[Values]]  #: table name -> rows

    def rows(self, table: Table) -> Sequence[Values]:
        """Return the rows of a table, none if it has none."""
        return self.settings.get(table.name, ())

    def row(self, table: Table) -> Values:
        """Return the one row of a table."""
        rows = self.rows(table)
        if not rows:
            raise DefinitionError(f"{self.place}: has no row in {table.name}")
        return rows[0]

    def error(self, text: str) -> DefinitionError:
        """Return an error about this icon."""
        return DefinitionError(f"{self.place}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of icon."""

    kind: int  #: its `job_type`
    read: Callable[[Section], Settings]  #: takes its own keys from the icon's section
    write: Callable[[Found], Keys]  #: the way back: its own keys from the icon's settings
    incoming: tuple[int, int] = (1, 1)  #: least and most flows into it
    outgoing: tuple[int, int] = (1, 1)  #: least and most flows out of it
    extras: frozenset[Extra] = frozenset()

    @property
    def traits(self) -> Traits:
        """Return the traits of the kind."""
        return traits_of(self.kind)

    @property
    def word(self) -> str:
        """Return what stands at `type:` in the file."""
        return self.traits.word


def no_settings(section: Section) -> Settings:
    """Read nothing."""
    return {}


def no_keys(found: Found) -> Keys:
    """Write nothing."""
    return {}


def write_host(row: Values) -> Keys:
    """Write `host:` or `host-variable:`."""
    return {"host-variable" if row["host_flag"] else "host": row["host_name"]}


def read_host(section: Section) -> dict[str, Any]:
    """Read `host:` (a name) or `host-variable:` (the name of a variable that holds it)."""
    if section.has("host-variable"):
        if section.has("host"):
            raise section.error("host", "stands beside host-variable; only one of them may")
        name = section.variable("host-variable")
        return {"host_flag": 1, "host_name": name}
    host = section.text("host", most=128).strip()
    if not host:
        raise section.error("host", "is empty")
    section.raw("host-variable")
    return {"host_flag": 0, "host_name": host}
