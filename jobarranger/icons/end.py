"""END: reaching it ends the jobnet, with an exit code (docs/flow.md, END)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db import icons as rows
from jobarranger.icons.base import Done, Failed, Outcome
from jobarranger.model.numbers import jobnet_exit_code
from jobarranger.model.records import Icon
from jobarranger.model.variables import UnknownVariable, resolve
from jobarranger.states import JobType


class End:
    """The END icon: its `jobnet_stop_code` (text or `$NAME`) becomes `JOB_EXIT_CD`, 0..255."""

    job_type = JobType.END
    can_skip = False
    has_outcome = False

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, str]:
        """Return each icon's stop code text."""
        return {row.inner_job_id: row.jobnet_stop_code for row in rows.end_settings(conn, ids)}

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Resolve the exit code."""
        if settings is None:
            return Failed((m.render(m.JARUNICONEND200001, inner_job_id=icon.id),))
        try:
            text = resolve(settings, values)
        except UnknownVariable:
            return Failed(
                (m.render(m.JARUNICONEND200002, inner_job_id=icon.id, variable_name=settings[1:]),)
            )
        return Done({"JOB_EXIT_CD": str(jobnet_exit_code(text))})
