"""Which outcomes of conditions an icon needs in order to run. Pure.

A requirement is a set of alternatives, each a set of outcomes that must come together, e.g. "IF-1
true and IF-2 false, or IF-3 true". What is said is on the safe side: an icon that may run, in
however odd a way, is never called one that cannot. So conditions that can be asked more than once
in a run (behind a loop that can close, or behind an if-end that joins parallel ways) count as
both true and false.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from jobarranger.definitions import graph
from jobarranger.definitions.flows import Flow
from jobarranger.icons import traits_of
from jobarranger.states import FlowType, JobType

#: A condition's icon and its outcome.
Outcome: TypeAlias = tuple[str, bool]
#: Alternatives of outcomes that must come together.
Requirement: TypeAlias = frozenset[frozenset[Outcome]]

NEVER: Requirement = frozenset()
ALWAYS: Requirement = frozenset({frozenset()})
#: Too much to be followed: counts as met, but nothing is concluded from it.
_UNSAID: frozenset[Outcome] = frozenset({("?", True)})
UNKNOWN: Requirement = frozenset({_UNSAID})

#: Rounds in which requirements go around loops before a drawing counts as a tangle.
_PASSES = 5

#: More alternatives, or more outcomes in one of them, are not followed (`UNKNOWN`).
MOST = 64

#: Combinations of outcomes that are tried in search of one that reaches no end.
_TRIALS = 2000


@dataclass(frozen=True, slots=True)
class Stuck:
    """An icon that waits for flows which never come together."""

    icon: str
    inputs: tuple[str, ...]  #: the icons whose flows exclude each other
    conditions: tuple[str, ...]  #: the conditions because of which they do


@dataclass(frozen=True, slots=True)
class Ways:
    """What can be said of a drawing's ways."""

    needs: Mapping[str, Requirement]  #: what each icon needs to run
    round: Mapping[str, Requirement]  #: the same without what loops bring in later rounds
    doubled: frozenset[str]  #: icons that may run more than once in one round
    meeting: tuple[str, ...]  #: if-end icons at which two flows can arrive in one run
    stuck: Stuck | None  #: the first icon that cannot run at all

    def rivals(self, icons: Iterable[str]) -> tuple[str, str] | None:
        """Return the first pair of icons that can both run in one round."""
        for one, other in combinations([name for name in icons if name not in self.doubled], 2):
            if _is_certain(_both(self.round[one], self.round[other])):
                return one, other
        return None


def follow(kinds: Mapping[str, int], flows: Sequence[Flow]) -> Ways:
    """Follow all flows of a drawing.

    The drawing must be whole (`structure.check`): circles only through loop icons.
    """
    drawing = _Drawing(kinds, flows)
    repeated: set[str] = set()
    meeting: list[str] = []
    while True:  # what runs twice because two flows arrive one after the other
        needs = drawing.needs(repeated)
        met = {name: drawing.meeting(name, needs, repeated) for name in drawing.order}
        met = {name: need for name, need in met.items() if need != NEVER}
        meeting = meeting or [name for name, need in met.items() if _is_certain(need)]
        more = graph.reached(met, drawing.arrows)
        if more <= repeated:
            break
        repeated |= more
    round_, doubled = needs, frozenset(repeated)
    closed: set[str] = set()
    while True:  # what runs twice because a loop closes
        needs = drawing.needs(repeated)
        closing = {end for start, end, _ in drawing.back if needs[start] != NEVER} - closed
        if not closing:
            break
        closed |= closing
        while closing:
            loop, again = drawing.loop_through(closing.pop(), doubled)
            repeated |= again
            closing -= loop
    stuck = next((name for name in drawing.order if needs[name] == NEVER), None)
    return Ways(
        needs,
        round_,
        doubled,
        tuple(meeting),
        None if stuck is None else drawing.explain(stuck, needs, repeated),
    )


