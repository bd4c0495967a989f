"""Messages about starting icons and about variables."""

from __future__ import annotations

from jobarranger.messages.declare import error, warning

# -- Running icons

JARUN200001 = error(
    "JARUN200001 method_flag:int inner_job_id:int job_type:int",
    "Icon {inner_job_id} (type {job_type}) carries the unknown method {method_flag}.",
)
JARUN300001 = warning(
    "JARUN300001 function inner_job_id:int",
    "Icon {inner_job_id} has not been started, so there is nothing to stop; the request is "
    "dropped.",
)
JARUN300002 = warning(
    "JARUN300002 inner_jobnet_main_id:int failures:int error_text",
    "Run {inner_jobnet_main_id} was put aside after {failures} failures in a row: {error_text}. "
    "Other runs go on; this one is tried again with growing pauses. The traceback is in the log.",
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
JARUNVALUE300001 = warning(
    "JARUNVALUE300001 function inner_job_id:int",
    "Icon {inner_job_id} has no row although its variables are to be prepared.",
)
JARUNICONEND200001 = error(
    "JARUNICONEND200001 function inner_job_id:int", "END icon {inner_job_id} has no settings."
)
JARUNICONEND200002 = error(
    "JARUNICONEND200002 function variable_name inner_job_id:int",
    "The exit code of END icon {inner_job_id} uses variable {variable_name}, which does not exist.",
)
JARUNICONVALUE200001 = error(
    "JARUNICONVALUE200001 function table_name value_name inner_job_id:int",
    "Variable icon {inner_job_id} could not store {value_name} in {table_name}.",
)
JARUNICONVALUE200002 = error(
    "JARUNICONVALUE200002 function value inner_job_id:int",
    "Variable icon {inner_job_id} uses {value}, which does not exist.",
)
JARUNICONIF200001 = error(
    "JARUNICONIF200001 function hand_flag:int",
    "A branch icon carries the unknown way to compare {hand_flag}.",
)
JARUNICONIF200002 = error(
    "JARUNICONIF200002 function inner_job_id:int",
    "Branch icon {inner_job_id} lacks the way to compare, the value to compare with, or the "
    "variable's value.",
)
JARUNICONIF200003 = error(
    "JARUNICONIF200003 function inner_job_id:int",
    "Branch icon {inner_job_id} has no settings, or its variable does not exist.",
)
JARUNICONIF200004 = error(
    "JARUNICONIF200004 function hand_flag comparison_value variable_value inner_job_id:int",
    'Branch icon {inner_job_id} cannot compare "{variable_value}" with "{comparison_value}" '
    "as numbers (way {hand_flag}).",
)
JARUNICONJOBNET200001 = error(
    "JARUNICONJOBNET200001 function inner_job_id:int", "Jobnet icon {inner_job_id} has no settings."
)
JARUNICONTASK200001 = error(
    "JARUNICONTASK200001 function inner_job_id:int", "Task icon {inner_job_id} has no settings."
)
JARUNICONTASK200004 = error(
    "JARUNICONTASK200004 function jobnet_id",
    "A task icon names jobnet {jobnet_id}, which has no enabled version. Enable one, then "
    "run the icon again.",
)
JARUNICONTASK200005 = error(
    "JARUNICONTASK200005 function inner_jobnet_id",
    "The run {inner_jobnet_id} of a task icon was not found.",
)
JARUNICONINFO200001 = error(
    "JARUNICONINFO200001 function inner_job_id:int",
    "The path in information icon {inner_job_id} leads through an icon that is no jobnet.",
)
JARUNICONINFO200002 = error(
    "JARUNICONINFO200002 function job_id inner_job_id:int",
    "Icon {job_id}, which information icon {inner_job_id} asks for, was not found.",
)
JARUNICONINFO200003 = error(
    "JARUNICONINFO200003 function inner_job_id:int",
    "Information icon {inner_job_id} has no settings.",
)
JARUNICONINFO200004 = error(
    "JARUNICONINFO200004 function calendar_id",
    "Calendar {calendar_id}, which an information icon asks for, has no enabled version.",
)
JARUNICONRELEASE200001 = error(
    "JARUNICONRELEASE200001 function inner_job_id:int",
    "Release icon {inner_job_id} has no settings.",
)
JARUNICONRELEASE200002 = error(
    "JARUNICONRELEASE200002 function release_job_id release_inner_job_id:int",
    "Icon {release_job_id} (number {release_inner_job_id}) is to be released but is not on hold.",
)
JARUNICONRELEASE200003 = error(
    "JARUNICONRELEASE200003 function release_job_id inner_job_id:int",
    "Icon {release_job_id}, which release icon {inner_job_id} names, was not found.",
)
JARUNICONCALC200001 = error(
    "JARUNICONCALC200001 function inner_job_id:int",
    "Calculation icon {inner_job_id} has no settings.",
)
JARUNICONCALC200003 = error(
    "JARUNICONCALC200003 function", "The command of a calculation icon could not be started."
)
JARUNICONCALC200004 = error(
    "JARUNICONCALC200004 function command",
    "The command of a calculation icon wrote nothing: {command}.",
)
JARUNICONCALC200005 = error(
    "JARUNICONCALC200005 function wait_status:int",
    "The command of a calculation icon failed (wait status {wait_status}).",
)
JARUNICONEXTJOB200004 = error(
    "JARUNICONEXTJOB200004 function inner_job_id:int",
    "Extended job icon {inner_job_id} has no settings.",
)
JARUNICONEXTJOB200008 = error(
    "JARUNICONEXTJOB200008 function command_id inner_job_id:int job_id_path",
    "Extended job {job_id_path} (number {inner_job_id}) names the unknown command {command_id}.",
)
JARUNICONEXTJOB200009 = error(
    "JARUNICONEXTJOB200009 function value inner_job_id:int job_id_path",
    'Extended job {job_id_path} (number {inner_job_id}): "{value}" is no time to sleep.',
)
JARUNICONEXTJOB200011 = error(
    "JARUNICONEXTJOB200011 function value inner_job_id:int job_id_path",
    'Extended job {job_id_path} (number {inner_job_id}): "{value}" is no time of day.',
)
JARUNICONEXTJOB200013 = error(
    "JARUNICONEXTJOB200013 function value inner_job_id:int job_id_path",
    'Extended job {job_id_path} (number {inner_job_id}): "{value}" is no day of the week.',
)
JARUNICONEXTJOB200016 = error(
    "JARUNICONEXTJOB200016 function value start_time inner_job_id:int job_id_path",
    "Extended job {job_id_path} (number {inner_job_id}): no instant can be made of "
    '"{value}" and the start time {start_time}.',
)
JARUNICONEXTJOB200017 = error(
    "JARUNICONEXTJOB200017 function value inner_job_id:int job_id_path",
    'Extended job {job_id_path} (number {inner_job_id}): a day is given twice in "{value}".',
)
JARUNICONREBOOT200001 = error(
    "JARUNICONREBOOT200001 function inner_job_id:int", "Reboot icon {inner_job_id} has no settings."
)
JARUNICONREBOOT200002 = error(
    "JARUNICONREBOOT200002 function host_or_variable host_flag:int inner_job_id:int",
    'The host of reboot icon {inner_job_id} cannot be told from "{host_or_variable}" (host '
    "flag {host_flag}).",
)
JARUNICONREBOOT200006 = error(
    "JARUNICONREBOOT200006 function inner_job_id:int agent_message",
    "The agent refused the reboot of icon {inner_job_id}: {agent_message}",
)
JARUNICONFWAIT200001 = error(
    "JARUNICONFWAIT200001 function inner_job_id:int",
    "File wait icon {inner_job_id} has no settings.",
)
JARUNICONFWAIT200002 = error(
    "JARUNICONFWAIT200002 function value inner_job_id:int",
    "File wait icon {inner_job_id} uses {value}, which does not exist.",
)

# -- Variables

JAVALUE200003 = error(
    "JAVALUE200003 function inner_job_id:int",
    "Icon {inner_job_id} has no variables, or they could not be read.",
)
JAVALUE200006 = error(
    "JAVALUE200006 function variable_name inner_job_id:int",
    "Icon {inner_job_id} uses variable {variable_name}, which does not exist.",
)
JAVALUE200008 = error(
    "JAVALUE200008 function variable_name inner_job_id:int",
    "Icon {inner_job_id} uses a variable without a name or without its closing brace: "
    "{variable_name}.",
)
JAVALUE200009 = error(
    "JAVALUE200009 function max_length:int length:int variable_name inner_job_id:int",
    "Icon {inner_job_id} uses variable {variable_name}, whose name is {length} characters "
    "long; {max_length} are allowed.",
)
JAVALUE300001 = warning(
    "JAVALUE300001 function inner_job_id:int inner_jobnet_id:int",
    "A variable set by icon {inner_job_id} of run {inner_jobnet_id} could not be stored.",
)
