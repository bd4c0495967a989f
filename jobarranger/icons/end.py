"""END: reaching it ends the jobnet, with an exit code (docs/flow.md, END)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobarranger import messages as m
from jobarranger.db import tables as t
from jobarranger.icons.base import Done, Failed, IconType, Outcome
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.model.numbers import jobnet_exit_code
from jobarranger.model.records import Icon
from jobarranger.model.variables import UnknownVariable, resolve
from jobarranger.states import JobType


class End(IconType):
    """The END icon: its `jobnet_stop_code` (text or `$NAME`) becomes `JOB_EXIT_CD`, 0..255."""

    job_type = JobType.END
    traits = Traits(
        word="end",
        ends_jobnet=True,
        has_exit_code=True,
        skippable=False,
        hold_column="jobnet_stop_flag",
    )
    tables = (SettingsTable(definition=t.icon_end, run=t.run_icon_end),)

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Resolve the exit code."""
        if settings is None:
            return Failed((m.render(m.JARUNICONEND200001, inner_job_id=icon.id),))
        try:
            text = resolve(settings.jobnet_stop_code, values)
        except UnknownVariable:
            name = settings.jobnet_stop_code[1:]
            return Failed(
                (m.render(m.JARUNICONEND200002, inner_job_id=icon.id, variable_name=name),)
            )
        return Done({"JOB_EXIT_CD": str(jobnet_exit_code(text))})


TYPES = (End(),)
