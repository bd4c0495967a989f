"""Icon types that this server cannot run yet, and what is known of them all the same.

Definitions and runs of the original hold such icons. They are loaded and purged, people may hold,
skip and stop them, and an agent may be at work for one; but one that is to start fails.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db import tables as t
from jobarranger.icons.base import Failed, IconType, Outcome
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.model.records import Icon
from jobarranger.requests.steps import FailedStop
from jobarranger.states import JobType


@dataclass(frozen=True)
class Unbuilt(IconType):
    """A type whose icons fail when they start."""

    job_type: int
    traits: Traits
    tables: tuple[SettingsTable, ...] = ()

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, Any]:
        """Read nothing: its start would not look at it."""
        return {}

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Say that this server cannot do that."""
        number = int(self.job_type)
        return Failed((m.render(m.JARUNNORMAL200001, inner_job_id=icon.id, job_type=number),))


TYPES = (
    Unbuilt(
        JobType.EXTJOB,
        Traits(word="extjob", has_output=True, has_exit_code=True, stoppable=True),
        (
            SettingsTable(
                definition=t.icon_extjob,
                run=t.run_icon_extjob,
                added={"pid": 0, "wait_count": 0, "wait_time": None},
                rerun={"wait_count": 0},
            ),
        ),
    ),
    Unbuilt(
        JobType.CALC,
        Traits(word="calc"),
        (SettingsTable(definition=t.icon_calc, run=t.run_icon_calc),),
    ),
    Unbuilt(
        JobType.TASK,
        Traits(word="task"),
        (
            SettingsTable(
                definition=t.icon_task,
                run=t.run_icon_task,
                added={"submit_inner_jobnet_id": 0},
            ),
        ),
    ),
    Unbuilt(
        JobType.INFO,
        Traits(word="info"),
        (SettingsTable(definition=t.icon_info, run=t.run_icon_info),),
    ),
    Unbuilt(
        JobType.FCOPY,
        Traits(word="fcopy", has_output=True, has_exit_code=True),
        (SettingsTable(definition=t.icon_fcopy, run=t.run_icon_fcopy),),
    ),
    Unbuilt(
        JobType.FWAIT,
        Traits(
            word="fwait",
            has_output=True,
            has_exit_code=True,
            stoppable=True,
            telegram="extjob",
            refused=m.JARUNAGENT200004,
        ),
        (SettingsTable(definition=t.icon_fwait, run=t.run_icon_fwait),),
    ),
    Unbuilt(
        JobType.REBOOT,
        Traits(
            word="reboot",
            has_output=True,
            has_exit_code=True,
            stoppable=True,
            telegram="reboot",
            kill_telegram="reboot",
            failed_stop=FailedStop.REPORTED,
            refused=m.JARUNICONREBOOT200006,
        ),
        (SettingsTable(definition=t.icon_reboot, run=t.run_icon_reboot),),
    ),
    Unbuilt(
        JobType.RELEASE,
        Traits(word="release"),
        (SettingsTable(definition=t.icon_release, run=t.run_icon_release),),
    ),
    Unbuilt(
        JobType.AGENTLESS,
        Traits(
            word="agentless",
            has_output=True,
            has_exit_code=True,
            stoppable=True,
            session_column="session_flag",
        ),
        (SettingsTable(definition=t.icon_agentless, run=t.run_icon_agentless),),
    ),
    Unbuilt(
        JobType.LINK,
        Traits(word="zabbix-link"),
        (SettingsTable(definition=t.icon_zabbix_link, run=t.run_icon_zabbix_link),),
    ),
)
