"""Messages about jobs on agents: hosts, connections, requests and their outcome."""

from __future__ import annotations

from jobarranger.messages.declare import error, information, warning

# -- Jobs on agents

JARUNAGENT200004 = error(
    "JARUNAGENT200004 function inner_job_id:int agent_message",
    "The agent refused icon {inner_job_id} or gave no usable answer: {agent_message}",
)
JARUNICONJOB200012 = error(
    "JARUNICONJOB200012 inner_job_id:int agent_message",
    "The agent did not take job {inner_job_id}: {agent_message}",
)
JARUNICONJOB200017 = error(
    "JARUNICONJOB200017 inner_job_id:int", "Job icon {inner_job_id} has no settings."
)
JARUNICONJOB200028 = error(
    "JARUNICONJOB200028 host_or_variable host_flag:int inner_job_id:int",
    'The host of job icon {inner_job_id} cannot be found from "{host_or_variable}" (host '
    "flag {host_flag}). If it is a variable, see that it is set before this icon.",
)
JAHOST200002 = error(
    "JAHOST200002 function host inner_job_id:int",
    "Host {host} of icon {inner_job_id} is not known. Add it, or correct the icon.",
)
JAHOST200003 = error(
    "JAHOST200003 function host inner_job_id:int job_id",
    "Host {host} is disabled, so icon {job_id} (number {inner_job_id}) is not run. Enable "
    "the host, or mark the icon to be forced.",
)
JAHOST200006 = error(
    "JAHOST200006 function host host_address inner_job_id:int",
    "A result for icon {inner_job_id} of host {host} came from {host_address}, which is not "
    "that host's address, and is refused. Correct the host's address if the sender is "
    "right.",
)
JACONNECT300001 = error(
    "JACONNECT300001 function error_text host_address port:int source_ip timeout:int",
    "No connection to {host_address} port {port} (from {source_ip}, limit {timeout} s): "
    "{error_text}. Is the agent running, and does a firewall let the port through?",
)
JACONNECT300002 = warning(
    "JACONNECT300002 host host_address port:int error_text seconds:int",
    "No connection to {host} ({host_address} port {port}): {error_text}. Tried again for "
    "{seconds} s more, then the icons waiting for it fail.",
)
JACONNECT000001 = information(
    "JACONNECT000001 host host_address port:int",
    "{host} ({host_address} port {port}) can be reached again.",
)
JACONNECT300003 = warning(
    "JACONNECT300003 host host_address port:int",
    "{host} ({host_address} port {port}) takes connections and does not answer. Jobs for it "
    "wait until it does: look at the agent there.",
)
JACONNECT000002 = information(
    "JACONNECT000002 host host_address port:int",
    "{host} ({host_address} port {port}) answers again.",
)
JADISPATCH200001 = error(
    "JADISPATCH200001 inner_job_id:int job_id_path host seconds:int",
    "Outcome unknown: job {job_id_path} (number {inner_job_id}) was sent to {host}, which "
    "has neither answered nor reported within {seconds} s. It may have run, be running, or "
    "never have started: look on the host, then decide with jobarg_ctl icon resolve.",
)
JADISPATCH200002 = error(
    "JADISPATCH200002 inner_job_id:int what length:int limit:int",
    "Job {inner_job_id} cannot be sent: its {what} is {length} bytes long, and this agent "
    "takes {limit} at most.",
)
JADISPATCH200003 = error(
    "JADISPATCH200003 inner_job_id:int host error_text",
    "The stop of job {inner_job_id} could not be delivered to {host}: {error_text}. The job "
    "may still be running.",
)
JADISPATCH300001 = warning(
    "JADISPATCH300001 inner_job_id:int host",
    "{host} still runs an older attempt of job {inner_job_id}; the new one waits for it to end.",
)
JADISPATCH300002 = warning(
    "JADISPATCH300002 host agent_message seconds:int",
    "{host} takes no jobs for now: {agent_message}. Tried again for {seconds} s more, then the "
    "icons waiting for it fail.",
)
JADISPATCH000002 = information("JADISPATCH000002 host", "{host} takes jobs again.")
JADISPATCH000001 = information(
    "JADISPATCH000001 inner_job_id:int host state",
    "{host} reports job {inner_job_id} as {state} after its answer was missing.",
)
JAJOBICONJOB300001 = warning(
    "JAJOBICONJOB300001 function inner_job_id:int timeout_minutes start_time main_jobnet_id "
    "job_id_path execution_user",
    "Job {job_id_path} of jobnet {main_jobnet_id} (user {execution_user}, number "
    "{inner_job_id}) runs longer than {timeout_minutes} minutes (since {start_time}). It "
    "goes on running.",
)
