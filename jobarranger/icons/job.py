"""JOB: a command on an agent (docs/flow.md, JOB).

The start only says what to send where; the job-executor does the sending, and the trapper works
in the result with `judge`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db import icons as rows
from jobarranger.db import tables as t
from jobarranger.icons.base import (
    Dispatched,
    Failed,
    Failure,
    Finished,
    IconType,
    Outcome,
    Running,
)
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.model.numbers import PatternError, matches
from jobarranger.model.records import Icon
from jobarranger.model.variables import environment
from jobarranger.requests.request import Payload
from jobarranger.requests.steps import FailedStop
from jobarranger.states import JobType, Method

_MINUTE_MS = 60_000
#: Characters of the longest name of a host.
HOST_LIMIT = 128
#: Settings value `stop_flag`: run the stop command instead of killing.
STOP_COMMAND = 1


@dataclass(slots=True)
class JobSettings:
    """One row of `ja_run_icon_job_table` with its command and variables."""

    host_flag: int  #: 1: `host_name` is the name of a variable
    host_name: str
    timeout: int  #: minutes until it counts as overdue, 0: never
    command: str | None  #: None: the command row is missing
    run_user: str
    run_user_password: str  #: masked, as stored
    chosen: list[str] = field(default_factory=list)  #: controller variables for its environment
    own: list[tuple[str, str]] = field(default_factory=list)  #: its own variables


class JobIcon(IconType):
    """The JOB icon."""

    job_type = JobType.JOB
    traits = Traits(
        word="job",
        lasting=True,
        asks_agent=True,
        shows_outcome=True,
        has_exit_code=True,
        has_output=True,
        stoppable=True,
        stop_id=True,
        telegram="command",
        failed_stop=FailedStop.FAILS_ICON,
    )
    tables = (
        SettingsTable(definition=t.icon_job, run=t.run_icon_job),
        SettingsTable(definition=t.job_command, run=t.run_job_command),
        SettingsTable(definition=t.value_job, run=t.run_value_job, optional=True),
        SettingsTable(definition=t.value_jobcon, run=t.run_value_jobcon, optional=True),
    )

    def settings(self, conn: Connection, ids: Collection[int]) -> Mapping[int, JobSettings]:
        """Read settings, command, and the variables for the environment."""
        found: dict[int, JobSettings] = {}
        for row in rows.job_settings(conn, ids):
            if row.wanted_name is None:
                found[row.inner_job_id] = JobSettings(
                    row.host_flag,
                    row.host_name,
                    row.timeout,
                    row.command,
                    row.run_user or "",
                    row.run_user_password or "",
                )
            elif row.inner_job_id not in found:
                continue  # variables without settings: the icon fails because they are missing
            elif row.wanted_value is None:
                found[row.inner_job_id].chosen.append(row.wanted_name)
            else:
                found[row.inner_job_id].own.append((row.wanted_name, row.wanted_value))
        return found

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Say which command is to run where, with which environment and user."""
        if settings is None or settings.command is None:
            return Failed((m.render(m.JARUNICONJOB200017, inner_job_id=icon.id),))
        host = settings.host_name
        if settings.host_flag:
            if host not in values:
                raised = m.render(
                    m.JARUNICONJOB200028,
                    inner_job_id=icon.id,
                    host_or_variable=host,
                    host_flag=settings.host_flag,
                )
                return Failed((raised,))
            host = values[host]
            if len(host) > HOST_LIMIT:  # no host has such a name, and no column takes it
                cut = host[:HOST_LIMIT]
                return Failed((m.render(m.JAHOST200002, inner_job_id=icon.id, host=cut),))
        return Dispatched(
            host=host,
            method=Method.TEST if icon.test else Method.NORMAL,
            payload={
                "telegram_job_id": icon.id,
                "type": "command",
                "script": settings.command,
                "argument": {},
                "env": environment(settings.chosen, settings.own, values),
                "run_user": settings.run_user,
                "run_user_password": settings.run_user_password,
            },
            warn_after_ms=settings.timeout * _MINUTE_MS or None,
        )

    def stop(self, running: Running) -> tuple[Method, Payload]:
        """Run its stop command if it has one, else kill it.

        A stop command runs as a job of its own, so it needs an id of its own; without one (a job
        started alone from the editor) or without a text the job is killed.
        """
        command = running.stop_command
        if running.stop_flag == STOP_COMMAND and running.stop_id and command and command.strip():
            return Method.STOP, replace(
                running.run, script=command, telegram_job_id=running.stop_id
            )
        return Method.KILL, Payload(argument={})

    def judge(self, done: Finished) -> tuple[Failure, str] | None:
        """Judge also by the exit code: it may be among the stop codes.

        A stop code that cannot be understood counts as a match.
        """
        failed = super().judge(done)
        if failed:
            return failed
        code = done.return_code
        try:
            hit = matches(str(code), done.stop_code)
        except PatternError as error:
            return Failure.STOP_CODE, f"exit code {code}; stop code unusable: {error}"
        if hit:
            return Failure.STOP_CODE, f"exit code {code} is among the stop codes {done.stop_code}"
        return None


TYPES = (JobIcon(),)
