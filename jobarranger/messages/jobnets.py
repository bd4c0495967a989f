"""Messages about jobnets and the arrows between their icons."""

from __future__ import annotations

from jobarranger.messages.declare import error, information, warning

# -- Jobnets

JAJOBNET000001 = information(
    "JAJOBNET000001 function inner_jobnet_id:int jobnet_id execution_user",
    "Jobnet {jobnet_id} (run {inner_jobnet_id}, user {execution_user}) is stopped, as an operator "
    "has asked.",
)
JAJOBNET000002 = information(
    "JAJOBNET000002 function inner_jobnet_id:int ready_count:int running_count:int",
    "Run {inner_jobnet_id} has been stopped: {ready_count} icons that were ready will not start; "
    "the agents have been asked to kill {running_count} jobs that were running.",
)
JAJOBNETREADY200002 = error(
    "JAJOBNETREADY200002 function start_icon_count:int inner_jobnet_id:int",
    "Jobnet run {inner_jobnet_id} has {start_icon_count} START icons where exactly one is "
    "needed; it ends in error. Correct the definition.",
)
JAJOBNETRUN000001 = information(
    "JAJOBNETRUN000001 function inner_job_id:int main_jobnet_id job_id_path execution_user "
    "job_exit_cd icon_status",
    "Icon {job_id_path} of jobnet {main_jobnet_id} (user {execution_user}, number "
    "{inner_job_id}) has stopped with an error: exit code {job_exit_cd}, status "
    "{icon_status}. The jobnet waits: run the icon again or skip it.",
    notify=True,
)
JAJOBNETRUN200001 = error(
    "JAJOBNETRUN200001 function inner_job_id:int main_jobnet_id job_id_path execution_user",
    "Icon {job_id_path} of jobnet {main_jobnet_id} (user {execution_user}, number "
    "{inner_job_id}) has failed for good and takes its jobnet down.",
)
JAJOBNETRUN200002 = error(
    "JAJOBNETRUN200002 function inner_jobnet_id:int",
    "More than one END icon was reached in jobnet run {inner_jobnet_id}; it ends in error. "
    "Correct the definition.",
)
JAJOBNETRUN200003 = error(
    "JAJOBNETRUN200003 function start_icon_count:int inner_jobnet_id:int",
    "The running jobnet {inner_jobnet_id} contains {start_icon_count} START icons where "
    "exactly one is needed; it ends in error.",
)
JAJOBNETRUN200004 = error(
    "JAJOBNETRUN200004 function inner_jobnet_id:int",
    "The running jobnet {inner_jobnet_id} contains no END icon; it ends in error. Correct "
    "the definition.",
)
JAJOBNETRUN200005 = error(
    "JAJOBNETRUN200005 function inner_jobnet_id:int ready_count:int running_count:int",
    "END was reached in jobnet run {inner_jobnet_id} while other icons are still at work "
    "({ready_count} ready, {running_count} running); it ends in error.",
)

JAJOBNETRUN300001 = warning(
    "JAJOBNETRUN300001 inner_jobnet_id:int jobnet_id main_id:int",
    "Jobnet run {inner_jobnet_id} ({jobnet_id}) stands still: no icon of it can start any more, "
    "and no END was reached. `jobarg_ctl jobnet show {main_id}` shows what each icon waits for; "
    "stop the run and correct the definition.",
    notify=True,
)

# -- Flow

JAFLOW200001 = error(
    "JAFLOW200001 function inner_job_id:int",
    "An arrow leads to icon {inner_job_id}, which has no row; its jobnet cannot go on.",
)
JAFLOW200002 = error(
    "JAFLOW200002 function end_inner_job_id:int status:int",
    "After icon {end_inner_job_id} the next icon is in status {status}, which cannot be; "
    "its jobnet cannot go on.",
)
JAFLOW200003 = error(
    "JAFLOW200003 function inner_job_id:int",
    "No arrow of the needed kind leads out of icon {inner_job_id}; the jobnet stops there. "
    "Correct the definition.",
)
JAFLOW200005 = error(
    "JAFLOW200005 function jobnet_status:int inner_jobnet_id:int",
    "The flow would go on in jobnet run {inner_jobnet_id}, which is no longer running "
    "(status {jobnet_status}); it ends there.",
)
JAFLOW300001 = warning(
    "JAFLOW300001 function end_inner_job_id:int",
    "The flow leads to END icon {end_inner_job_id}, which has run already; nothing happens.",
)
