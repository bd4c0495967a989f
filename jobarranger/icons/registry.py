"""The icon types by number: found in this package, asked for by everybody else.

A module of the package that has `TYPES` adds those types; nothing else has to be changed. Rows keep
the plain number of their type, so one that no module knows is no special case: such an icon
fails when it starts, and nothing can be done to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import Table

import jobarranger.icons as package
from jobarranger.icons.base import IconType
from jobarranger.icons.traits import Traits
from jobarranger.icons.unbuilt import Unbuilt
from jobarranger.states import JobType


def discover() -> Iterator[IconType]:
    """Yield the types of all modules of the package."""
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        yield from getattr(import_module(found.name), "TYPES", ())


def by_number(types: Iterator[IconType]) -> dict[int, IconType]:
    """Return types by their numbers.

    Raises:
        ValueError: two types have one number.
    """
    found: dict[int, IconType] = {}
    for one in types:
        if one.job_type in found:
            raise ValueError(f"two icon types have the number {one.job_type}")
        found[int(one.job_type)] = one
    return found


#: Every known type by `job_type`.
REGISTRY: dict[int, IconType] = by_number(discover())


def icon_type(number: int) -> IconType:
    """Return a type; for a number that is not known, one whose icons fail."""
    return REGISTRY.get(number) or _unknown(number)


@cache
def _unknown(number: int) -> IconType:
    return Unbuilt(number, Traits(word=f"type {number}", skippable=False, rerunnable=False))


def traits_of(number: int) -> Traits:
    """Return the traits of a type."""
    return icon_type(number).traits


def types_with(trait: Callable[[Traits], bool]) -> frozenset[int]:
    """Return the numbers of all types that have a trait, e.g. for a statement."""
    return frozenset(number for number, one in REGISTRY.items() if trait(one.traits))


def asked_by(telegram: str) -> Traits:
    """Return the traits of a type that sends such jobrun telegrams (JOB's if there is none)."""
    found = [one.traits for one in REGISTRY.values() if one.traits.telegram == telegram != ""]
    return found[0] if found else REGISTRY[JobType.JOB].traits


def name_of(number: int) -> str:
    """Return what messages call a type: the name of its number, as far as there is one."""
    if number in set(JobType):
        return JobType(number).name
    return REGISTRY[number].traits.word if number in REGISTRY else str(number)


def settings_tables() -> dict[int, tuple[Table, ...]]:
    """Return the tables that hold the settings of each type in definitions."""
    return {number: tuple(s.definition for s in one.tables) for number, one in REGISTRY.items()}


def run_settings_tables() -> dict[Table, set[int]]:
    """Return the tables that hold settings in runs, each with the types that have rows there."""
    found: dict[Table, set[int]] = {}
    for number, one in REGISTRY.items():
        for settings in one.tables:
            found.setdefault(settings.run, set()).add(number)
    return found
