"""The numbers of the tables and what each means (docs/states.md)."""

from __future__ import annotations

import zlib
from enum import IntEnum, StrEnum


class DatabaseType(StrEnum):
    """The database products that can hold the tables."""

    SQLITE = "sqlite"  #: embedded, one file, the default
    MYSQL = "mysql"  #: MariaDB or MySQL
    POSTGRESQL = "postgresql"


class IconStatus(IntEnum):
    """`ja_run_job_table.status`."""

    BEGIN = 0  #: not reached, or reached by some of its inputs only
    READY = 1  #: the run process may take it
    RUN = 2  #: started, outcome outstanding
    END = 3  #: ended normally or skipped
    RUNERR = 4  #: failed; an operator may run it again or skip it
    ENDERR = 5  #: failed for good; takes its jobnet down
    ABORT = 6  #: a stop was asked of the agent, its result is awaited


class JobnetStatus(IntEnum):
    """`status` of `ja_run_jobnet_table` and of its summary (which never has RUNERR)."""

    BEGIN = 0  #: requested or loaded, not started
    READY = 1  #: to be started
    RUN = 2  #: running
    END = 3  #: ended normally, or its start was skipped
    RUNERR = 4  #: running, with an icon in error
    ENDERR = 5  #: ended abnormally


class JobStatus(IntEnum):
    """`ja_run_jobnet_summary_table.job_status`: the worst thing inside a run."""

    NORMAL = 0
    TIMEOUT = 1  #: an icon has exceeded its warning time
    ERROR = 2


class LoadStatus(IntEnum):
    """`ja_run_jobnet_summary_table.load_status`."""

    NORMAL = 0
    ERROR = 1  #: could not be loaded
    DELAY = 2  #: waits for an earlier run, or missed its start
    SKIP = 3  #: skipped because an earlier run was active


class MethodFlag(IntEnum):
    """`ja_run_job_table.method_flag`: how a ready icon is to be treated."""

    NORMAL = 0
    WAIT = 1  #: on hold: becomes READY and stays so
    SKIP = 2  #: completed without running
    STOP = 3  #: a stop is asked of the running icon
    RERUN = 4  #: as NORMAL, after an error


class RunType(IntEnum):
    """`run_type`: who started a run and how."""

    NORMAL = 0  #: by a schedule
    IMMEDIATE = 1  #: at once, by a person or command
    WAIT = 2  #: at once, with the START icon on hold
    TEST = 3  #: test run
    TIME = 4  #: at a given time
    JOB = 5  #: one job alone out of the editor


class JobType(IntEnum):
    """`job_type`: the kinds of icon. Rows keep plain numbers (`jobarranger.icons`)."""

    START = 0
    END = 1
    IF = 2
    VALUE = 3
    JOB = 4
    JOBNET = 5
    M = 6  #: parallel start
    W = 7  #: parallel end
    L = 8  #: loop
    EXTJOB = 9
    CALC = 10
    TASK = 11
    INFO = 12
    IFEND = 13
    FCOPY = 14
    FWAIT = 15
    REBOOT = 16
    RELEASE = 17
    AGENTLESS = 18
    LINK = 19  #: Zabbix link


class FlowType(IntEnum):
    """`flow_type` of an arrow."""

    NORMAL = 0
    TRUE = 1  #: taken when the IF icon is true
    FALSE = 2  #: taken when the IF icon is false


class MultipleStart(IntEnum):
    """`multiple_start_up`: what to do while another run of the same jobnet is active."""

    PARALLEL = 0
    SKIP = 1
    DELAY = 2


class ObjectKind(StrEnum):
    """The kinds of definition; each has ids of its own."""

    CALENDAR = "calendar"
    FILTER = "filter"
    SCHEDULE = "schedule"
    JOBNET = "jobnet"


class BaseDate(IntEnum):
    """`ja_filter_control_table.base_date_flag`: where in its month a filter begins to look."""

    FIRST = 0  #: first day of the month
    LAST = 1  #: last day of the month
    DESIGNATED = 2  #: the day whose number is in `designated_day`


