"""The icon types: one module each behind one small interface, and their registry."""

from __future__ import annotations

from jobarranger.icons.base import (
    Dispatched,
    Done,
    Entered,
    Failed,
    Failure,
    Finished,
    IconType,
    Outcome,
    Running,
)
from jobarranger.icons.registry import (
    REGISTRY,
    asked_by,
    icon_type,
    name_of,
    run_settings_tables,
    settings_tables,
    traits_of,
    types_with,
)
from jobarranger.icons.traits import SettingsTable, Traits

__all__ = [
    "REGISTRY",
    "Dispatched",
    "Done",
    "Entered",
    "Failed",
    "Failure",
    "Finished",
    "IconType",
    "Outcome",
    "Running",
    "SettingsTable",
    "Traits",
    "asked_by",
    "icon_type",
    "name_of",
    "run_settings_tables",
    "settings_tables",
    "traits_of",
    "types_with",
]
