"""JOBNET: a jobnet within a jobnet (docs/flow.md, Sub-jobnets).

The icon only names the instance that the loader has made for it; the engine starts that, and the
icon follows it to its end (`jobarranger.flow.subjobnets`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db import icons as rows
from jobarranger.db import tables as t
from jobarranger.icons.base import Entered, Failed, IconType, Outcome
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.model.records import Icon
from jobarranger.states import JobType


class Jobnet(IconType):
    """The JOBNET icon."""

    job_type = JobType.JOBNET
    traits = Traits(
        word="jobnet",
        contains_jobnet=True,
        lasting=True,
        has_exit_code=True,
        rerunnable=False,  # a sub-jobnet is repaired inside
    )
    tables = (SettingsTable(definition=t.icon_jobnet, run=t.run_icon_jobnet),)

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, int]:
        """Return the instance behind each icon."""
        return rows.sub_jobnets(conn, ids)

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Say which instance is to be started."""
        if settings is None:
            return Failed((m.render(m.JARUNICONJOBNET200001, inner_job_id=icon.id),))
        return Entered(settings)


TYPES = (Jobnet(),)
