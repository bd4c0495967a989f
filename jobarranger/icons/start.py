"""START: the one icon where a jobnet begins. It only fires its arrows."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from jobarranger.flow.records import Icon
from jobarranger.icons.base import Done, Outcome
from jobarranger.states import JobType


class Start:
    """The START icon."""

    job_type = JobType.START
    can_skip = False
    has_outcome = False

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, None]:
        """Return nothing: START has no settings."""
        return {}

    def start(self, icon: Icon, settings: None, values: Mapping[str, str]) -> Outcome:
        """Fire the arrows."""
        return Done()
