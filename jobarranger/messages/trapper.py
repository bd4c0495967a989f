"""Messages about what comes in from agents and commands."""

from __future__ import annotations

from jobarranger.messages.declare import error, information, warning

# -- The trapper

JATRAPPER200008 = error(
    "JATRAPPER200008", "A request was refused: user name and password do not match."
)
JATRAPPER200016 = error(
    "JATRAPPER200016 jobnet_id",
    "The run of jobnet {jobnet_id}, or a variable for it, could not be stored; nothing was "
    "started.",
)
JATRAPPER200021 = error("JATRAPPER200021", "A request was refused: it has no data part.")
JATRAPPER200022 = error("JATRAPPER200022", "A request was refused: its data part is not an object.")
JATRAPPER200027 = error(
    "JATRAPPER200027 expected_version:int",
    "A request was refused: it is not of protocol version {expected_version}.",
)
JATRAPPER200028 = error("JATRAPPER200028", "A request was refused: it has no protocol version.")
JATRAPPER200029 = error("JATRAPPER200029", "A status request was refused: it has no data part.")
JATRAPPER200030 = error(
    "JATRAPPER200030", "A status request was refused: its data part is not an object."
)
JATRAPPER200032 = error("JATRAPPER200032", "A request was refused: it has no user name.")
JATRAPPER200033 = error("JATRAPPER200033", "A request was refused: it has no password.")
JATRAPPER200034 = error("JATRAPPER200034", "A request was refused: it has no jobnet id.")
JATRAPPER200035 = error("JATRAPPER200035", "A request was refused: its kind is not known.")
JATRAPPER200036 = error("JATRAPPER200036", "A request was refused: it has no kind.")
JATRAPPER200037 = error("JATRAPPER200037", "A request was refused: it is not a JSON object.")
JATRAPPER200046 = error(
    "JATRAPPER200046 jobnet_id", "A request was refused: jobnet {jobnet_id} has no enabled version."
)
JATRAPPER200047 = error(
    "JATRAPPER200047 jobnet_id", "A request was refused: its user may not use jobnet {jobnet_id}."
)
JATRAPPER200050 = error(
    "JATRAPPER200050 user_name",
    "A request was refused: user {user_name} is disabled or belongs to no group.",
)
JATRAPPER200051 = error(
    "JATRAPPER200051", "A request was refused: its variables are not an object."
)
JATRAPPER200052 = error(
    "JATRAPPER200052", "A status request was refused: it has no registry number."
)
JATRAPPER200058 = error(
    "JATRAPPER200058 inner_job_id:int host error_text",
    "The result of icon {inner_job_id} from {host} can be stored neither in the database "
    "nor in JaStateDir: {error_text}. The connection was reset so that the agent sends it "
    "again.",
)
JATRAPPER300002 = warning(
    "JATRAPPER300002 inner_job_id:int host reason",
    "The result of icon {inner_job_id} from {host} cannot be judged yet and is kept: "
    "{reason}. It is tried again.",
)
JATRAPPER300003 = warning(
    "JATRAPPER300003 inner_job_id:int host",
    "The database has not taken the result of icon {inner_job_id} from {host} in time; the "
    "result is safe in JaStateDir and follows when the database is back.",
    notify=True,
)
JATRAPPER300004 = warning(
    "JATRAPPER300004 inner_job_id:int host reason",
    "The kept result of icon {inner_job_id} from {host} could not be processed and is given "
    "up: {reason}. Look at the icon and decide by hand.",
    notify=True,
)
JATRAPPER300006 = warning(
    "JATRAPPER300006 user_name peer",
    "A log-in as {user_name} from {peer} was refused: too many wait or have failed just now.",
)
JATRAPPER000001 = information(
    "JATRAPPER000001 count:int", "{count} results kept in JaStateDir have been processed."
)
JATRAPPER000002 = information(
    "JATRAPPER000002 jobnet_id inner_jobnet_id:int user_name peer",
    "Jobnet {jobnet_id} was requested by {user_name} from {peer} (run {inner_jobnet_id}).",
)
