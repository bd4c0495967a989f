"""Flows as chains: `START -> JOB-1 -> END-1`, branches of a condition `IF-1 -true-> JOB-2`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobarranger.errors import DefinitionError
from jobarranger.states import FlowType

_ARROW = re.compile(r"\s+-(?:(true|false)-)?>\s+")
_TYPES = {None: FlowType.NORMAL, "true": FlowType.TRUE, "false": FlowType.FALSE}

#: One flow: from icon, to icon, type.
Flow = tuple[str, str, FlowType]


def parse_flows(place: str, chains: object) -> list[Flow]:
    """Return the flows of all chains.

    Raises:
        DefinitionError: a chain cannot be read, or a flow is named twice.
    """
    if isinstance(chains, str) or not isinstance(chains, Sequence):
        raise DefinitionError(f"{place}: {chains!r} is not a list of chains like 'START -> JOB-1'")
    flows: list[Flow] = []
    for number, chain in enumerate(chains, 1):
        flows += _parse_chain(f"{place}[{number}]", chain)
    seen: set[tuple[str, str]] = set()
    for start, end, _ in flows:
        if (start, end) in seen:
            raise DefinitionError(f"{place}: the flow {start} -> {end} is named twice")
        seen.add((start, end))
    return flows


def _parse_chain(place: str, chain: object) -> list[Flow]:
    """Return the flows of one chain."""
    if not isinstance(chain, str):
        raise DefinitionError(f"{place}: {chain!r} is not a chain like 'START -> JOB-1 -> END-1'")
    parts = _ARROW.split(chain.strip())
    icons, arrows = parts[::2], parts[1::2]
    if len(icons) < 2 or not all(icons) or any(re.search(r"\s|>", icon) for icon in icons):
        raise DefinitionError(f"{place}: {chain!r} is not a chain like 'START -> JOB-1 -> END-1'")
    return [
        (start, end, _TYPES[arrow])
        for start, end, arrow in zip(icons, icons[1:], arrows, strict=False)
    ]
