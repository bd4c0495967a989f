"""Flows as chains: `START -> JOB-1 -> END-1`, branches of a condition `IF-1 -true-> JOB-2`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobarranger.errors import DefinitionError
from jobarranger.states import FlowType

_ARROW = re.compile(r"\s+-(?:(true|false)-)?>\s+")
_TYPES = {None: FlowType.NORMAL, "true": FlowType.TRUE, "false": FlowType.FALSE}

_ARROWS = {FlowType.NORMAL: "->", FlowType.TRUE: "-true->", FlowType.FALSE: "-false->"}

#: A chain of this length is not made longer (characters).
_LONG = 70

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


def write_chains(names: Sequence[str], flows: Sequence[Flow]) -> list[str]:
    """Return chains for all flows: each goes on as far as it can, in the order of the icons.

    A chain that grows too long goes on in the next one.
    """
    place = {name: number for number, name in enumerate(names)}
    left: dict[str, list[Flow]] = {name: [] for name in names}
    for flow in sorted(flows, key=lambda flow: (place[flow[1]], flow[2])):
        left[flow[0]].append(flow)
    chains: list[str] = []
    waiting = list(reversed(names))
    while waiting:
        name = waiting.pop()
        if left[name]:
            chain, here = name, name
            while left[here] and len(chain) < _LONG:
                _, here, kind = left[here].pop(0)
                chain += f" {_ARROWS[kind]} {here}"
            chains.append(chain)
            waiting += [name, here]
    return chains


def parse_flow(place: str, text: str) -> Flow:
    """Return the one flow of a text like `JOB-1 -> JOB-2`."""
    flows = _parse_chain(place, text)
    if len(flows) != 1:
        raise DefinitionError(f"{place}: {text!r} is not one flow like 'JOB-1 -> JOB-2'")
    return flows[0]


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
