"""The declarations of the agent's parameters."""

from __future__ import annotations

from jobarranger.config.parameters import Parameter, ParameterKind

_OWN = "3.1.0"


def _text(name: str, group: str, help: str, **more: object) -> Parameter:
    return Parameter(name=name, kind=ParameterKind.TEXT, group=group, help=help, **more)  # type: ignore[arg-type]


def _path(name: str, group: str, help: str, **more: object) -> Parameter:
    return Parameter(name=name, kind=ParameterKind.PATH, group=group, help=help, **more)  # type: ignore[arg-type]


def _number(
    name: str, group: str, low: int, high: int, default: int, help: str, **more: object
) -> Parameter:
    return Parameter(
        name=name,
        kind=ParameterKind.NUMBER,
        group=group,
        low=low,
        high=high,
        help=help,
        default=str(default),
        **more,  # type: ignore[arg-type]
    )


NETWORK = (
    Parameter(
        name="Server",
        kind=ParameterKind.NAMES,
        group="Network",
        mandatory=True,
        shipped="127.0.0.1",
        help="The job servers that may give orders, separated by commas. Results go to the first.",
    ),
    _text(
        "Hostname",
        "Network",
        "Name of this host as the server knows it; without it the system's host name.",
    ),
    Parameter(
        name="ListenIP",
        kind=ParameterKind.ADDRESS,
        group="Network",
        help="Address to listen on, and local address of connections to the server; "
        "without it all.",
    ),
    _number("JaListenPort", "Network", 1, 65535, 10055, "Port to listen on."),
    _number("JaServerPort", "Network", 1, 65535, 10061, "Port of the server's trapper."),
    _number(
        "JaListenRetry",
        "Network",
        0,
        3600,
        30,
        "How often listening is tried again at start, once a second, while the port is taken.",
    ),
    _number(
        "Timeout",
        "Network",
        1,
        300,
        5,
        "How long to wait for a connection, for sending and for receiving. A request "
        "is given 15 seconds more.",
        unit="seconds",
    ),
    _number(
        "JaFcopyTimeout",
        "Network",
        1,
        3600,
        180,
        "The same for each step of a file transfer.",
        unit="seconds",
    ),
)

RESULTS = (
    _number(
        "JaSendRetry",
        "Jobs and results",
        0,
        3600,
        30,
        "How many attempts to deliver a result follow each other closely; "
        "after that the pauses grow up to JaResultRetryMax.",
    ),
    _number(
        "JaResultRetryMax",
        "Jobs and results",
        1,
        86400,
        60,
        "The longest pause between two attempts to deliver a result.",
        unit="seconds",
        since=_OWN,
    ),
    _number(
        "JaResultKeep",
        "Jobs and results",
        1,
        365,
        7,
        "How long a result that cannot be delivered is kept.",
        unit="days",
        since=_OWN,
    ),
    _number(
        "JaMaxJobs",
        "Jobs and results",
        0,
        100_000,
        0,
        "How many jobs may run at the same time; 0 sets no limit.",
        since=_OWN,
    ),
    _number(
        "JaJobHistory",
        "Jobs and results",
        1,
        365,
        30,
        "How long finished jobs stay in the journal.",
        unit="days",
        shipped="1",
    ),
    _path(
        "JaDatabaseFile",
        "Jobs and results",
        "The journal: a SQLite file; others with names made from its stand beside it.",
        default="/var/lib/jobarranger/jobarg_agentd.db",
    ),
    _number(
        "JaBackupTime",
        "Jobs and results",
        1,
        24,
        24,
        "How often the journal is backed up.",
        unit="hours",
    ),
)

LOGGING = (
    _text(
        "JaLogFile",
        "Logging",
        "The log file; without it the log goes to syslog.",
        shipped="/var/log/jobarranger/jobarg_agentd.log",
    ),
    _number(
        "LogFileSize",
        "Logging",
        0,
        1024,
        1,
        "When the log file has grown beyond this it becomes FILE.old; 0 leaves that to others.",
        unit="MiB",
    ),
    _number(
        "DebugLevel",
        "Logging",
        0,
        4,
        3,
        "What is logged: 0 information only, 1 and critical, 2 and errors, 3 and "
        "warnings, 4 everything.",
    ),
)

PLACES = (
    _path(
        "TmpDir",
        "Places and users",
        "Files of the running jobs; must outlive a reboot.",
        default="/var/lib/jobarranger/tmp",
    ),
    _path(
        "JaPidFile",
        "Places and users",
        "File with the process id.",
        default="/run/jobarranger/jobarg_agentd.pid",
    ),
    _path(
        "JaExtjobPath",
        "Places and users",
        "Directory of the extended jobs' programs.",
        default="/etc/jobarranger/extendedjob",
    ),
    Parameter(
        name="AllowRoot",
        kind=ParameterKind.SWITCH,
        group="Places and users",
        default="0",
        help="1: stay root when started by root; only then can jobs run as other users.",
    ),
    _text(
        "JaExecutionUser",
        "Places and users",
        "User the agent becomes when it is started by root with AllowRoot = 0.",
        default="zabbix",
    ),
    _text(
        "JaCommandUser",
        "Places and users",
        "User of the jobs that name none; needs AllowRoot = 1. Without it they run as the "
        "agent's own user.",
    ),
    _text(
        "JaCommandPassword",
        "Places and users",
        "Password of JaCommandUser; only used on Windows.",
        secret=True,
    ),
    _text(
        "JaPsCommand",
        "Places and users",
        "Command that lists process and parent ids where /proc does not; seldom needed.",
    ),
)

PARAMETERS: tuple[Parameter, ...] = NETWORK + RESULTS + LOGGING + PLACES
