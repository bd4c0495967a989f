"""START, M, W, L, IFEND: icons that only fire their arrows (docs/flow.md, Joints).

What makes them differ are their traits: where a jobnet begins, how many arrows they wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobarranger.icons.base import Done, IconType, Outcome
from jobarranger.icons.traits import Traits
from jobarranger.model.records import Icon
from jobarranger.states import JobType


@dataclass(frozen=True)
class Passing(IconType):
    """An icon without settings and without work of its own; it cannot be passed over."""

    job_type: int
    traits: Traits

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Fire the arrows."""
        return Done()


TYPES = (
    Passing(
        JobType.START,
        Traits(word="start", begins_jobnet=True, skippable=False, rerunnable=False),
    ),
    Passing(JobType.M, Traits(word="parallel-start", skippable=False)),
    Passing(JobType.W, Traits(word="parallel-end", skippable=False)),
    Passing(JobType.L, Traits(word="loop", first_arrival=True, marks_loop=True, skippable=False)),
    Passing(JobType.IFEND, Traits(word="if-end", first_arrival=True, skippable=False)),
)
