"""The agent's configuration: the record, and how it is made from a file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from jobarranger.config import reader
from jobarranger.config.agent_parameters import PARAMETERS


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Checked parameters of `jobarg_agentd`; docs/parameters.md says what each does."""

    config_file: Path
    server: tuple[str, ...]  #: names or addresses; results go to the first
    hostname: str
    listen_ip: str | None  #: None = all addresses
    ja_listen_port: int
    ja_server_port: int
    ja_listen_retry: int
    timeout: int
    ja_fcopy_timeout: int
    ja_send_retry: int
    ja_result_retry_max: int
    ja_result_keep: int  #: days
    ja_max_jobs: int  #: 0 = no limit
    ja_job_history: int  #: days
    ja_database_file: Path
    ja_backup_time: int  #: hours
    ja_log_file: str | None  #: None = syslog
    log_file_size: int  #: MiB, 0 = never rotate
    debug_level: int
    tmp_dir: Path
    ja_pid_file: Path
    ja_extjob_path: Path
    allow_root: bool
    ja_execution_user: str
    ja_command_user: str | None
    ja_command_password: str | None = field(repr=False)
    ja_ps_command: str | None


def load_agent(path: Path) -> tuple[AgentConfig, list[str]]:
    """Read an agent's configuration file; return it with warnings for the log.

    Raises:
        ConfigError: one line naming file, line, parameter, value and rule.
    """
    settings = reader.read(path, PARAMETERS)
    values = dict(settings.values)
    values["hostname"] = values["hostname"] or os.uname().nodename
    config = AgentConfig(**values)
    settings.check_absolute("JaLogFile", config.ja_log_file)
    return config, list(settings.warnings)
