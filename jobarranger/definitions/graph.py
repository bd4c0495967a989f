"""What can be said of a drawing from its flows alone: cycles, and an order without them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

#: From icon, to icon.
Arrow: TypeAlias = tuple[str, str]


def successors(arrows: Iterable[Arrow]) -> dict[str, list[str]]:
    """Return the icons behind each icon, in the order of the arrows."""
    behind: dict[str, list[str]] = defaultdict(list)
    for start, end in arrows:
        behind[start].append(end)
    return behind


def reached(first: Iterable[str], arrows: Iterable[Arrow]) -> set[str]:
    """Return the icons that can be reached from the first ones, with these."""
    return walk(first, successors(arrows))


def walk(first: Iterable[str], behind: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the same, of arrows that are sorted already (`successors`)."""
    found = set(first)
    waiting = list(found)
    while waiting:
        more = [end for end in behind.get(waiting.pop(), ()) if end not in found]
        found.update(more)
        waiting += more
    return found


def closing(first: Iterable[str], arrows: Sequence[Arrow]) -> list[list[str]]:
    """Return cycles, each as the icons from the one it enters to the one it comes back from.

    Found by a walk into the depth from the first icons on: without the arrows that close these
    cycles, none is left among the icons walked over.
    """
    behind = successors(arrows)
    done: set[str] = set()
    found: list[list[str]] = []
    for root in first:
        if root in done:
            continue
        path: dict[str, Iterator[str]] = {root: iter(behind.get(root, ()))}
        while path:
            here = next(reversed(path))
            end = next(path[here], None)
            if end is None:
                del path[here]
                done.add(here)
            elif end in path:
                names = list(path)
                found.append(names[names.index(end) :])
            elif end not in done:
                path[end] = iter(behind.get(end, ()))
    return found


def in_order(names: Iterable[str], arrows: Sequence[Arrow]) -> list[str]:
    """Return the icons so that arrows lead forwards; icons on cycles are left out."""
    behind = successors(arrows)
    missing = dict.fromkeys(names, 0)
    for _, end in arrows:
        missing[end] += 1
    ready = [name for name, count in missing.items() if not count]
    ordered: list[str] = []
    for name in ready:  # grows while it is walked
        ordered.append(name)
        for end in behind.get(name, ()):
            missing[end] -= 1
            if not missing[end]:
                ready.append(end)
    return ordered
