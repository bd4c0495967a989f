"""From an icon to where the trouble begins. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from jobarranger.waiting.explain import Explained
from jobarranger.waiting.reasons import THE_RUN, Need, Why

#: In which order roots are looked for: what needs people first.
_ORDER = (Need.OPERATOR, Need.TIME, Need.NOBODY)


@dataclass(frozen=True, slots=True)
class CauseWays:
    """For each icon that has not ended, the way to what its waiting is due to.

    The way is the shortest one to something that needs people, if there is such a thing;
    otherwise to whatever is waited for.
    """

    known: Mapping[int, Why]
    onward: Mapping[int, int]  #: the next one on the way; a root leads to itself
    ends: Mapping[int, int]  #: the root

    def cause(self, subject: int) -> Why | None:
        """Return where the way ends: the reason itself if it is due to nothing else."""
        end = self.ends.get(subject, subject)  # those that only wait for each other have none
        return self.known.get(end)

    def chain(self, subject: int) -> tuple[Why, ...]:
        """Return the whole way, the icon's own reason first; empty if it has ended."""
        if subject not in self.known:
            return ()
        way = [self.known[subject]]
        while (following := self.onward.get(subject, subject)) != subject:
            subject = following
            way.append(self.known[subject])
        return tuple(way)

    def roots(self, subject: int) -> list[Why]:
        """Return all that an icon waits for in the end, what needs people first."""
        if subject not in self.known:
            return []
        queue, found = deque([subject]), list[Why]()
        seen = {subject}
        while queue:
            why = self.known[queue.popleft()]
            causes = _causes(self.known, why)
            if not causes:
                found.append(why)
            fresh = [cause for cause in causes if cause not in seen]
            seen.update(fresh)
            queue += fresh
        return sorted(found, key=lambda why: _ORDER.index(why.need))


def ways(explained: Explained) -> CauseWays:
    """Return the ways of all icons: one walk over all causes, from the roots."""
    known: dict[int, Why] = dict(explained.icons)
    if explained.run is not None:
        known[THE_RUN] = explained.run
    effects: dict[int, list[int]] = {}
    starts: list[int] = []
    for subject, why in known.items():
        causes = _causes(known, why)
        for cause in causes:
            effects.setdefault(cause, []).append(subject)
        if not causes:
            starts.append(subject)
    onward: dict[int, int] = {}
    ends: dict[int, int] = {}
    for need in _ORDER:
        queue = deque(start for start in starts if known[start].need is need)
        onward.update((start, start) for start in queue)
        ends.update((start, start) for start in queue)
        while queue:
            cause = queue.popleft()
            for effect in effects.get(cause, ()):
                if effect not in onward:
                    onward[effect], ends[effect] = cause, ends[cause]
                    queue.append(effect)
    return CauseWays(known, onward, ends)


def _causes(known: Mapping[int, Why], why: Why) -> list[int]:
    """Return the causes that lead on.

    What is as it should be is no cause of anything; and the run is a cause of its icons while it
    has not begun, but then nothing in it is a cause of it.
    """
    if why.subject == THE_RUN:
        return []
    return [c for c in why.causes if c in known and known[c].need is not Need.NOBODY]
