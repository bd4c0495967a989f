"""Which icons can still be reached: by themselves, or if people help. Pure.

An icon counts as reached when it is ready, at work or failed, or can become ready in future; it
*completes* when its arrows can fire. Two answers are wanted:

* alone: nobody does anything. What is held or failed completes nothing.
* helped: people release, run again and skip whatever can be. What even this does not reach is
  never reached. Here doubts are decided in favour of "can be reached", so that "never" is true.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from jobarranger.icons import traits_of
from jobarranger.states import ACTIVE_JOBNET, IconStatus, JobnetStatus
from jobarranger.waiting.facts import FamilyFacts, IconFacts

_REACHED = frozenset({IconStatus.READY, IconStatus.RUN, IconStatus.ABORT, IconStatus.RUNERR})
_OVER = frozenset({JobnetStatus.END, JobnetStatus.ENDERR})


class Reach:
    """The icons of a family that can be reached, and those whose arrows can still fire."""

    def __init__(self, family: FamilyFacts, *, helped: bool) -> None:
        self._family = family
        self._helped = helped
        self._repeating = _repeating(family) if helped else frozenset[int]()
        self.reached: set[int] = set()
        self.completing: set[int] = set()
        self._arrived: dict[int, int] = {}
        self._spread()

    def _spread(self) -> None:
        """Follow the arrows of what can complete until nothing new is found."""
        queue = deque(icon.id for icon in self._family.icons.values() if self._is_reached(icon))
        self.reached.update(queue)
        while queue:
            icon = self._family.icons[queue.popleft()]
            if icon.id in self.completing or not self._completes(icon):
                continue
            self.completing.add(icon.id)
            for found in self._after(icon):
                self.reached.add(found)
                queue.append(found)

    def _is_reached(self, icon: IconFacts) -> bool:
        """Return whether an icon is reached at present."""
        instance = self._family.instances.get(icon.instance_id)
        if instance is None or instance.status in _OVER:
            return False
        if icon.status is IconStatus.BEGIN and traits_of(icon.type).begins_jobnet:
            return instance.id == self._family.registry or instance.status in ACTIVE_JOBNET
        return icon.status in _REACHED and not icon.is_over

    def _after(self, icon: IconFacts) -> Iterable[int]:
        """Return what the completion of an icon reaches for the first time."""
        for arrow in self._family.leaving.get(icon.id, ()):
            self._arrived[arrow.end] = self._arrived.get(arrow.end, 0) + 1
            if arrow.end not in self.reached and self._suffices(arrow.start, arrow.end):
                yield arrow.end
        child = self._family.children.get(icon.id)
        if child is not None and icon.status not in {IconStatus.RUN, IconStatus.RUNERR}:
            for inner in self._family.inside.get(child.id, ()):
                if traits_of(inner.type).begins_jobnet and inner.id not in self.reached:
                    yield inner.id
        if traits_of(icon.type).ends_jobnet:
            owner = self._family.instances[icon.instance_id].icon_id
            if owner in self.reached and owner not in self.completing:
                yield owner

    def _suffices(self, start: int, end: int) -> bool:
        """Return whether the arrows that can fire are enough for an icon to become ready."""
        icon = self._family.icons[end]
        if icon.status is IconStatus.BEGIN:
            needed = icon.boot_count - icon.end_count
        elif icon.is_over and not icon.test and not traits_of(icon.type).ends_jobnet:
            needed = icon.boot_count  # a loop: it begins anew
        else:
            return False
        if traits_of(icon.type).first_arrival or start in self._repeating:
            return True
        return self._arrived[end] >= max(1, needed)

    def _completes(self, icon: IconFacts) -> bool:
        """Return whether a reached icon can complete."""
        if self._family.summary is not None and self._family.summary.is_stopping:
            return False
        match icon.status:
            case IconStatus.RUN:
                return self._inner_ends(icon)
            case IconStatus.RUNERR if not icon.is_over:
                if traits_of(icon.type).contains_jobnet and icon.id in self._family.children:
                    return self._inner_ends(icon)
                return self._helped
            case IconStatus.ABORT:
                return self._helped or icon.continues
            case _:
                return self._helped or not icon.is_held

    def _inner_ends(self, icon: IconFacts) -> bool:
        """Return whether the sub-jobnet of a JOBNET icon at work can end; True for other icons."""
        contains = traits_of(icon.type).contains_jobnet
        child = self._family.children.get(icon.id) if contains else None
        if child is None or child.status is JobnetStatus.END:
            return True
        if child.status is JobnetStatus.ENDERR:
            return False
        if child.status not in ACTIVE_JOBNET:
            return True  # about to be started
        inside = self._family.inside.get(child.id, ())
        ends = [one for one in inside if traits_of(one.type).ends_jobnet]
        return any(one.id in self.completing or one.status is IconStatus.END for one in ends)


def _repeating(family: FamilyFacts) -> frozenset[int]:
    """Return icons that may fire more than once: in loops, behind several arrivals, and behind.

    What is left after taking away, again and again, icons that nothing left leads to.
    """
    waiting = {icon: len(family.entering.get(icon, ())) for icon in family.icons}
    several = {
        icon.id
        for icon in family.icons.values()
        if traits_of(icon.type).first_arrival and waiting[icon.id] > 1
    }
    free = deque(icon for icon, count in waiting.items() if not count)
    once: set[int] = set()
    while free:
        icon = free.popleft()
        once.add(icon)
        for arrow in family.leaving.get(icon, ()):
            waiting[arrow.end] -= 1
            if waiting[arrow.end] == 0 and arrow.end not in several:
                free.append(arrow.end)
    return frozenset(family.icons.keys() - once)
