"""Tables of our own, prefixed `ja_ext_`: what the original has no place for.

Every instant here is UTC in milliseconds; names compare exactly (docs/database.md).
"""

from __future__ import annotations

from jobarranger.db.tables.columns import (
    child_of,
    i64,
    index,
    integer,
    long_text,
    own_table,
    primary_key,
    running_key,
    string,
    u64,
)
from jobarranger.db.tables.run import run_jobnet

#: Requests to the outside: committed before the first byte is sent (states.DispatchState).
ext_dispatch = own_table(
    "ja_ext_dispatch",
    u64("inner_job_id"),
    integer("attempt"),
    integer("method"),  # states.Method
    integer("part"),  # of an attempt that asks for several things; 0: it is all
    integer("channel", default=1),  # states.Channel
    u64("inner_jobnet_main_id"),
    integer("slot"),  # states.host_slot(host_name)
    integer("state"),
    string("host_name", 128),
    integer("force_flag"),
    string("address", 255, null=True),
    integer("port", null=True),
    integer("agent_kind", null=True),  # states.AgentKind
    long_text("payload"),  # JSON of what the telegram carries
    i64("created_at"),
    i64("sending_at", null=True),
    i64("accepted_at", null=True),
    i64("result_at", null=True),
    i64("next_try_at", null=True),
    integer("tries"),
    i64("warn_at", null=True),  # when the icon exceeds its warning time
    long_text("message", null=True),
    primary_key("ja_ext_dispatch_pk", "inner_job_id", "attempt", "method", "part"),
    child_of(run_jobnet, "ja_ext_dispatch_fk1", "inner_jobnet_main_id", of=("inner_jobnet_id",)),
    index("ja_ext_dispatch_idx1", "state", "slot"),
    index("ja_ext_dispatch_idx2", "inner_jobnet_main_id"),
    index("ja_ext_dispatch_idx3", "warn_at"),
)

#: Results that could not be judged when they came; kept until they can.
ext_inbox = own_table(
    "ja_ext_inbox",
    running_key("id"),
    i64("received_at"),
    string("peer", 255),
    string("host_name", 128),
    u64("inner_job_id"),
    integer("attempt", null=True),
    long_text("telegram"),
    long_text("reason"),
    integer("tries"),
    i64("next_try_at", null=True),
    primary_key("ja_ext_inbox_pk", "id"),
    index("ja_ext_inbox_idx1", "next_try_at"),
    index("ja_ext_inbox_idx2", "inner_job_id"),
)

#: The instants of an icon, exact to the millisecond (states.IconEvent).
ext_event = own_table(
    "ja_ext_event",
    running_key("id"),
    u64("inner_jobnet_main_id"),
    u64("inner_job_id"),
    integer("attempt"),
    integer("event"),
    i64("at"),
    primary_key("ja_ext_event_pk", "id"),
    child_of(run_jobnet, "ja_ext_event_fk1", "inner_jobnet_main_id", of=("inner_jobnet_id",)),
    index("ja_ext_event_idx1", "inner_jobnet_main_id"),
    index("ja_ext_event_idx2", "inner_job_id"),
)

#: What people did, from where and to what.
ext_audit = own_table(
    "ja_ext_audit",
    running_key("id"),
    i64("at"),
    string("actor_user", 100),
    string("actor_source", 32),
    string("action", 64),
    string("target", 255),
    long_text("detail", null=True),
    primary_key("ja_ext_audit_pk", "id"),
    index("ja_ext_audit_idx1", "at"),
)

#: Starts that clients asked for, by the id of the request: a repeated one finds its run here.
ext_request = own_table(
    "ja_ext_request",
    string("request_id", 64),
    u64("inner_jobnet_id"),
    i64("at"),
    primary_key("ja_ext_request_pk", "request_id"),
    index("ja_ext_request_idx1", "at"),
)

#: Pauses of starts, those that are over included: starts that waited are not late because of it.
ext_pause = own_table(
    "ja_ext_pause",
    running_key("id"),
    integer("scope"),  # states.PauseScope
    string("name", 128),  # jobnet or host; empty for all
    integer("hold_loading"),  # 1: schedules load nothing either, no job is sent
    i64("since"),
    i64("until_at", null=True),  # when it ends by itself
    i64("ended_at", null=True),  # when somebody ended it
    string("actor_user", 100),
    long_text("reason"),
    primary_key("ja_ext_pause_pk", "id"),
    index("ja_ext_pause_idx1", "ended_at"),
)

