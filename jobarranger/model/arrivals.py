"""What an arrow does to the icon it leads to (docs/flow.md, Arrivals). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jobarranger.states import FlowType, IconStatus

_ENDED = frozenset({IconStatus.END, IconStatus.RUNERR})


class ArrivalRefusal(Enum):
    """Why an arrow is not taken."""

    BUSY = "the successor is ready, running, being stopped or failed for good"
    ALIVE = "the sub-jobnet behind the successor is still at work"
    ENDED = "the successor is an END icon that has finished"
    TEST = "in a test run an icon is reached once only"


@dataclass(frozen=True, slots=True)
class Arrival:
    """The successor's new state."""

    status: IconStatus
    end_count: int
    anew: bool = False  #: it had ended and begins again: a loop


def arrive(
    status: IconStatus,
    end_count: int,
    boot_count: int,
    *,
    at_first: bool,
    ends_jobnet: bool,
    test: bool,
) -> Arrival | ArrivalRefusal:
    """Return what an icon becomes when one more of its entering arrows fires.

    An icon that has ended is reached again (a loop): it begins anew with this arrival. One that
    starts at the first arrival and has not done so yet takes in what later ones bring.

    Args:
        status: of the icon.
        end_count: how many of its entering arrows have fired.
        boot_count: how many it waits for.
        at_first: its type starts at the first arrival, and again at each later one.
        ends_jobnet: its type ends the jobnet.
        test: it is in a test run.
    """
    anew = status in _ENDED
    if status in _ENDED:
        if test:
            return ArrivalRefusal.TEST
        if ends_jobnet:
            return ArrivalRefusal.ENDED
        status, end_count = IconStatus.BEGIN, 0
    if status is IconStatus.READY and at_first and not test:
        return Arrival(status, end_count)
    if status is not IconStatus.BEGIN:
        return ArrivalRefusal.TEST if test else ArrivalRefusal.BUSY
    end_count += 1
    ready = at_first or end_count >= boot_count
    return Arrival(IconStatus.READY if ready else IconStatus.BEGIN, end_count, anew)


def fires(flow_type: FlowType, kind: FlowType) -> bool:
    """Return whether an icon that completes with `kind` fires an arrow of `flow_type`.

    A normal completion fires every arrow; a condition fires those of its own outcome only.
    """
    return kind is FlowType.NORMAL or flow_type is kind
