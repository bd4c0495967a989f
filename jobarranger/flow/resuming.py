"""Continue what another server has left half done (docs/flow.md, Runs of an original server).

The original's processes handed runs on to each other by the tables, so a database taken over from
it may hold what our own transactions never leave: instances that are to begin, and JOBNET icons
that have not followed their sub-jobnets yet.
"""

from __future__ import annotations

from collections.abc import Collection

from jobarranger.db.values import Variables
from jobarranger.flow import beginning, stepping, subjobnets
from jobarranger.flow.starting import start_jobnets
from jobarranger.flow.work import Work
from jobarranger.icons import Dispatched, icon_type
from jobarranger.model.records import Instance
from jobarranger.requests.rows import of_icons
from jobarranger.states import (
    ACTIVE_JOBNET,
    AWAITING_RESULT,
    DispatchState,
    IconStatus,
    JobnetStatus,
)

_FOLLOWED = frozenset({JobnetStatus.END, JobnetStatus.RUNERR, JobnetStatus.ENDERR})


def resume(work: Work, instances: Collection[int]) -> None:
    """Let instances go on, as far as they wait for something that nobody will do any more."""
    found = [work.instances[one] for one in sorted(instances) if one in work.instances]
    start_jobnets(work, [one.id for one in found if one.is_main])
    for instance in found:
        if not instance.is_main:
            _resume_sub_jobnet(work, instance)


def _resume_sub_jobnet(work: Work, sub: Instance) -> None:
    """Begin a sub-jobnet whose icon has started, or let the icon follow it."""
    for icon in work.load_icons([sub.icon_id]):
        if work.instance(icon).status not in ACTIVE_JOBNET:
            continue
        if sub.status in _FOLLOWED:
            subjobnets.follow(work, sub, overdue=bool(sub.timeout_flag))
        elif sub.status is JobnetStatus.READY and icon.status is IconStatus.RUN:
            beginning.prefetch(work, [sub.id])
            obstacle = beginning.enter(work, icon, {}, sub.id)
            if obstacle:
                stepping.fail(work, icon, [obstacle])


def adopt_jobs(work: Work, ids: Collection[int]) -> None:
    """Note for running icons what another server has asked agents for.

    Their results, stops and warnings need that request. One whose host cannot be known is left
    alone, and so is one that another process has taken over meanwhile.
    """
    icons = [icon for icon in work.load_icons(sorted(ids)) if icon.status in AWAITING_RESULT]
    noted = of_icons.last_attempts(work.unit.conn, ids)
    icons = [icon for icon in icons if icon.id not in noted]
    settings = stepping.settings_of(work, icons)
    work.load_values(Variables.BEFORE, icons)
    for icon in icons:
        values = work.before[icon.id].values()
        outcome = icon_type(icon.type).start(icon, settings.get(icon.id), values)
        if isinstance(outcome, Dispatched):
            sent = {
                "state": int(DispatchState.ACCEPTED),
                "sending_at": work.now.at,
                "accepted_at": work.now.at,
            }
            work.dispatches.append(stepping.request(work, icon, outcome, 1) | sent)