class ObjectFlag(IntEnum):
    """`ja_schedule_detail_table.object_flag`: what `calendar_id` names there."""

    CALENDAR = 0
    FILTER = 1


class MissedStart(StrEnum):
    """`JaMissedStart`: what becomes of a scheduled run that could not start in time."""

    LATE = "late"  #: it starts all the same
    SKIP = "skip"  #: it ends unstarted
    HOLD = "hold"  #: it stands in error until people start or stop it


class DatedKind(IntEnum):
    """`ja_ext_in_force.kind`: the definitions that decide when something starts."""

    SCHEDULE = 1
    CALENDAR = 2
    FILTER = 3


class Method(IntEnum):
    """`method` of a jobrun telegram and of a dispatch."""

    NORMAL = 0
    TEST = 1  #: the agent runs an empty script
    STOP = 2  #: run the stop command; no result is reported
    KILL = 3  #: kill the running job


class DispatchState(IntEnum):
    """How far a request to the outside has come (docs/requests.md)."""

    NEW = 0  #: committed with the icon's start; no byte has been sent
    SENDING = 1  #: about to be sent or sent; the answer is not known
    ACCEPTED = 2  #: the agent has taken it
    DONE = 3  #: its result (or its refusal) has been processed
    UNKNOWN = 4  #: sent, never answered, never reported: an operator decides


#: An open request: a result of it would count.
OPEN_REQUEST = frozenset(DispatchState) - {DispatchState.DONE}
#: An open request that goes on by itself: it will be sent, answered or asked after.
IN_PROGRESS_REQUEST = OPEN_REQUEST - {DispatchState.UNKNOWN}


class Channel(IntEnum):
    """`ja_ext_dispatch.channel`: by which way a request goes out."""

    AGENT = 1  #: a telegram to the agent of a host; the job-executor sends it
    SSH = 2  #: a session on a host without agent
    LOCAL = 3  #: a program on the server's own host


class AgentKind(IntEnum):
    """What answers at an agent's port."""

    UNKNOWN = 0
    ORIGINAL = 1  #: a 3.0.0 agent: no attempts, no status query
    OURS = 2  #: takes attempts, answers from its journal


class IconEvent(IntEnum):
    """`ja_ext_event.event`: the instants of an icon."""

    READY = 1
    STARTED = 2
    RESULT = 5  #: the result arrived at the server
    ENDED = 6
    FAILED = 7


class PauseScope(IntEnum):
    """`ja_ext_pause.scope`: what is paused."""

    ALL = 0  #: the start of every run
    JOBNET = 1  #: the start of one jobnet's runs
    HOST = 2  #: sending jobs to one host


class UserType(IntEnum):
    """Zabbix' kinds of user."""

    USER = 1
    ADMIN = 2
    SUPER = 3  #: super administrator: may see and use everything


class Counter(IntEnum):
    """`ja_index_table.count_id`."""

    LOADED_JOBNET = 1  #: inner_jobnet_id of scheduled runs and of all sub-jobnets
    MANAGER_JOBNET = 2  #: inner_jobnet_id of the Manager's starts
    CLIENT_JOBNET = 3  #: inner_jobnet_id of command-line starts and TASK icons
    ICON = 20  #: inner_job_id
    FLOW = 30  #: inner_flow_id
    SESSION = 40  #: number in @SESSION-n


#: An instance in one of these is being worked on.
ACTIVE_JOBNET = frozenset({JobnetStatus.RUN, JobnetStatus.RUNERR})

#: An instance in one of these has ended.
ENDED_JOBNET = frozenset({JobnetStatus.END, JobnetStatus.ENDERR})

#: An icon in one of these may get a result from its agent.
AWAITING_RESULT = frozenset({IconStatus.RUN, IconStatus.ABORT})

#: Number of slots that hosts are spread over; an executor owns slot % count.
HOST_SLOTS = 64


def host_slot(host_name: str) -> int:
    """Return the executor slot (0..63) of a host: stable over restarts and machines."""
    return zlib.crc32(host_name.encode()) % HOST_SLOTS
