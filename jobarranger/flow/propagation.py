"""Propagation: start what is ready, and what becomes ready by it, in one transaction.

The run process does so for jobnets that begin and icons that people have released; whoever works
in the outcome of an icon (a result, a failed request) goes on with the icons behind it at once,
under the lock it holds anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobarranger.flow import stepping
from jobarranger.flow.settling import settle
from jobarranger.flow.work import Work
from jobarranger.model.records import Icon
from jobarranger.states import MethodFlag

#: Icons of one family in one wave: a parallel start of thousands is more than one transaction.
MOST = 500


def propagate(work: Work, ready: Iterable[Icon] = ()) -> None:
    """Start ready icons and what becomes ready by them, and judge the instances concerned.

    The end of a sub-jobnet ends its icon and may make others ready: it goes on until nothing moves
    or the limit per family is reached. What is left over stays ready in `work.ready`, for the next
    transaction.
    """
    work.ready = [*ready, *work.ready]
    wave = _next_wave(work)
    while True:
        _run(work, wave)
        settle(work)
        wave = _next_wave(work)
        if not wave:
            return


def _run(work: Work, wave: Sequence[Icon]) -> None:
    """Start icons, wave after wave."""
    while wave:
        stepping.step(work, wave)
        wave = _next_wave(work)


def _next_wave(work: Work) -> list[Icon]:
    """Take the icons that may start now; those on hold wait in the table."""
    wave: list[Icon] = []
    left: list[Icon] = []
    room: dict[int, int] = {}
    for icon in work.ready:
        if icon.method is MethodFlag.WAIT:
            continue
        if icon.main_id not in room:
            room[icon.main_id] = MOST if work.family(icon).steps < work.engine.steps else 0
        room[icon.main_id] -= 1
        (wave if room[icon.main_id] >= 0 else left).append(icon)
    work.ready = left
    return wave
