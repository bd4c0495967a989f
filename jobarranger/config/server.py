"""The job server's configuration: the record, and how it is made from a file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from jobarranger.config import reader
from jobarranger.config.databases import check_database, database_type
from jobarranger.config.reader import Settings
from jobarranger.config.server_parameters import PARAMETERS
from jobarranger.states import DatabaseType, MissedStart

#: Longest path of a socket (the system allows 107 bytes and a closing zero).
MAX_SOCKET_PATH = 100
_LONGEST_SOCKET = "job-executor-15.q"


class DirectoryKind(StrEnum):
    """Where hosts and users come from."""

    EMBEDDED = "embedded"  #: tables of our own
    DATABASE = "database"  #: a Zabbix database
    API = "api"  #: Zabbix' API


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Checked parameters of `jobarg_server`; docs/parameters.md says what each does."""

    config_file: Path
    db_type: DatabaseType
    db_file: Path
    db_host: str
    db_name: str | None
    db_schema: str | None
    db_user: str | None
    db_password: str = field(repr=False)
    db_socket: str | None
    db_port: int | None
    log_slow_queries: int  #: milliseconds, 0 = off
    ja_directory: DirectoryKind
    ja_zabbix_version: int
    listen_ip: tuple[str, ...]  #: empty = all addresses
    ja_trapper_listen_port: int
    source_ip: str | None
    ja_agent_listen_port: int
    timeout: int
    ja_fcopy_timeout: int
    ja_connect_retry: int
    ja_unknown_timeout: int
    ja_max_connections: int
    ja_max_connections_per_address: int
    ja_log_file: str | None  #: None = syslog
    log_file_size: int  #: MiB, 0 = never rotate
    debug_level: int
    ja_log_message_file: Path
    ja_zabbix_message_file: Path
    ja_error_cmd_path: Path
    tmp_dir: Path
    ja_pid_file: Path
    ja_runtime_dir: Path
    ja_state_dir: Path
    ja_extjob_path: Path
    ja_execution_user: str
    allow_root: bool
    ja_time_zone: str | None  #: None = the system's
    ja_start_trappers: int
    ja_start_runs: int
    ja_start_executors: int
    ja_restart_limit: int
    ja_stop_timeout: int
    ja_selfmon_interval: int
    ja_loader_interval: int
    ja_catch_up: int
    ja_launch_interval: int
    ja_boot_interval: int
    ja_jobnet_interval: int
    ja_job_interval: int
    ja_run_interval: int
    ja_msgsnd_interval: int
    ja_purge_interval: int
    ja_job_timeout: int
    ja_extjob_wait_time: int
    ja_load_shift_time: int
    ja_run_shift_time: int
    ja_calendar_warning: int  #: days
    ja_boot_grace: int
    ja_missed_start: MissedStart


def load_server(path: Path) -> tuple[ServerConfig, list[str]]:
    """Read a server's configuration file; return it with warnings for the log.

    Raises:
        ConfigError: one line naming file, line, parameter, value and rule.
    """
    settings = reader.read(path, PARAMETERS)
    values = dict(settings.values)
    values["db_type"] = database_type(settings)
    values["ja_directory"] = DirectoryKind(values["ja_directory"])
    values["ja_missed_start"] = MissedStart(values["ja_missed_start"])
    config = ServerConfig(**values)
    check_database(config, settings)
    _check_directory(config, settings)
    _check_places(config, settings)
    return config, list(settings.warnings)


def _check_directory(config: ServerConfig, settings: Settings) -> None:
    if config.ja_directory is not DirectoryKind.EMBEDDED:
        raise settings.refuse("JaDirectory", "not available yet; only embedded is")


def _check_places(config: ServerConfig, settings: Settings) -> None:
    longest = len(os.fsencode(config.ja_runtime_dir / _LONGEST_SOCKET))
    if longest > MAX_SOCKET_PATH:
        room = MAX_SOCKET_PATH - len(_LONGEST_SOCKET) - 1
        raise settings.refuse("JaRuntimeDir", f"the path may have {room} bytes at most")
    settings.check_absolute("JaLogFile", config.ja_log_file)
