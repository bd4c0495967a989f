"""Jobnet definitions kept from batch to batch, so that each is read once per change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection

from jobarranger.db.definitions import Definition, Values, VersionKey, read_tree, valid_headers
from jobarranger.icons import settings_tables
from jobarranger.loading.expand import Library
from jobarranger.loading.templates import Template

#: Icons of all definitions that are kept (some kilobytes each).
MOST_ICONS = 5000


@dataclass(slots=True)
class DefinitionCache:
    """Definitions by version; the oldest go when there are too many."""

    definitions: dict[VersionKey, Definition] = field(default_factory=dict)
    templates: dict[VersionKey, Template] = field(default_factory=dict)

    def read(
        self, conn: Connection, jobnet_ids: Collection[str]
    ) -> tuple[dict[str, Values], Library]:
        """Return the versions in force, and all that their runs are made of.

        Which version is in force is always asked; only the content of versions is kept.
        """
        headers = valid_headers(conn, jobnet_ids)
        keys = {(name, header["update_date"]) for name, header in headers.items()}
        found, valid = read_tree(conn, keys, settings_tables(), self.definitions)
        self.definitions |= found
        return headers, Library(found, valid, self.templates)

    def trim(self) -> None:
        """Drop the oldest definitions if there are too many; between batches only."""
        icons = sum(len(one.icons) for one in self.definitions.values())
        while icons > MOST_ICONS:
            key = next(iter(self.definitions))
            icons -= len(self.definitions.pop(key).icons)
            self.templates.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self.definitions.clear()
        self.templates.clear()
