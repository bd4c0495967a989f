"""The kinds of definition beside jobnets, as they stand in YAML files; one module for each."""

from __future__ import annotations

from jobarranger.definitions.kindform import KindForm
from jobarranger.definitions.kinds import calendars, filters, schedules
from jobarranger.states import ObjectKind

KINDS: dict[ObjectKind, KindForm] = {
    module.FORM.kind: module.FORM for module in (calendars, filters, schedules)
}