#: The gate of a jobnet, locked by whoever lets one of its runs start that may not run beside
#: others (jobarranger.db.gates); made when it is first needed.
ext_gate = own_table(
    "ja_ext_gate",
    string("jobnet_id", 32),
    u64("passed"),  # how often runs have passed
    primary_key("ja_ext_gate_pk", "jobnet_id"),
)

#: Scheduled starts that were loaded, so that nothing is loaded twice: it outlives the run.
ext_slot = own_table(
    "ja_ext_slot",
    i64("slot"),  # local minute, 12 digits
    string("schedule_id", 32),
    string("calendar_id", 32),  # calendar or filter
    string("jobnet_id", 32),
    u64("inner_jobnet_id"),
    i64("slot_at"),  # the instant that the slot stands for
    i64("at"),
    primary_key("ja_ext_slot_pk", "slot", "schedule_id", "calendar_id", "jobnet_id"),
    index("ja_ext_slot_idx1", "slot_at"),
    index("ja_ext_slot_idx2", "inner_jobnet_id"),
)

#: How far the schedules have been loaded: one row.
ext_window = own_table(
    "ja_ext_window",
    integer("id"),
    i64("until_at"),
    i64("at"),
    primary_key("ja_ext_window_pk", "id"),
)

#: Schedules, calendars and filters in force, and since when the loader knows it.
ext_in_force = own_table(
    "ja_ext_in_force",
    integer("kind"),  # states.DatedKind
    string("object_id", 32),
    u64("update_date"),
    i64("since_at"),
    primary_key("ja_ext_in_force_pk", "kind", "object_id"),
)

#: How long runs of a jobnet may take, for those versions that say so.
ext_jobnet_limit = own_table(
    "ja_ext_jobnet_limit",
    string("jobnet_id", 32),
    u64("update_date"),
    integer("minutes"),
    primary_key("ja_ext_jobnet_limit_pk", "jobnet_id", "update_date"),
)

#: Hosts of the embedded directory.
ext_host = own_table(
    "ja_ext_host",
    string("host_name", 128),
    string("address", 255),
    integer("port", null=True),
    integer("ssh_port", null=True),
    integer("enabled", default=1),
    primary_key("ja_ext_host_pk", "host_name"),
)

#: What is known of the agent on a host.
ext_agent = own_table(
    "ja_ext_agent",
    string("host_name", 128),
    integer("agent_kind"),  # states.AgentKind
    string("version", 32, null=True),
    i64("seen_at"),
    primary_key("ja_ext_agent_pk", "host_name"),
)

#: Users of the embedded directory.
ext_user = own_table(
    "ja_ext_user",
    string("user_name", 100),
    string("password_hash", 255),
    integer("user_type", default=1),  # states.UserType
    string("lang", 5, default="en_gb"),
    integer("enabled", default=1),
    i64("created_at"),
    primary_key("ja_ext_user_pk", "user_name"),
)

#: Groups of the embedded directory: their members see each other's jobnets.
ext_group = own_table(
    "ja_ext_group",
    string("group_name", 64),
    integer("enabled", default=1),
    primary_key("ja_ext_group_pk", "group_name"),
)

#: Who belongs to which group.
ext_user_group = own_table(
    "ja_ext_user_group",
    string("user_name", 100),
    string("group_name", 64),
    primary_key("ja_ext_user_group_pk", "user_name", "group_name"),
    child_of(ext_user, "ja_ext_user_group_fk1", "user_name"),
    child_of(ext_group, "ja_ext_user_group_fk2", "group_name"),
    index("ja_ext_user_group_idx1", "group_name"),
)

#: Servers: one row for each start of one, with its last sign of life.
ext_server = own_table(
    "ja_ext_server",
    string("server_id", 17),
    string("host_name", 255),
    i64("started_at"),
    i64("seen_at"),
    i64("stopped_at", null=True),  # in order; without it, it may have died
    primary_key("ja_ext_server_pk", "server_id"),
)

#: What was reported about late starts and silent servers, so that nothing is reported twice.
ext_told = own_table(
    "ja_ext_told",
    string("cause", 255),
    string("reporter", 16),
    i64("at"),
    primary_key("ja_ext_told_pk", "cause", "reporter"),
    index("ja_ext_told_idx1", "at"),
)
