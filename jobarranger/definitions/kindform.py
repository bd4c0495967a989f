"""What a kind of definition says about itself in a YAML file, and what all kinds have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Table

from jobarranger.db.objects import Version, id_column
from jobarranger.definitions.section import Section
from jobarranger.states import ObjectKind

#: What stands in a file: values by key, in the order in which they are written.
Keys: TypeAlias = dict[str, Any]


class Context(NamedTuple):
    """What a document is read with."""

    owner: str | None  #: of definitions that name none
    directory: Path  #: where files are that it names


class Content(NamedTuple):
    """What a kind's own keys mean."""

    columns: Mapping[str, Any]  #: of the header
    parts: Mapping[Table, list[dict[str, Any]]]  #: rows, without id and version


@dataclass(frozen=True, slots=True, kw_only=True)
class KindForm:
    """One kind."""

    kind: ObjectKind
    #: takes the kind's own keys out of a section
    read: Callable[[Section, Context], Content]
    #: gives them back
    write: Callable[[Version], Keys]
    #: key whose entries are written in one line each
    one_line: str = ""

    def version(self, section: Section, context: Context) -> Version:
        """Return what a document says, without a version's number."""
        name = self.kind.value
        object_id = section.id(name)
        key = {f"{name}_id": object_id, "update_date": 0}
        header = {
            **key,
            "valid_flag": 0,
            "public_flag": section.flag("public"),
            "user_name": section.text("owner", context.owner, most=100),
            f"{name}_name": section.label("name", object_id, most=64),
            "memo": section.optional_label("memo", most=100),
        }
        content = self.read(section, context)
        section.done()
        return Version(
            kind=self.kind,
            header={**header, **content.columns},
            parts={
                table.name: [{**key, **row} for row in rows]
                for table, rows in content.parts.items()
            },
        )

    def document(self, version: Version) -> Keys:
        """Return what a file says about a version."""
        name, header = self.kind.value, version.header
        keys: Keys = {name: header[id_column(self.kind).name], "name": header[f"{name}_name"]}
        keys["owner"] = header["user_name"]
        if header["public_flag"]:
            keys["public"] = True
        if header["memo"] is not None:
            keys["memo"] = header["memo"]
        return keys | self.write(version)
