"""The declarations of the monitor daemon's parameters."""

from __future__ import annotations

from dataclasses import replace

from jobarranger.config.parameters import Parameter, ParameterKind
from jobarranger.config.server_parameters import CALENDAR_WARNING, WATCH
from jobarranger.config.server_parameters import PARAMETERS as SERVER

_OWN = "3.1.0"
_SERVERS = {parameter.name: parameter for parameter in SERVER}


def _same(name: str, **changed: object) -> Parameter:
    """Return a parameter of the server, changed a little."""
    return replace(_SERVERS[name], **changed)  # type: ignore[arg-type]


#: The sample takes the database from the server's file, so it sets none of these.
DATABASE = tuple(
    replace(parameter, shipped=None) for parameter in SERVER if parameter.group == "Database"
)

WATCHING = (
    Parameter(
        name="JaMonitorInterval",
        kind=ParameterKind.NUMBER,
        group="Watching",
        low=1,
        high=60,
        default="60",
        unit="seconds",
        help="How often to look.",
    ),
    *(replace(parameter, group="Watching", since="original") for parameter in WATCH),
    CALENDAR_WARNING,
    _same(
        "JaLoaderInterval",
        group="Watching",
        since=_OWN,
        help="As in the server's file, from which it comes as a rule. What is missing must be so "
        "for twice this long before it is reported.",
    ),
    Parameter(
        name="JaServerSilence",
        kind=ParameterKind.NUMBER,
        group="Watching",
        low=0,
        high=86_400,
        default="120",
        unit="seconds",
        since=_OWN,
        help="How long the server may give no sign of life before that is reported; 0: for ever. "
        "It gives one every 10 seconds, so less than 15 makes no sense.",
    ),
    Parameter(
        name="JaSenderScript",
        kind=ParameterKind.TEXT,
        group="Watching",
        shipped="/etc/jobarranger/monitor/jasender_monitor.sh",
        help="Program that is called for everything that is found, with arguments that "
        "docs/monitor.md describes; without it none is.",
    ),
    Parameter(
        name="JaSenderTimeout",
        kind=ParameterKind.NUMBER,
        group="Watching",
        low=1,
        high=3600,
        default="30",
        unit="seconds",
        since=_OWN,
        help="How long that program may run before it is killed.",
    ),
)

LOGGING = (
    _same("JaLogFile", shipped="/var/log/jobarranger/jobarg_monitor.log"),
    _same("LogFileSize"),
    _same("DebugLevel"),
    _same("JaLogMessageFile", since=_OWN),
)

PLACES = (
    _same(
        "JaPidFile",
        default="/run/jobarranger/jobarg_monitor.pid",
        shipped="/run/jobarranger/jobarg_monitor.pid",
    ),
    _same("JaExecutionUser", help="User the monitor becomes when it is started by root."),
    _same("AllowRoot"),
    _same("JaTimeZone"),
)

PARAMETERS: tuple[Parameter, ...] = WATCHING + LOGGING + PLACES + DATABASE
