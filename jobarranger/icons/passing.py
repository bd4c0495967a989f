"""START, M, W, L, IFEND: icons that only fire their arrows (docs/flow.md, Joints).

What makes them differ stands elsewhere: where a jobnet begins, how many arrows they wait for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from jobarranger.icons.base import Done, Outcome
from jobarranger.model.records import Icon
from jobarranger.states import JobType


@dataclass(frozen=True, slots=True)
class Passing:
    """An icon without settings and without work of its own; it cannot be passed over."""

    job_type: JobType
    can_skip: bool = False
    has_outcome: bool = False

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, None]:
        """Return nothing: there are no settings."""
        return {}

    def start(self, icon: Icon, settings: None, values: Mapping[str, str]) -> Outcome:
        """Fire the arrows."""
        return Done()


#: All of them.
PASSING = tuple(
    Passing(kind) for kind in (JobType.START, JobType.M, JobType.W, JobType.L, JobType.IFEND)
)
