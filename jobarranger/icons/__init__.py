"""The icon types: one module each behind one small interface, and their registry."""

from __future__ import annotations

from jobarranger.icons.base import Dispatched, Done, Failed, Failure, IconType, Outcome
from jobarranger.icons.end import End
from jobarranger.icons.job import Job
from jobarranger.icons.start import Start
from jobarranger.icons.value import Value

__all__ = [
    "REGISTRY",
    "Dispatched",
    "Done",
    "Failed",
    "Failure",
    "IconType",
    "Outcome",
]

#: Every icon type by `job_type`.
REGISTRY: dict[int, IconType] = {
    int(kind.job_type): kind for kind in (Start(), End(), Value(), Job())
}
