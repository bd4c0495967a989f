"""Public holidays of countries; needs the package `holidays` (an extra of the installation)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from jobarranger.errors import DefinitionError

if TYPE_CHECKING:
    from types import ModuleType


def public_holidays(place: str, region: str, first: date, last: date) -> Iterator[date]:
    """Return the public holidays of a country (`JP`) or a part of it (`DE-BY`), both ends included.

    Raises:
        DefinitionError: the package is missing or does not know the region.
    """
    country, _, part = region.partition("-")
    try:
        found = _package(place).country_holidays(
            country, subdiv=part or None, years=range(first.year, last.year + 1)
        )
    except NotImplementedError as error:
        raise DefinitionError(
            f"{place}: {region!r} is no country or part of one with known holidays,"
            " as JP and DE-BY are"
        ) from error
    return (day for day in found if first <= day <= last)


def _package(place: str) -> ModuleType:
    """Return the package."""
    try:
        import holidays
    except ImportError as error:
        raise DefinitionError(
            f"{place}: public holidays need the Python package holidays:"
            " pip install 'jobarranger[holidays]'"
        ) from error
    return holidays
