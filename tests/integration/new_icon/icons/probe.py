"""PROBE: is there a certain file on a host? Only a test knows this type; a new one begins so."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from jobarranger import messages as m
from jobarranger.db import tables as t
from jobarranger.icons.base import Dispatched, Failed, Failure, Finished, IconType, Outcome
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.model.records import Icon
from jobarranger.states import Method


class Probe(IconType):
    """The PROBE icon. Its number is one that nobody else uses."""

    job_type = 77
    traits = Traits(
        word="probe",
        lasting=True,
        asks_agent=True,
        shows_outcome=True,
        has_exit_code=True,
        has_output=True,
        stoppable=True,
        telegram="command",
    )
    #: A real type has tables of its own, made by a migration.
    tables = (SettingsTable(definition=t.icon_fwait, run=t.run_icon_fwait),)

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Say which file to look for, and where."""
        if settings is None:
            return Failed((m.render(m.JARUNICONJOB200017, inner_job_id=icon.id),))
        return Dispatched(
            host=settings.host_name,
            method=Method.TEST if icon.test else Method.NORMAL,
            payload={
                "telegram_job_id": icon.id,
                "type": "command",
                "script": f"ls -l {shlex.quote(settings.file_name)}",
                "argument": {},
                "env": {},
            },
        )

    def judge(self, done: Finished) -> tuple[Failure, str] | None:
        """No exit code but 0 is good."""
        failed = super().judge(done)
        if failed or done.return_code == 0:
            return failed
        return Failure.STOP_CODE, "there is no such file"


TYPES = (Probe(),)
