"""Messages about the server, its processes and its database."""

from __future__ import annotations

from jobarranger.messages.declare import critical, error, information, warning

# -- The server and its processes

JASERVER000001 = information(
    "JASERVER000001 version revision", "Job Arranger server {version} starts (revision {revision})."
)
JASERVER000002 = information(
    "JASERVER000002 version revision",
    "Job Arranger server {version} has stopped (revision {revision}).",
)
JASERVER000003 = information("JASERVER000003", "The server is up: all its processes are ready.")
JASERVER000004 = information(
    "JASERVER000004 server_number:int process_type_name process_number:int",
    "Process {server_number} is up: {process_type_name} #{process_number}.",
)
JASERVER000005 = information(
    "JASERVER000005 reason", "The server stops: {reason}. Work in progress is finished first."
)
JASERVER000006 = information(
    "JASERVER000006 role number:int", "Process {role} #{number} has ended as asked."
)
JASERVER000007 = information(
    "JASERVER000007 zone database", "Times are those of zone {zone}; the database is {database}."
)
JASERVER000008 = information(
    "JASERVER000008 role number:int seconds:int",
    "The database answers {role} #{number} again after {seconds} s.",
)
JASERVER100001 = critical(
    "JASERVER100001 error_text",
    "The trapper cannot listen: {error_text}. Another server may hold the port; see "
    "ListenIP and JaTrapperListenPort. The server does not start.",
)
JASERVER100002 = critical(
    "JASERVER100002 role number:int count:int",
    "Process {role} #{number} has died {count} times in a row and is given up: the whole "
    "server stops. The log lines before this one show why it died.",
)
JASERVER100003 = critical("JASERVER100003 error_text", "The server cannot start: {error_text}.")
JASERVER200002 = error(
    "JASERVER200002 role number:int pid:int how",
    "Process {role} #{number} (pid {pid}) has died: {how}. Work it had in progress is continued "
    "by its successor.",
)
JASERVER200003 = error(
    "JASERVER200003 role number:int pid:int seconds:int",
    "Process {role} #{number} (pid {pid}) has shown no life for {seconds} s and is killed; "
    "a successor is started.",
)
JASERVER200004 = error(
    "JASERVER200004 role number:int error_text",
    "The database does not answer {role} #{number}: {error_text}. Nothing is lost; it keeps "
    "trying.",
)
JASERVER200005 = error(
    "JASERVER200005 role number:int count:int error_text",
    "{role} #{number} has met an unexpected error ({count} in a row): {error_text}. The "
    "traceback is in the log; please report it.",
)
JASERVER200006 = error(
    "JASERVER200006 role number:int what",
    "{role} #{number} cannot go on and ends: {what}. It is started again after a pause; see to "
    "the memory and the limits of the server's user (ulimit, LimitAS, TasksMax).",
)
JASERVER200007 = error(
    "JASERVER200007 path error_text",
    "Files of this server were removed from {path} and cannot be made again: {error_text}. Its "
    "processes find their work by their sweeps only; make the directory for the server's user, or "
    "restart the server.",
)
JASERVER300002 = warning(
    "JASERVER300002 role number:int delay", "{role} #{number} is started again in {delay} s."
)
JASERVER300003 = warning(
    "JASERVER300003 role number:int pid:int seconds:int",
    "{role} #{number} (pid {pid}) has not stopped within {seconds} s and is killed; see "
    "JaStopTimeout.",
)
JASERVER300004 = warning("JASERVER300004 warning", "Configuration: {warning}.")
JASERVER300005 = warning(
    "JASERVER300005 seconds:int",
    "Processes of an earlier server are still at work in JaRuntimeDir; waited {seconds} s "
    "for them so far.",
)
JASERVER300007 = warning(
    "JASERVER300007",
    "The server was started with --hold-all: no run is started, schedules load nothing and no job "
    "is sent until somebody says `jobarg_ctl resume`.",
)
JASERVER300008 = warning(
    "JASERVER300008",
    "The database is a node of a Galera cluster. One server may use it, always by the same node; "
    "several servers on several nodes are not supported in this release.",
)
JASERVER300009 = warning(
    "JASERVER300009 path",
    "Files of this server were removed from {path} and have been made again. See that no cleaner "
    "looks there.",
)
JASERVER300006 = warning(
    "JASERVER300006 role dropped:int",
    "{dropped} hints to {role} were dropped since its queue was full; its next sweep finds "
    "the work.",
)
