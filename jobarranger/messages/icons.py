"""Messages about starting icons."""

from __future__ import annotations

from jobarranger.messages.declare import error, warning

JARUN200001 = error(
    "JARUN200001 method_flag:int inner_job_id:int job_type:int",
    "Icon {inner_job_id} (type {job_type}) carries the unknown method {method_flag}.",
)
JARUN300002 = warning(
    "JARUN300002 inner_jobnet_main_id:int failures:int error_text",
    "Run {inner_jobnet_main_id} was put aside after {failures} failures in a row: {error_text}. "
    "Other runs go on; this one is tried again with growing pauses. The traceback is in the log.",
    notify=True,
)
JARUN300003 = warning(
    "JARUN300003 inner_jobnet_main_id:int jobnet_id passes:int",
    "Run {inner_jobnet_main_id} of jobnet {jobnet_id} went round a loop {passes} times within a "
    "minute. Other runs go on. If it is not meant to, stop the run and correct its loop.",
    notify=True,
)
JARUNNORMAL200001 = error(
    "JARUNNORMAL200001 function job_type:int inner_job_id:int",
    "Icon {inner_job_id} is of the unknown type {job_type} and cannot be started.",
)
JARUNSKIP200001 = error(
    "JARUNSKIP200001 function job_type:int inner_job_id:int",
    "Icon {inner_job_id} is of type {job_type}, which cannot be skipped.",
)
JARUNICONEND200001 = error(
    "JARUNICONEND200001 function inner_job_id:int", "END icon {inner_job_id} has no settings."
)
JARUNICONEND200002 = error(
    "JARUNICONEND200002 function variable_name inner_job_id:int",
    "The exit code of END icon {inner_job_id} uses variable {variable_name}, which does not exist.",
)
JARUNICONIF200001 = error(
    "JARUNICONIF200001 function hand_flag:int",
    "An IF icon compares in the unknown way {hand_flag}; 0 is numbers, 1 is text.",
)
JARUNICONIF200002 = error(
    "JARUNICONIF200002 function inner_job_id:int",
    "IF icon {inner_job_id} has nothing to compare its variable with.",
)
JARUNICONIF200003 = error(
    "JARUNICONIF200003 function inner_job_id:int",
    "IF icon {inner_job_id} has no settings, or its variable does not exist at this point of the "
    "flow.",
)
JARUNICONIF200004 = error(
    "JARUNICONIF200004 function hand_flag comparison_value variable_value inner_job_id:int",
    "IF icon {inner_job_id} cannot compare the value '{variable_value}' with "
    "'{comparison_value}' (kind {hand_flag}): numbers and ranges low-high are needed.",
)
JARUNICONIF200005 = error(
    "JARUNICONIF200005 inner_job_id:int expression",
    "IF icon {inner_job_id} compares with '{expression}', which takes more memory or time with "
    "this value than an expression may. Write it with fewer repetitions, or compare a shorter "
    "value.",
)
JARUNICONJOBNET200001 = error(
    "JARUNICONJOBNET200001 function inner_job_id:int",
    "JOBNET icon {inner_job_id} has no sub-jobnet in this run.",
)
JARUNICONJOBNET200002 = error(
    "JARUNICONJOBNET200002 inner_job_id:int",
    "The sub-jobnet of JOBNET icon {inner_job_id} cannot begin anew while icons of it are at work. "
    "Wait for them or stop them, then run the icon again.",
)
JARUNICONVALUE200002 = error(
    "JARUNICONVALUE200002 function value inner_job_id:int",
    "Variable icon {inner_job_id} uses {value}, which does not exist.",
)
JARUNICONREBOOT200006 = error(
    "JARUNICONREBOOT200006 function inner_job_id:int agent_message",
    "The agent refused the reboot of icon {inner_job_id}: {agent_message}",
)
