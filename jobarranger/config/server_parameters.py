"""The declarations of the job server's parameters."""

from __future__ import annotations

from jobarranger.config.parameters import Parameter, ParameterKind
from jobarranger.states import DatabaseType, MissedStart

_OWN = "3.1.0"
_FOREVER = 9_999_999  # seconds; the original's upper limit of all intervals


def _text(name: str, group: str, help: str, **more: object) -> Parameter:
    return Parameter(name=name, kind=ParameterKind.TEXT, group=group, help=help, **more)  # type: ignore[arg-type]


def _path(name: str, group: str, help: str, **more: object) -> Parameter:
    return Parameter(name=name, kind=ParameterKind.PATH, group=group, help=help, **more)  # type: ignore[arg-type]


def _number(
    name: str, group: str, low: int, high: int, default: int | None, help: str, **more: object
) -> Parameter:
    return Parameter(
        name=name,
        kind=ParameterKind.NUMBER,
        group=group,
        low=low,
        high=high,
        help=help,
        default=None if default is None else str(default),
        **more,  # type: ignore[arg-type]
    )


def _interval(name: str, default: int, help: str) -> Parameter:
    return _number(name, "Intervals", 1, _FOREVER, default, help, unit="seconds")


DATABASE = (
    Parameter(
        name="DBType",
        kind=ParameterKind.CHOICE,
        group="Database",
        choices=tuple(DatabaseType),
        since=_OWN,
        shipped="sqlite",
        help="Where the tables are. Without it: mysql if DBUser, DBHost or DBSocket is set, "
        "else sqlite.",
    ),
    _path(
        "DBFile",
        "Database",
        "The database file; only for sqlite. A lock file is kept beside it.",
        default="/var/lib/jobarranger/jobarg_server.db",
        since=_OWN,
    ),
    _text(
        "DBHost",
        "Database",
        "Host of the database. With mysql, localhost means the socket; with "
        "postgresql, an empty value means the socket.",
        default="localhost",
        may_be_empty=True,
    ),
    _text("DBName", "Database", "Name of the database; needed for mysql and postgresql."),
    _text("DBSchema", "Database", "Taken for the sake of old files; without effect."),
    _text("DBUser", "Database", "User of the database; needed for mysql and postgresql."),
    _text(
        "DBPassword",
        "Database",
        "Password of DBUser, in clear text: let only the server's user read this file.",
        default="",
        may_be_empty=True,
        secret=True,
    ),
    _text(
        "DBSocket",
        "Database",
        "Path of the database's local socket, without it the usual one; wins over DBHost. With "
        "postgresql, the directory of the socket will do; DBPort names it.",
    ),
    _number(
        "DBPort", "Database", 1024, 65535, None, "Port of the database, without it the usual one."
    ),
    _number(
        "LogSlowQueries",
        "Database",
        0,
        3_600_000,
        0,
        "Log every statement that takes longer than this; 0 logs none.",
        unit="milliseconds",
    ),
)

DIRECTORY = (
    Parameter(
        name="JaDirectory",
        kind=ParameterKind.CHOICE,
        group="Hosts and users",
        default="embedded",
        since=_OWN,
        choices=("embedded", "database", "api"),
        help="Where hosts and users come from: tables of our own, a Zabbix "
        "database, or Zabbix' API. Only embedded is available yet.",
    ),
    _number(
        "JaZabbixVersion",
        "Hosts and users",
        1,
        3,
        1,
        "Generation of the Zabbix database: 1 = 1.8, "
        "2 = 2.0, 3 = 2.2 and later. Without effect with JaDirectory = embedded.",
    ),
)

