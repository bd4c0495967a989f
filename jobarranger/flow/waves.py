"""Icons in waves: start what is ready, and what becomes ready by it, in one transaction.

The run process does so for jobnets that begin and icons that people have released; whoever works
in the outcome of an icon (a result, a failed request) goes on with the icons behind it at once,
under the lock it holds anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobarranger.flow import stepping
from jobarranger.flow.records import Icon
from jobarranger.flow.settling import settle
from jobarranger.flow.work import Work
from jobarranger.states import MethodFlag


def advance(work: Work, ready: Iterable[Icon] = ()) -> None:
    """Start ready icons and what becomes ready by them, and judge the instances concerned.

    The end of a sub-jobnet ends its icon and may make others ready: it goes on until nothing moves
    or the limit per family is reached. What is left over stays ready in `work.ready`, for the next
    transaction.
    """
    wave = [*ready, *_next_wave(work)]
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
    free = [icon for icon in work.ready if icon.method is not MethodFlag.WAIT]
    wave = [icon for icon in free if work.family(icon).steps < work.engine.steps]
    taken = {icon.id for icon in wave}
    work.ready = [icon for icon in free if icon.id not in taken]
    return wave