class _Drawing:
    """Icons and flows, sorted for following them."""

    def __init__(self, kinds: Mapping[str, int], flows: Sequence[Flow]) -> None:
        self.kinds = kinds
        self.arrows = [(start, end) for start, end, _ in flows]
        self.behind = graph.successors(self.arrows)
        self.before = graph.successors((end, start) for start, end in self.arrows)
        closing = graph.closing(["START", *kinds], self.arrows)
        closers = {(cycle[-1], cycle[0]) for cycle in closing}
        self.back = [flow for flow in flows if flow[:2] in closers]
        forward = [flow for flow in flows if flow[:2] not in closers]
        self.order = graph.in_order(kinds, [(start, end) for start, end, _ in forward])
        self.inputs: dict[str, list[Flow]] = {name: [] for name in kinds}
        for flow in forward:
            self.inputs[flow[1]].append(flow)
        self.returns: dict[str, list[Flow]] = {name: [] for name in kinds}
        for flow in self.back:
            self.returns[flow[1]].append(flow)

    def needs(self, repeated: Collection[str]) -> dict[str, Requirement]:
        """Return what each icon needs to run."""
        needs = dict.fromkeys(self.order, NEVER)
        for _ in range(_PASSES if self.back else 1):
            before = dict(needs)
            for name in self.order:
                needs[name] = self._need(name, needs, repeated)
            if before == needs:
                return needs
        if self.back:  # a tangle of loops
            return needs | dict.fromkeys(
                graph.reached((end for _, end, _ in self.back), self.arrows), UNKNOWN
            )
        return needs

    def _need(
        self, name: str, needs: Mapping[str, Requirement], repeated: Collection[str]
    ) -> Requirement:
        """Return what an icon needs, from what the icons before it need."""
        if traits_of(self.kinds[name]).first_arrival:
            inputs = [*self.inputs[name], *self.returns[name]]
            return _either(_along(flow, needs, repeated) for flow in inputs)
        each = [_along(flow, needs, repeated) for flow in self.inputs[name]]
        if name in repeated:  # it counts arrivals, and one flow may fire twice
            return _either(each) if each else ALWAYS
        result = ALWAYS
        for one in each:
            result = _both(result, one)
        return result

    def meeting(
        self, name: str, needs: Mapping[str, Requirement], repeated: Collection[str]
    ) -> Requirement:
        """Return when two flows arrive at an icon one after the other, without a loop between."""
        found = NEVER
        if traits_of(self.kinds[name]).first_arrival:
            each = [_along(flow, needs, repeated) for flow in self.inputs[name]]
            for one, other in combinations(each, 2):
                found = _both(one, other) or found
                if _is_certain(found):
                    break
        return found

    def loop_through(self, icon: str, doubled: Collection[str]) -> tuple[set[str], set[str]]:
        """Return all icons on loops with this one, and those that run again when it is reached.

        A loop that is left once at most repeats nothing but itself: one without a parallel start,
        or one with a single way back and a single condition that leads out, through which every
        round goes.
        """
        after = graph.walk([icon], self.behind)
        loop = after & graph.walk([icon], self.before)
        once = not any(self.kinds[name] == JobType.M for name in loop)
        exits = [name for name in loop if not loop.issuperset(self.behind.get(name, ()))]
        ways_back = [start for start, end, _ in self.back if loop.issuperset((start, end))]
        single = len(ways_back) == len(exits) == 1 and traits_of(self.kinds[exits[0]]).chooses
        if not once and single:
            rest = loop - set(exits)
            once = not graph.closing(
                rest, [arrow for arrow in self.arrows if rest.issuperset(arrow)]
            )
        return loop, loop if once and loop.isdisjoint(doubled) else after

    def explain(
        self, icon: str, needs: Mapping[str, Requirement], repeated: Collection[str]
    ) -> Stuck:
        """Say which flows exclude each other, and why."""
        each = [(flow[0], _along(flow, needs, repeated)) for flow in self.inputs[icon]]
        for one, other in combinations(each, 2):
            if _both(one[1], other[1]) == NEVER:
                each = [one, other]
                break
        outcomes = {outcome for _, need in each for term in need for outcome in term}
        opposed = sorted({name for name, value in outcomes if (name, not value) in outcomes})
        return Stuck(icon, tuple(name for name, _ in each), tuple(opposed))


def missing(alternatives: Iterable[Requirement]) -> frozenset[Outcome] | None:
    """Return outcomes with which none of the requirements is met.

    None if there are no such outcomes, or if they are too hard to find.
    """
    terms: Requirement = frozenset().union(*alternatives)
    trials = [(frozenset[Outcome](), terms)]
    for _ in range(_TRIALS):
        if not trials:
            return None
        chosen, terms = trials.pop()
        if not terms:
            return chosen
        shortest = min(terms, key=lambda term: (len(term), sorted(term)))
        if shortest <= _UNSAID:
            continue  # met whatever else comes
        name = min(shortest - _UNSAID)[0]
        for value in (False, True):
            left = frozenset(
                term - {(name, value)} for term in terms if (name, not value) not in term
            )
            trials.append((chosen | {(name, value)}, left))
    return None


def _along(flow: Flow, needs: Mapping[str, Requirement], repeated: Collection[str]) -> Requirement:
    """Return what it needs for a flow to fire."""
    start, _, kind = flow
    if kind is FlowType.NORMAL or start in repeated:
        return needs[start]
    return _both(needs[start], frozenset({frozenset({(start, kind is FlowType.TRUE)})}))


def _both(one: Requirement, other: Requirement) -> Requirement:
    """Return what meets both."""
    found = set()
    for left in one:
        for right in other:
            term = left | right
            if not any((name, not value) in term for name, value in term):
                found.add(term)
    return _simple(found)


def _either(each: Iterable[Requirement]) -> Requirement:
    """Return what meets any."""
    return _simple(set().union(*each))


def _is_certain(requirement: Requirement) -> bool:
    """Return whether it can be met for all that is known."""
    return any(not term & _UNSAID for term in requirement)


def _simple(terms: set[frozenset[Outcome]]) -> Requirement:
    """Return the same with fewer alternatives: both outcomes of a condition are none."""
    found = terms
    while len(found) <= MOST and all(len(term) <= MOST for term in found):
        least = {term for term in found if not any(less < term for less in found)}
        if len(least) < 2:
            return frozenset(least)
        merged = {
            term - {(name, value)}
            for term in least
            for name, value in term
            if term - {(name, value)} | {(name, not value)} in least
        }
        if not merged:
            return frozenset(least)
        found = least | merged
    return UNKNOWN
