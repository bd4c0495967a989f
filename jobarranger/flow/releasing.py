"""Release held icons by their path (docs/protocol.md, job.release).

A step that touches several families resolves its targets without locks, locks all main runs in
ascending order, resolves again, and starts over if the targets have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from jobarranger.db import releases, runs
from jobarranger.db.engine import Database, Unit
from jobarranger.db.releases import Target
from jobarranger.errors import JobArrangerError, StateConflict
from jobarranger.names import ID, can_be, shown
from jobarranger.states import MethodFlag
from jobarranger.wakes import Role

#: Characters of a path: sixty icons inside each other.
_LONGEST_PATH = 2_047


class ReleaseRefused(JobArrangerError):
    """Nothing is released; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """Which held icon, in which runs."""

    jobnet_id: str
    path: tuple[str, ...]  #: JOBNET icons from the outside in, then the held icon
    number: int | None = None  #: of one run; None: all running ones of the jobnet
    started: str = ""  #: leading digits of their start time


#: Says whether the asking person may operate a run of this owner and public flag.
MayUse = Callable[[Connection, str, int], bool]


def read_path(text: str) -> tuple[str, tuple[str, ...]]:
    """Return jobnet id and path below it. Pure.

    Raises:
        ReleaseRefused: the text is no path.
    """
    jobnet_id, *path = text[: _LONGEST_PATH + 1].split("/")
    fits = len(text) <= _LONGEST_PATH and all(can_be(one, ID) for one in (jobnet_id, *path))
    if not path or not fits:
        raise ReleaseRefused("the path must have the form <jobnet id>/<job id>")
    return jobnet_id, tuple(path)


def decide(
    request: ReleaseRequest, targets: Sequence[Target], allowed: Mapping[int, bool]
) -> list[Target]:
    """Return the icons to be released. Pure.

    Args:
        request: what was asked for.
        targets: the runs that fit, each with the icon found at the path.
        allowed: by number of the run, whether the asking person may operate it.

    Raises:
        ReleaseRefused: no run that the person may operate fits, the path leads nowhere, the icon is
            not held.
    """
    chosen = [one for one in targets if allowed[one.main_id]]
    if not chosen:
        raise ReleaseRefused(f"there is no running jobnet [{shown(request.jobnet_id)}] that fits")
    path = shown("/".join((request.jobnet_id, *request.path)), _LONGEST_PATH)
    for one in chosen:
        if one.icon_id is None:
            raise ReleaseRefused(f"[{path}] does not exist in run {one.main_id}")
        if one.method != MethodFlag.WAIT:
            raise ReleaseRefused(f"[{path}] is not on hold in run {one.main_id}")
    return chosen


def release(
    db: Database, request: ReleaseRequest, may_use: MayUse, note: Callable[[Unit, str], None]
) -> list[int]:
    """Release the icon in all runs that fit, or in none; return the numbers of the runs.

    Args:
        db: the database.
        request: which icon.
        may_use: the right of the asking person.
        note: writes one line of the audit trail, given the target.

    Raises:
        ReleaseRefused: why nothing was released.
    """

    def work(unit: Unit) -> list[int]:
        chosen = _resolve(unit.conn, request, may_use)
        mains = sorted(one.main_id for one in chosen)
        runs.lock_mains(unit.conn, mains, wait=True)
        if _resolve(unit.conn, request, may_use) != chosen:
            raise StateConflict("the runs to be released have changed")
        icons = sorted(one.icon_id for one in chosen if one.icon_id is not None)
        unit.update_exactly(releases.unhold(icons), len(icons), "release of held icons")
        for main in mains:
            note(unit, "/".join((request.jobnet_id, *request.path)) + f" in {main}")
        unit.wake(Role.RUN, *mains)
        return mains

    return db.transaction(work)


def _resolve(conn: Connection, request: ReleaseRequest, may_use: MayUse) -> list[Target]:
    found = releases.targets(
        conn, request.jobnet_id, request.path, number=request.number, started=request.started
    )
    allowed = {one.main_id: may_use(conn, one.owner, one.public) for one in found}
    return decide(request, found, allowed)
