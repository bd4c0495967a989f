"""The job server for Python programs (docs/python-client.md).

    client = Client(server="jobserver", user="oper", password="secret")
    number = client.start_jobnet("NIGHTLY", env={"DAY": "31"})
    client.wait(number, timeout=3600).ended_well

The commands `jobarg_exec`, `jobarg_get`, `jobarg_release` and `jobarg_joblogput` stand on it.
"""

from __future__ import annotations

from jobarranger.client.asking import DEFAULT_PORT, TIMEOUT, Client, read_password, registry_number
from jobarranger.client.errors import (
    BadAnswer,
    ClientError,
    RequestRefused,
    ServerUnreachable,
    StillRunning,
)
from jobarranger.client.joblog import LogChoice, LogEntry
from jobarranger.client.status import RunState, RunStatus
from jobarranger.states import JobStatus, RunType

__all__ = [
    "DEFAULT_PORT",
    "TIMEOUT",
    "BadAnswer",
    "Client",
    "ClientError",
    "JobStatus",
    "LogChoice",
    "LogEntry",
    "RequestRefused",
    "RunState",
    "RunStatus",
    "RunType",
    "ServerUnreachable",
    "StillRunning",
    "read_password",
    "registry_number",
]
