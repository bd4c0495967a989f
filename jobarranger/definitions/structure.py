"""The rules of a jobnet that may be put in force. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from jobarranger.definitions import graph, outcomes
from jobarranger.definitions.flows import Flow
from jobarranger.definitions.forms import Form
from jobarranger.definitions.forms.base import ANY
from jobarranger.errors import DefinitionError
from jobarranger.states import FlowType


def check(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> list[str]:
    """Check that a jobnet is whole and can run; return what is odd but may be meant.

    Raises:
        DefinitionError: names the icon or flow and the rule it breaks.
    """
    _check_ends(place, icons)
    _check_flows(place, icons, flows)
    _check_branches(place, icons, flows)
    _check_counts(place, icons, flows)
    _check_ways(place, icons, flows)
    _check_loops(place, icons, flows)
    return _doubts(place, icons, _check_waiting(place, icons, flows))


def _doubts(place: str, icons: Mapping[str, Form], ways: outcomes.Ways) -> list[str]:
    """Return what can go wrong in a run."""
    ends = [name for name, form in icons.items() if form.traits.ends_jobnet]
    found = [
        f"{place}.flows: {name} joins ways that can both be taken in one run, and may run once"
        " more for each that arrives later; a parallel-end icon waits for all of them"
        for name in ways.meeting
    ]
    if rivals := ways.rivals(ends):
        found.append(
            f"{place}.flows: {' and '.join(rivals)} can both be reached in one run, which is an"
            " error then"
        )
    unmet = outcomes.missing(ways.needs[name] for name in ends)
    if unmet is not None:
        when = " and ".join(f"{name} is {str(value).lower()}" for name, value in sorted(unmet))
        found.append(f"{place}.flows: when {when}, no end can be reached and the run never ends")
    return found


def _check_ends(place: str, icons: Mapping[str, Form]) -> None:
    """One START called START, at least one END."""
    starts = [name for name, form in icons.items() if form.traits.begins_jobnet]
    if starts != ["START"]:
        found = ", ".join(starts) or "none"
        raise DefinitionError(
            f"{place}.icons: exactly one start icon is needed and its id is START; found: {found}"
        )
    if not any(form.traits.ends_jobnet for form in icons.values()):
        raise DefinitionError(f"{place}.icons: at least one end icon is needed")


def _check_flows(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> None:
    """Flows lead from known icons to known icons."""
    for start, end, kind in flows:
        for name in (start, end):
            if name not in icons:
                raise DefinitionError(
                    f"{place}.flows: {start} -> {end} names the icon {name}, which does not exist"
                )
        if start == end:
            raise DefinitionError(f"{place}.flows: {start} -> {end} leads back into itself")
        if kind and not icons[start].traits.chooses:
            raise DefinitionError(
                f"{place}.flows: {start} -> {end} is a {kind.name.lower()} branch, but {start} is"
                f" a {icons[start].word} icon"
            )


def _check_branches(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> None:
    """A condition has one true and one false branch and no other flow out of it."""
    found = Counter((start, kind) for start, _, kind in flows)
    for name in (name for name, form in icons.items() if form.traits.chooses):
        true, false, plain = (
            found[name, kind] for kind in (FlowType.TRUE, FlowType.FALSE, FlowType.NORMAL)
        )
        if (true, false, plain) != (1, 1, 0):
            raise DefinitionError(
                f"{place}.flows: out of {name} lead {true} -true->, {false} -false-> and {plain}"
                " other flows; an if icon has exactly one -true-> and one -false->"
            )


def _check_counts(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> None:
    """Every icon has as many flows in and out as its kind allows."""
    incoming = Counter(end for _, end, _ in flows)
    outgoing = Counter(start for start, _, _ in flows)
    for name, form in icons.items():
        for count, limits, word in (
            (incoming[name], form.incoming, "into"),
            (outgoing[name], form.outgoing, "out of"),
        ):
            if not limits[0] <= count <= limits[1]:
                raise DefinitionError(
                    f"{place}.flows: {count} flows lead {word} {name}; a {form.word} icon has"
                    f" {_wording(limits)}"
                )


def _wording(limits: tuple[int, int]) -> str:
    """Return limits in words."""
    least, most = limits
    if least == most:
        return f"exactly {least}" if least else "none"
    return f"at least {least}" if most == ANY else f"{least} to {most}"


def _check_ways(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> None:
    """Every icon can be reached from START, and from every icon an end."""
    arrows = [(start, end) for start, end, _ in flows]
    reached = graph.reached(["START"], arrows)
    ends = [name for name, form in icons.items() if form.traits.ends_jobnet]
    leading = graph.reached(ends, [(end, start) for start, end in arrows])
    for name in icons:
        if name not in reached:
            raise DefinitionError(f"{place}.flows: the icon {name} cannot be reached from START")
        if name not in leading:
            raise DefinitionError(f"{place}.flows: no way leads from the icon {name} to an end")


def _check_loops(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> None:
    """A way that comes back to where it was goes through a loop icon."""
    arrows = [(start, end) for start, end, _ in flows if not icons[end].traits.marks_loop]
    for cycle in graph.closing(["START", *icons], arrows):
        way = " -> ".join([*cycle, cycle[0]])
        raise DefinitionError(
            f"{place}.flows: {way} goes in a circle without a loop icon; the way back must lead"
            " into one"
        )


def _check_waiting(place: str, icons: Mapping[str, Form], flows: Sequence[Flow]) -> outcomes.Ways:
    """No icon waits for flows of which one excludes the other; return what the flows show."""
    ways = outcomes.follow({name: form.kind for name, form in icons.items()}, flows)
    stuck = ways.stuck
    if stuck is not None:
        raise DefinitionError(
            f"{place}.flows: {stuck.icon} waits for {' and '.join(stuck.inputs)}, but"
            f" {' and '.join(stuck.conditions)} lets only one of them go on; branches of a"
            " condition meet in an if-end icon"
        )
    return ways
