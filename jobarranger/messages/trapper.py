"""Messages about what comes in from agents and commands."""

from __future__ import annotations

from jobarranger.messages.declare import error, information, warning

# -- The trapper

JATRAPPER200005 = error(
    "JATRAPPER200005 jobnet_id user_name", "User {user_name} may not use jobnet {jobnet_id}."
)
JATRAPPER200008 = error(
    "JATRAPPER200008", "A request was refused: user name and password do not match."
)
JATRAPPER200009 = error(
    "JATRAPPER200009 inner_job_id:int", "The status of icon {inner_job_id} cannot be read."
)
JATRAPPER200010 = error(
    "JATRAPPER200010 inner_job_id:int",
    "A result came for icon {inner_job_id}, which is not running; it is refused.",
)
JATRAPPER200012 = error(
    "JATRAPPER200012 inner_job_id:int",
    "The icon or jobnet of the result for {inner_job_id} cannot be read.",
)
JATRAPPER200014 = error(
    "JATRAPPER200014 jobnet_id", "Jobnet {jobnet_id} is to be started but has no enabled version."
)
JATRAPPER200015 = error(
    "JATRAPPER200015",
    "No number could be drawn for a jobnet started by command; nothing was started.",
)
JATRAPPER200016 = error(
    "JATRAPPER200016 jobnet_id",
    "The run of jobnet {jobnet_id}, or a variable for it, could not be stored; nothing was "
    "started.",
)
JATRAPPER200017 = error(
    "JATRAPPER200017 expected_version:int",
    "A result was refused: it is not of protocol version {expected_version}.",
)
JATRAPPER200018 = error("JATRAPPER200018", "A result was refused: it has no protocol version.")
JATRAPPER200021 = error("JATRAPPER200021", "A request was refused: it has no data part.")
JATRAPPER200022 = error("JATRAPPER200022", "A request was refused: its data part is not an object.")
JATRAPPER200023 = error("JATRAPPER200023", "A result was refused: it names no host.")
JATRAPPER200024 = error("JATRAPPER200024", "A result was refused: it has no job number.")
JATRAPPER200025 = error(
    "JATRAPPER200025 result:int",
    "A result was refused: its result code {result} is none that is known.",
)
JATRAPPER200026 = error("JATRAPPER200026", "A result was refused: it has no result code.")
JATRAPPER200027 = error(
    "JATRAPPER200027 expected_version:int",
    "A request was refused: it is not of protocol version {expected_version}.",
)
JATRAPPER200028 = error("JATRAPPER200028", "A request was refused: it has no protocol version.")
JATRAPPER200029 = error("JATRAPPER200029", "A status request was refused: it has no data part.")
JATRAPPER200030 = error(
    "JATRAPPER200030", "A status request was refused: its data part is not an object."
)
JATRAPPER200031 = error("JATRAPPER200031", "A request was refused: it names no host.")
JATRAPPER200032 = error("JATRAPPER200032", "A request was refused: it has no user name.")
JATRAPPER200033 = error("JATRAPPER200033", "A request was refused: it has no password.")
JATRAPPER200034 = error("JATRAPPER200034", "A request was refused: it has no jobnet id.")
JATRAPPER200035 = error("JATRAPPER200035", "A request was refused: its kind is not known.")
JATRAPPER200036 = error("JATRAPPER200036", "A request was refused: it has no kind.")
JATRAPPER200037 = error("JATRAPPER200037", "A request was refused: it is not a JSON object.")
JATRAPPER200038 = error("JATRAPPER200038 error_text", "An answer could not be sent: {error_text}.")
JATRAPPER200040 = error(
    "JATRAPPER200040 method:int", "A result was refused: its method {method} is none that is known."
)
JATRAPPER200041 = error("JATRAPPER200041", "A result was refused: it has no method.")
JATRAPPER200042 = error(
    "JATRAPPER200042 inner_job_id:int jobnet_name",
    "The stop command of icon {inner_job_id} in jobnet {jobnet_name} failed; the job may "
    "still be running.",
)
JATRAPPER200043 = error(
    "JATRAPPER200043 inner_job_id:int", "The agent could not run icon {inner_job_id} properly."
)
JATRAPPER200046 = error(
    "JATRAPPER200046 jobnet_id", "A request was refused: jobnet {jobnet_id} has no enabled version."
)
JATRAPPER200047 = error(
    "JATRAPPER200047 jobnet_id", "A request was refused: its user may not use jobnet {jobnet_id}."
)
JATRAPPER200048 = error(
    "JATRAPPER200048 user_name", "A request was refused: user {user_name} is not known."
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
JATRAPPER200053 = error(
    "JATRAPPER200053", "A status request was refused: no run has that registry number."
)
JATRAPPER200054 = error(
    "JATRAPPER200054 inner_jobnet_id:int", "Jobnet run {inner_jobnet_id} cannot be read."
)
JATRAPPER200057 = error(
    "JATRAPPER200057 table_name key",
    "{table_name} (key {key}) cannot be read to see whether the start was asked for before.",
)
JATRAPPER200058 = error(
    "JATRAPPER200058 inner_job_id:int host error_text",
    "The result of icon {inner_job_id} from {host} can be stored neither in the database "
    "nor in JaStateDir: {error_text}. The connection was reset so that the agent sends it "
    "again.",
)
JATRAPPER300001 = warning(
    "JATRAPPER300001 inner_job_id:int host reason",
    "A result of icon {inner_job_id} from {host} was taken and set aside as it belongs to "
    "no waiting icon: {reason}.",
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
    "The kept result of icon {inner_job_id} from {host} could not be worked in and is given "
    "up: {reason}. Look at the icon and decide by hand.",
    notify=True,
)
JATRAPPER300005 = warning(
    "JATRAPPER300005 peer limit:int",
    "A connection from {peer} had to wait or was closed: {limit} are open already; see "
    "JaMaxConnections.",
)
JATRAPPER300006 = warning(
    "JATRAPPER300006 user_name peer",
    "Too many failed log-ins as {user_name} from {peer}; further ones are refused for a while.",
)
JATRAPPER300007 = warning(
    "JATRAPPER300007 inner_job_id:int host attempt:int current:int",
    "A late result of attempt {attempt} of icon {inner_job_id} came from {host}; attempt "
    "{current} counts, so it changes nothing.",
)
JATRAPPER000001 = information(
    "JATRAPPER000001 count:int", "{count} results kept in JaStateDir have been worked in."
)
JATRAPPER000002 = information(
    "JATRAPPER000002 jobnet_id inner_jobnet_id:int user_name peer",
    "Jobnet {jobnet_id} was requested by {user_name} from {peer} (run {inner_jobnet_id}).",
)
