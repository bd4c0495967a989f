"""Messages about starts that are missing and servers that are silent, and of the monitor daemon."""

from __future__ import annotations

from jobarranger.messages.declare import critical, error, information, warning

JAMONITOR000001 = information(
    "JAMONITOR000001 version database",
    "Job Arranger monitor {version} starts; it watches {database}.",
)
JAMONITOR000002 = information(
    "JAMONITOR000002 version", "Job Arranger monitor {version} has stopped."
)
JAMONITOR000003 = information("JAMONITOR000003", "The job server gives signs of life again.")
JAMONITOR000004 = information(
    "JAMONITOR000004 seconds:int", "The database answers the monitor again after {seconds} s."
)
JAMONITOR100001 = critical(
    "JAMONITOR100001 host_name time",
    "The job server on {host_name} has given no sign of life since {time} and has not ended in "
    "order. Nothing is loaded or started until it works again.",
)
JAMONITOR100002 = critical(
    "JAMONITOR100002 error_text",
    "The database cannot be used: {error_text}. The monitor sees nothing, and a server on it "
    "starts nothing, until it answers again.",
)
JAMONITOR100003 = critical(
    "JAMONITOR100003 database",
    "No job server has given a sign of life in {database}. Nothing is loaded or started until one "
    "works.",
)
JAMONITOR200001 = error(
    "JAMONITOR200001 jobnet_id scheduled_time calendar_id schedule_id user_name",
    "The start of jobnet {jobnet_id} at {scheduled_time} is not loaded (calendar or filter "
    "{calendar_id}, schedule {schedule_id}, user {user_name}).",
)
JAMONITOR200002 = error(
    "JAMONITOR200002 jobnet_id scheduled_time calendar_id schedule_id user_name inner_jobnet_id "
    "reason",
    "Jobnet {jobnet_id}, to start at {scheduled_time}, has not begun (run {inner_jobnet_id}, "
    "calendar or filter {calendar_id}, schedule {schedule_id}, user {user_name}): {reason}.",
)
JAMONITOR200003 = error(
    "JAMONITOR200003 command error_text",
    "JaSenderScript {command} has failed: {error_text}. What it was to pass on stands in the log.",
    notify=False,
)
JAMONITOR200004 = error(
    "JAMONITOR200004 count:int error_text",
    "The monitor has met an unexpected error ({count} in a row): {error_text}. The traceback is in "
    "the log; please report it.",
    notify=False,
)
JAMONITOR300001 = warning(
    "JAMONITOR300001 host_name time",
    "The job server on {host_name} ended in order at {time}, stopped by somebody or since it gave "
    "up, and has not come back. Nothing is loaded or started until it works again.",
    notify=True,
)
JAMONITOR300002 = warning("JAMONITOR300002 warning", "Configuration: {warning}.")
JAMONITOR300003 = warning(
    "JAMONITOR300003 calendar_id date schedules",
    "Calendar {calendar_id} has its last operating day on {date}: nothing starts by it later "
    "({schedules}).",
    notify=True,
)
JAMONITOR300004 = warning(
    "JAMONITOR300004 jobnet_id inner_jobnet_id:int user_name start_time time_limit:int",
    "Run {inner_jobnet_id} of jobnet {jobnet_id} (user {user_name}) began at {start_time} and has "
    "not ended within its time limit of {time_limit} minutes. Nothing is stopped.",
    notify=True,
)
