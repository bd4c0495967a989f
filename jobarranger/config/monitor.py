"""The monitor daemon's configuration: the record, and how it is made from a file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from jobarranger.config import reader
from jobarranger.config.databases import check_database, database_type
from jobarranger.config.monitor_parameters import PARAMETERS
from jobarranger.config.reader import Settings
from jobarranger.states import DatabaseType

#: Seconds; a shorter silence is none.
LEAST_SILENCE = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorConfig:
    """Checked parameters of `jobarg_monitor`; docs/parameters.md says what each does."""

    config_file: Path
    ja_monitor_interval: int
    ja_load_shift_time: int
    ja_run_shift_time: int
    ja_calendar_warning: int  #: days, 0 = never
    ja_loader_interval: int
    ja_server_silence: int  #: 0 = its silence is not reported
    ja_sender_script: str | None  #: a path, with blanks and quotes a command line
    ja_sender_timeout: int
    ja_log_file: str | None  #: None = syslog
    log_file_size: int  #: MiB, 0 = never rotate
    debug_level: int
    ja_log_message_file: Path
    ja_pid_file: Path
    ja_execution_user: str
    allow_root: bool
    ja_time_zone: str | None  #: None = the system's
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

    @property
    def sender(self) -> list[str]:
        """Return the program to call and its first arguments; nothing without one."""
        return shlex.split(self.ja_sender_script or "")


def load_monitor(path: Path) -> tuple[MonitorConfig, list[str]]:
    """Read a monitor's configuration file; return it with warnings for the log.

    Raises:
        ConfigError: one line naming file, line, parameter, value and rule.
    """
    settings = reader.read(path, PARAMETERS)
    values = dict(settings.values)
    values["db_type"] = database_type(settings)
    config = MonitorConfig(**values)
    check_database(config, settings)
    settings.check_absolute("JaLogFile", config.ja_log_file)
    _check_sender(config, settings)
    if 0 < config.ja_server_silence < LEAST_SILENCE:
        rule = f"must be 0, or {LEAST_SILENCE} and more: a server gives a sign every 10 seconds"
        raise settings.refuse("JaServerSilence", rule)
    return config, list(settings.warnings)


def _check_sender(config: MonitorConfig, settings: Settings) -> None:
    try:
        command = config.sender
    except ValueError:
        raise settings.refuse("JaSenderScript", "a quote is not closed") from None
    settings.check_absolute("JaSenderScript", command[0] if command else None)
