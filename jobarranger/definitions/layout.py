"""Where icons stand on the Manager's canvas when a file does not say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobarranger.definitions.flows import Flow

#: Distance of columns and rows, and the first place (pixels).
STEP_X, STEP_Y, LEFT, TOP = 120, 90, 60, 60


def place_icons(icons: Iterable[str], flows: Sequence[Flow]) -> dict[str, tuple[int, int]]:
    """Return a place for each icon: columns by distance from START, rows in order of the file."""
    names = list(icons)
    column = dict.fromkeys(names, 0)
    for _ in names:  # distances of a loop-free graph settle within that many rounds
        changed = False
        for start, end, _kind in flows:
            further = min(column[start] + 1, len(names))
            if further > column[end] and column[start] < len(names):
                column[end], changed = further, True
        if not changed:
            break
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for name in names:
        row = rows.get(column[name], 0)
        rows[column[name]] = row + 1
        places[name] = (LEFT + STEP_X * column[name], TOP + STEP_Y * row)
    return places
