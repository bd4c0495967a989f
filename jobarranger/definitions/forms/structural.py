"""START and the icons that only split and join flows: no settings, but numbers of flows."""

from __future__ import annotations

from jobarranger.definitions.forms.base import ANY, Form, no_keys, no_settings
from jobarranger.states import JobType


def _form(kind: JobType, incoming: tuple[int, int], outgoing: tuple[int, int] = (1, 1)) -> Form:
    return Form(kind=kind, read=no_settings, write=no_keys, incoming=incoming, outgoing=outgoing)


FORMS = (
    # Where a jobnet begins.
    _form(JobType.START, (0, 0)),
    # Goes on along all its flows at once.
    _form(JobType.M, (1, 1), (1, ANY)),
    # Waits for all its flows.
    _form(JobType.W, (1, ANY)),
    # Where a loop begins anew: one flow enters it, one comes back.
    _form(JobType.L, (2, 2)),
    # Where branches of a condition meet again: goes on at the first arrival.
    _form(JobType.IFEND, (1, ANY)),
)
