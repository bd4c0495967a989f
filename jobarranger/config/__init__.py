"""The configuration of the daemons: read, checked, and handed on as frozen records.

`load_server`, `load_agent` and `load_monitor` return the record and the warnings to be logged;
everything wrong is a `ConfigError` of one line. Nothing else in the product reads configuration
files.
"""

from __future__ import annotations

from jobarranger.config.agent import AgentConfig, load_agent
from jobarranger.config.monitor import MonitorConfig, load_monitor
from jobarranger.config.parameters import Parameter, ParameterKind
from jobarranger.config.server import DirectoryKind, ServerConfig, load_server
from jobarranger.errors import ConfigError

__all__ = [
    "AgentConfig",
    "ConfigError",
    "DirectoryKind",
    "MonitorConfig",
    "Parameter",
    "ParameterKind",
    "ServerConfig",
    "load_agent",
    "load_monitor",
    "load_server",
]
