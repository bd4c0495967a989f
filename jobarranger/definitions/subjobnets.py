"""Jobnets inside jobnets: nobody may contain itself, however far inside. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from jobarranger.definitions import graph
from jobarranger.errors import DefinitionError


def check_nesting(links: Mapping[str, Collection[str]], first: Iterable[str]) -> None:
    """Follow the jobnets inside each of the first ones.

    Raises:
        DefinitionError: names the whole chain of the first circle that is found.
    """
    arrows = [(name, inner) for name in links for inner in sorted(links[name])]
    for circle in graph.closing(sorted(first), arrows):
        chain = " -> ".join([*circle, circle[0]])
        raise DefinitionError(f"jobnets contain each other: {chain}")
