"""VALUE: assigns variables (docs/flow.md, VALUE)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db import icons as rows
from jobarranger.db import tables as t
from jobarranger.icons.base import Done, Failed, IconType, Outcome
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.model.records import Icon
from jobarranger.model.variables import UnknownVariable, resolve
from jobarranger.states import JobType


class Value(IconType):
    """The VALUE icon. Its assignments all see the input, not each other."""

    job_type = JobType.VALUE
    traits = Traits(word="value")
    tables = (SettingsTable(definition=t.icon_value, run=t.run_icon_value),)

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, dict[str, str]]:
        """Return each icon's assignments: name to text."""
        found: dict[int, dict[str, str]] = {}
        for row in rows.settings(conn, t.run_icon_value, ids):
            found.setdefault(row.inner_job_id, {})[row.value_name] = row.value
        return found

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Resolve every assignment against the input."""
        assigned = {}
        for name, text in (settings or {}).items():
            try:
                assigned[name] = resolve(text, values)
            except UnknownVariable:
                raised = m.render(m.JARUNICONVALUE200002, inner_job_id=icon.id, value=text)
                return Failed((raised,))
        return Done(assigned)


TYPES = (Value(),)
