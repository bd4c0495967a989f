"""Why an icon has not been reached: which arrows are missing, and from where. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from jobarranger.icons import traits_of
from jobarranger.states import IconStatus
from jobarranger.waiting.facts import FamilyFacts, IconFacts
from jobarranger.waiting.reach import Reach
from jobarranger.waiting.reasons import Reason


@dataclass(frozen=True, slots=True)
class Join:
    """Why an icon waits for arrows."""

    reason: Reason
    before: tuple[int, ...]  #: icons whose arrows are missing
    causes: tuple[int, ...]  #: those of them that have a reason of their own


def other_branches(family: FamilyFacts, helped: Reach) -> dict[int, int]:
    """Return icons that a condition has passed by, each with that condition.

    No arrow has fired into them, none can, and the way to them leads from a condition that has
    ended, at most over other such icons.
    """
    found: dict[int, int] = {}
    queue: deque[int] = deque()

    def pass_by(start: int, condition: int) -> None:
        for arrow in family.leaving.get(start, ()):
            icon = family.icons[arrow.end]
            if arrow.end not in found and _is_passed_by(family, icon, helped):
                found[arrow.end] = condition
                queue.append(arrow.end)

    for icon in family.icons.values():
        chooses = traits_of(icon.type).chooses
        if chooses and icon.is_over and icon.id not in helped.completing:
            pass_by(icon.id, icon.id)
    while queue:
        start = queue.popleft()
        pass_by(start, found[start])
    return found


def _is_passed_by(family: FamilyFacts, icon: IconFacts, helped: Reach) -> bool:
    """Return whether nothing has fired or will fire into an icon, and nothing failed before it."""
    before = [family.icons[arrow.start] for arrow in family.entering.get(icon.id, ())]
    return (
        icon.id not in helped.reached
        and icon.status is IconStatus.BEGIN
        and icon.end_count == 0
        and all(
            one.id not in helped.completing and (one.is_over or one.status is IconStatus.BEGIN)
            for one in before
        )
    )


def join(
    family: FamilyFacts, icon: IconFacts, alone: Reach, helped: Reach, branches: dict[int, int]
) -> Join:
    """Return why an icon that has not been reached waits."""
    before = [family.icons[arrow.start] for arrow in family.entering.get(icon.id, ())]
    if icon.id in alone.reached:
        return _join(Reason.ARROWS, [one for one in before if one.id in alone.completing])
    if icon.id in helped.reached:
        missing = [one for one in before if not one.is_over and one.id not in alone.completing]
        return _join(Reason.BLOCKED, missing or [one for one in before if not one.is_over])
    missing = [one for one in before if one.id not in helped.completing]
    if icon.id in branches:
        condition = branches[icon.id]
        return Join(Reason.OTHER_BRANCH, (condition,), ())
    lost = [one for one in missing if not one.is_over or traits_of(one.type).chooses]
    if icon.end_count or len(missing) < len(before):
        return _join(Reason.JOIN_INCOMPLETE, lost)
    return _join(Reason.UNREACHABLE, lost or before)


def _join(reason: Reason, missing: list[IconFacts]) -> Join:
    causes = tuple(one.id for one in missing if not one.is_over)
    return Join(reason, tuple(one.id for one in missing), causes)
