"""Where icons stand on the Manager's canvas when a file does not say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobarranger.definitions import graph
from jobarranger.definitions.flows import Flow

#: Distance of columns and rows, and the first place (pixels).
STEP_X, STEP_Y, LEFT, TOP = 120, 90, 60, 60


def place_icons(icons: Iterable[str], flows: Sequence[Flow]) -> dict[str, tuple[int, int]]:
    """Return a place for each icon: columns by distance from START, rows in order of the file.

    The flow that closes a loop leads back to an earlier column.
    """
    names = list(icons)
    arrows = [(start, end) for start, end, _ in flows]
    back = {(cycle[-1], cycle[0]) for cycle in graph.closing(["START", *names], arrows)}
    forward = [arrow for arrow in arrows if arrow not in back]
    behind = graph.successors(forward)
    column = dict.fromkeys(names, 0)
    for name in graph.in_order(names, forward):
        for end in behind.get(name, ()):
            column[end] = max(column[end], column[name] + 1)
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for name in names:
        row = rows.get(column[name], 0)
        rows[column[name]] = row + 1
        places[name] = (LEFT + STEP_X * column[name], TOP + STEP_Y * row)
    return places