NETWORK = (
    Parameter(
        name="ListenIP",
        kind=ParameterKind.ADDRESSES,
        group="Network",
        help="Addresses to listen on, separated by commas; without it all.",
    ),
    _number(
        "JaTrapperListenPort",
        "Network",
        1,
        65535,
        10061,
        "Port for the results of agents and the requests of commands.",
    ),
    Parameter(
        name="SourceIP",
        kind=ParameterKind.ADDRESS,
        group="Network",
        help="Local address of connections to agents and SSH hosts; without it the system chooses.",
    ),
    _number(
        "JaAgentListenPort",
        "Network",
        1,
        65535,
        10055,
        "Port of the agents, unless a host has its own.",
    ),
    _number(
        "Timeout",
        "Network",
        1,
        300,
        5,
        "How long to wait for a connection, for sending and for "
        "receiving. An agent's answer is given 15 seconds more.",
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
    _number(
        "JaConnectRetry",
        "Network",
        0,
        86400,
        60,
        "How long a connection to an agent that cannot be made, or a job that it does not take "
        "for now, is tried again before the icon fails; 0 fails at once, as in 3.0.0.",
        unit="seconds",
        since=_OWN,
    ),
    _number(
        "JaUnknownTimeout",
        "Network",
        1,
        86400,
        300,
        "How long to wait for the result of a request that a 3.0.0 "
        'agent was sent but has not answered, before the icon fails with "outcome unknown".',
        unit="seconds",
        since=_OWN,
    ),
    _number(
        "JaMaxConnections",
        "Network",
        1,
        100_000,
        500,
        "Connections that one trapper serves at the same time. Those that have said nothing yet "
        "do not count.",
        since=_OWN,
    ),
    _number(
        "JaMaxConnectionsPerAddress",
        "Network",
        1,
        100_000,
        250,
        "How many of these one address may have while fewer than a quarter of them are free; "
        "others of it wait.",
        since=_OWN,
    ),
)

LOGGING = (
    _text(
        "JaLogFile",
        "Logging",
        "The log file; without it the log goes to syslog.",
        shipped="/var/log/jobarranger/jobarg_server.log",
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
        "What is logged: 0 information only, 1 and critical, 2 and errors, "
        "3 and warnings, 4 everything.",
    ),
    _path(
        "JaLogMessageFile",
        "Logging",
        "The catalogue in which importance, notification and wording of messages can "
        "be changed; a change takes effect at once.",
        default="/etc/jobarranger/locale/logmessage_64BIT.txt",
    ),
    _path(
        "JaZabbixMessageFile",
        "Logging",
        "Directory of the translated reasons for an unknown trigger.",
        default="/etc/jobarranger/locale",
    ),
    _path(
        "JaErrorCmdPath",
        "Logging",
        "Directory of programs that are called with every message to be notified.",
        default="/etc/jobarranger/alert",
    ),
)

PLACES = (
    _path(
        "TmpDir",
        "Places and user",
        "Temporary files of extended jobs.",
        default="/var/lib/jobarranger/tmp",
    ),
    _path(
        "JaPidFile",
        "Places and user",
        "File with the process id.",
        default="/run/jobarranger/jobarg_server.pid",
    ),
    _path(
        "JaRuntimeDir",
        "Places and user",
        "Queues and locks of the running server; may be emptied at boot, and must be short.",
        default="/run/jobarranger",
        since=_OWN,
    ),
    _path(
        "JaStateDir",
        "Places and user",
        "What must outlive the server, such as results that the database could not take yet.",
        default="/var/lib/jobarranger",
        since=_OWN,
    ),
    _path(
        "JaExtjobPath",
        "Places and user",
        "Directory of the extended jobs' programs.",
        default="/etc/jobarranger/extendedjob",
    ),
    _text(
        "JaExecutionUser",
        "Places and user",
        "User the server becomes when it is started by root.",
        default="zabbix",
    ),
    Parameter(
        name="AllowRoot",
        kind=ParameterKind.SWITCH,
        group="Places and user",
        default="0",
        since=_OWN,
        help="1: stay root when started by root.",
    ),
    Parameter(
        name="JaTimeZone",
        kind=ParameterKind.ZONE,
        group="Places and user",
        since=_OWN,
        help="Time zone of calendars and of the times in the tables; without it the system's.",
    ),
)

CHILDREN = (
    _number(
        "JaStartTrappers",
        "Processes",
        0,
        1000,
        1,
        "How many trappers to start; each serves many connections at a time, and what comes "
        "together shares a transaction: more help only where cores are idle.",
    ),
    _number("JaStartRuns", "Processes", 1, 16, 1, "How many run processes to start.", since=_OWN),
    _number(
        "JaStartExecutors",
        "Processes",
        1,
        16,
        1,
        "How many job executors to start; every host belongs to one.",
        since=_OWN,
    ),
    _number(
        "JaRestartLimit",
        "Processes",
        1,
        1000,
        10,
        "How often a child may die in a row, without having run well in "
        "between, before the whole server gives up.",
        since=_OWN,
    ),
    _number(
        "JaStopTimeout",
        "Processes",
        1,
        3600,
        30,
        "How long a child may take to finish its work at a stop before it is killed.",
        unit="seconds",
        since=_OWN,
    ),
)

INTERVALS = (
    _interval("JaSelfmonInterval", 1, "How often the monitor looks at the other processes."),
    _interval("JaLoaderInterval", 30, "How often the schedules are read for runs to be loaded."),
    _number(
        "JaCatchUp",
        "Intervals",
        0,
        527_040,
        1440,
        "How long ago a scheduled start may be that is still loaded after an outage of the "
        "server; JaMissedStart then decides about it. What is longer ago is reported. 0 loads "
        "nothing of the past, as 3.0.0.",
        unit="minutes",
        since=_OWN,
    ),
    _interval("JaLaunchInterval", 1, "How often starts that came without a hint are looked for."),
    _interval("JaBootInterval", 1, "How often runs whose time has come are looked for."),
    _interval(
        "JaJobnetInterval",
        1,
        "How often running jobnets are judged, and how long a jobnet may go on after END.",
    ),
    _interval("JaJobInterval", 1, "How often waiting icons are looked at without a hint."),
    _interval(
        "JaRunInterval",
        1,
        "How often ready icons that came without a hint are looked for, and how close together "
        "two arrivals at a branch end count as one.",
    ),
    _interval("JaMsgsndInterval", 1, "How often messages to be sent to Zabbix are looked for."),
    _number(
        "JaPurgeInterval",
        "Intervals",
        1,
        86400,
        60,
        "How often the housekeeper looks for what has been kept long enough (JOBNET_KEEP_SPAN and "
        "others in ja_parameter_table).",
        unit="seconds",
        since=_OWN,
    ),
    _number(
        "JaJobTimeout",
        "Intervals",
        0,
        600,
        30,
        "How often running icons are checked for having exceeded their warning time.",
        unit="seconds",
    ),
    _number(
        "JaExtjobWaitTime",
        "Intervals",
        0,
        _FOREVER,
        300,
        "How long to wait for the result of a zabbix_sender job.",
        unit="seconds",
    ),
)

WATCH = (
    _number(
        "JaLoadShiftTime",
        "Watching",
        0,
        1440,
        0,
        "How long a scheduled start that should have been loaded may be missing before it is "
        "reported.",
        unit="minutes",
        since=_OWN,
    ),
    _number(
        "JaRunShiftTime",
        "Watching",
        0,
        1440,
        0,
        "How long after its minute a loaded start may not have begun before it is reported.",
        unit="minutes",
        since=_OWN,
    ),
)
CALENDAR_WARNING = _number(
    "JaCalendarWarning",
    "Watching",
    0,
    28,
    14,
    "How long before the last operating day of a calendar that schedules use this is reported; 0: "
    "not at all.",
    unit="days",
    since=_OWN,
)

STARTS = (
    _number(
        "JaBootGrace",
        "Scheduled starts",
        0,
        _FOREVER,
        300,
        "How long after its minute a scheduled run may still start as if in time; 0: not at all, "
        "as in 3.0.0.",
        unit="seconds",
        since=_OWN,
    ),
    Parameter(
        name="JaMissedStart",
        kind=ParameterKind.CHOICE,
        group="Scheduled starts",
        choices=tuple(MissedStart),
        default=MissedStart.HOLD.value,
        since=_OWN,
        help="What becomes of a scheduled run that comes later than that: late = it starts all "
        "the same, skip = it ends unstarted, hold = it stands in error until people start or "
        "stop it, as in 3.0.0.",
    ),
)

PARAMETERS: tuple[Parameter, ...] = (
    *(DATABASE + DIRECTORY + NETWORK + LOGGING + PLACES + CHILDREN + INTERVALS + STARTS + WATCH),
    CALENDAR_WARNING,
)
