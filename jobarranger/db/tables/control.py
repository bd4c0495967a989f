"""Counters, parameters, locks and catalogues."""

from __future__ import annotations

from jobarranger.db.tables.columns import (
    created_date,
    integer,
    primary_key,
    string,
    table,
    text,
    u64,
)

#: The names of the built-in variables.
define_value_jobcon = table(
    "ja_define_value_jobcon_table",
    string("value_name", 128),
    created_date(),
    primary_key("ja_define_value_jobcon_pk", "value_name"),
)

#: The extended-job commands, per language of the user.
define_extjob = table(
    "ja_define_extjob_table",
    string("command_id", 32),
    string("lang", 5),
    string("command_name", 128),
    text("memo"),
    created_date(),
    primary_key("ja_define_extjob_pk", "command_id", "lang"),
)

#: SSH sessions of AGENTLESS icons: requests to the session process.
session = table(
    "ja_session_table",
    string("session_id", 64),
    u64("inner_jobnet_main_id"),
    u64("inner_job_id"),
    integer("operation_flag"),
    integer("status"),
    integer("force_stop"),
    integer("pid"),
    primary_key("ja_session_pk", "session_id", "inner_jobnet_main_id"),
)

#: Texts of the run log, per language of the user.
define_run_log_message = table(
    "ja_define_run_log_message_table",
    string("message_id", 32),
    string("lang", 5),
    text("message"),
    integer("log_type"),
    created_date(),
    primary_key("ja_define_run_log_message_pk", "message_id", "lang"),
)

#: Counters that ids are taken from; see jobarranger/db/ids.py.
index = table(
    "ja_index_table",
    integer("count_id", default=1),
    u64("nextid"),
    primary_key("ja_index_pk", "count_id"),
)

#: Settings of the whole installation.
parameter = table(
    "ja_parameter_table",
    string("parameter_name", 128),
    text("value"),
    created_date(),
    primary_key("ja_parameter_pk", "parameter_name"),
)

#: Hosts locked while they reboot; HOST_LOCK_RECORD is the row to lock for a change.
host_lock = table(
    "ja_host_lock_table",
    string("lock_host_name", 128),
    created_date(),
    primary_key("ja_host_lock_pk", "lock_host_name"),
)
