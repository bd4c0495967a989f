"""What a jobnet instance is to become, by the state of its icons. Pure.

The rules stand in docs/flow.md, Judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jobarranger.model.census import Census
from jobarranger.states import JobnetStatus


class Fault(Enum):
    """Why an instance ends abnormally."""

    ICON = "an icon has failed for good"
    ENDS = "more than one END icon has finished"
    STARTS = "the jobnet does not have exactly one START icon"
    NO_END = "the jobnet has no END icon"
    ACTIVE = "an END icon has finished while others were active"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The instance's state as it should be."""

    status: JobnetStatus
    overdue: bool
    fault: Fault | None = None
    drained: bool = False  #: it runs on, but nothing in it ever will


def judge(status: JobnetStatus, census: Census, *, test: bool, patience_over: bool) -> Judgement:
    """Return the state of a running instance (RUN or RUNERR).

    Args:
        status: the instance's present state.
        census: its icons.
        test: a test run ends when all icons have ended.
        patience_over: JaJobnetInterval has passed since its END icon finished. Until then an
            instance whose END was reached waits for icons that are still active.
    """
    overdue = census.overdue > 0
    fault = _fault(census, test=test)
    if fault is not None:
        return Judgement(JobnetStatus.ENDERR, overdue, fault)
    over = census.ended == census.total if test else census.finished_ends > 0
    if over and (test or census.active == 0):
        return Judgement(JobnetStatus.END, overdue)
    if over and patience_over:
        return Judgement(JobnetStatus.ENDERR, overdue, Fault.ACTIVE)
    if over:
        return Judgement(status, overdue)
    running = JobnetStatus.RUNERR if census.failed else JobnetStatus.RUN
    return Judgement(running, overdue, drained=census.stands_still)


def _fault(census: Census, *, test: bool) -> Fault | None:
    """Return what is wrong whatever the instance's progress is."""
    if census.fatal:
        return Fault.ICON
    if census.finished_ends > 1 and not test:
        return Fault.ENDS
    if census.starts != 1:
        return Fault.STARTS
    if census.ends == 0:
        return Fault.NO_END
    return None
