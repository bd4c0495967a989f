"""Two arrivals that are one: branches of one parallel start at IFEND and L (docs/flow.md). Pure.

IFEND and L start at the first arrow that arrives and again at each later one. When branches of one
parallel start lead there, their arrows arrive shortly after one another; all of them belong to the
same arrival. What distinguishes them from the next round of a loop is the drawing: the fork they
come from, and whether that fork has run again since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from jobarranger.states import FlowType


@dataclass(frozen=True, slots=True)
class Drawing:
    """The arrows of one instance."""

    after: Mapping[int, Sequence[tuple[int, FlowType]]]  #: icon -> (icon behind it, kind of arrow)
    before: dict[int, list[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Turn the arrows round, too."""
        for start, arrows in self.after.items():
            for end, _ in arrows:
                self.before.setdefault(end, []).append(start)

    def leading_to(self, icons: Collection[int], without: Collection[int]) -> set[int]:
        """Return the icons from which one of `icons` can be reached (themselves included)."""
        found: set[int] = set()
        waiting = [icon for icon in icons if icon not in without]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [start for start in self.before.get(one, ()) if start not in without]
        return found


def shared_forks(drawing: Drawing, source: int, target: int) -> set[int]:
    """Return the parallel starts whose branches meet at `target`, one of them through `source`.

    A parallel start is an icon that fires several arrows at once. A branch that comes back from
    `target` itself without passing the fork is a loop, no branch.
    """
    forks = {
        icon
        for icon, arrows in drawing.after.items()
        if icon != target and sum(kind is FlowType.NORMAL for _, kind in arrows) > 1
    }
    return {fork for fork in forks if _meets(drawing, fork, source, target)}


def _meets(drawing: Drawing, fork: int, source: int, target: int) -> bool:
    """Say whether two branches of a fork end in `target`, one through the arrow from `source`."""
    mine = _branches(drawing, fork, [source], target)
    if not mine or target in drawing.leading_to([source], without=[fork]):  # a loop
        return False
    others = [other for other in drawing.before.get(target, ()) if other != source]
    theirs = _branches(drawing, fork, others, target)
    return bool(theirs) and len(mine | theirs) > 1


def _branches(drawing: Drawing, fork: int, sources: Collection[int], target: int) -> set[int]:
    """Return the first icons of the fork's branches that end in arrows from `sources` to target."""
    on_the_way = drawing.leading_to(sources, without=[fork, target])
    found = {
        end
        for end, kind in drawing.after.get(fork, ())
        if kind is FlowType.NORMAL and end in on_the_way
    }
    return found | {target} if fork in sources else found
