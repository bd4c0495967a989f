"""A JOBNET icon follows its sub-jobnet: end, error, recovery (docs/flow.md, Sub-jobnets)."""

from __future__ import annotations

from collections.abc import Sequence

from jobarranger.db import icons as icon_rows
from jobarranger.db.values import Variables
from jobarranger.flow import stepping
from jobarranger.flow.work import Work
from jobarranger.icons import types_with
from jobarranger.model.records import Icon, Instance
from jobarranger.states import FlowType, IconEvent, IconStatus, JobnetStatus

_FOLLOWING = frozenset({IconStatus.RUN, IconStatus.RUNERR})


def follow(work: Work, sub: Instance, *, overdue: bool) -> None:
    """Bring the icon of a sub-jobnet into the state that the sub-jobnet has now.

    An icon that was skipped, or whose flow went on in spite of the error (continue flag), follows
    no longer.
    """
    for icon in work.load_icons([sub.icon_id]):
        if icon.overdue is not overdue:
            icon.overdue = overdue
            icon.changes["timeout_flag"] = int(overdue)
            work.suspects.add(icon.instance_id)
        went_on = icon.status is IconStatus.RUNERR and icon.continues
        if icon.status in _FOLLOWING and not went_on:
            _follow(work, icon, sub)


def _follow(work: Work, icon: Icon, sub: Instance) -> None:
    """Move an icon that follows its sub-jobnet."""
    match sub.status:
        case JobnetStatus.END:
            _end(work, icon, sub)
        case JobnetStatus.RUNERR if icon.status is IconStatus.RUN:
            _fail(work, icon)
        case JobnetStatus.RUN if icon.status is IconStatus.RUNERR:
            icon.move(IconStatus.RUN, end_time=0)
            work.suspects.add(icon.instance_id)
        case JobnetStatus.ENDERR:
            icon.move(IconStatus.ENDERR, end_time=work.now.second)
            work.event(IconEvent.FAILED, icon)
            work.suspects.add(icon.instance_id)
        case _:
            pass


def prefetch(work: Work, subs: Sequence[Instance]) -> None:
    """Read in sets what the ends of several sub-jobnets need; a single one reads it for itself."""
    if len(subs) < 2:
        return
    work.load_owners(subs)
    owners = work.load_icons([sub.icon_id for sub in subs])
    work.load_values(Variables.AFTER, [*owners, *_ends(work, [sub.id for sub in subs])])
    work.load_flows([owner.id for owner in owners])


def _ends(work: Work, subs: Sequence[int]) -> list[Icon]:
    """Lock and return the END icons of sub-jobnets that have finished, the last one last."""
    ends = types_with(lambda traits: traits.ends_jobnet)
    found = icon_rows.lock_ended(work.unit.conn, subs, ends)
    return work.adopt(Icon.from_row(row) for row in found)


def _end(work: Work, icon: Icon, sub: Instance) -> None:
    """End the icon with the exit code of the END icon that was reached, of several the last."""
    ends = _ends(work, [sub.id])
    work.load_values(Variables.AFTER, [icon, *ends])
    if ends:
        code = work.after[ends[-1].id].values().get("JOB_EXIT_CD", "0")
        work.after[icon.id].append("JOB_EXIT_CD", code)
    work.load_flows([icon.id])
    work.family(icon).steps += 1
    stepping.complete(work, icon)


def _fail(work: Work, icon: Icon) -> None:
    """Show the error of the sub-jobnet; the icon in it has raised the messages."""
    work.load_values(Variables.AFTER, [icon])
    work.after[icon.id].settle()
    work.log("JC90000002", work.instance(icon), icon)
    if icon.continues:
        work.load_flows([icon.id])
        stepping.fire(work, icon, FlowType.NORMAL)
    icon.move(IconStatus.RUNERR, end_time=work.now.second)
    work.event(IconEvent.FAILED, icon)
    work.suspects.add(icon.instance_id)
