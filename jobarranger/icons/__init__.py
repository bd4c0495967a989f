"""The icon types: one module each behind one small interface, and their registry."""

from __future__ import annotations

from jobarranger.icons.base import Dispatched, Done, Entered, Failed, Failure, IconType, Outcome
from jobarranger.icons.condition import Condition
from jobarranger.icons.end import End
from jobarranger.icons.job import Job
from jobarranger.icons.jobnet import Jobnet
from jobarranger.icons.passing import PASSING
from jobarranger.icons.value import Value

__all__ = [
    "REGISTRY",
    "Dispatched",
    "Done",
    "Entered",
    "Failed",
    "Failure",
    "IconType",
    "Outcome",
]

_KINDS: tuple[IconType, ...] = (*PASSING, End(), Condition(), Value(), Job(), Jobnet())

#: Every icon type by `job_type`.
REGISTRY: dict[int, IconType] = {int(kind.job_type): kind for kind in _KINDS}
