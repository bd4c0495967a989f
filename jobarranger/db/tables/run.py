"""What runs: instances, their icons and arrows with copies of the settings, values, logs.

Deleting the main row of a run deletes everything that belongs to it, except the run log.
Indexes called `ja_ext_…` are ours; the original scanned whole tables instead.
"""

from __future__ import annotations

from jobarranger.db.tables.columns import (
    char,
    child_of,
    created_date,
    index,
    integer,
    primary_key,
    running_key,
    running_number,
    string,
    support_index,
    table,
    text,
    u64,
    u64_key,
    unique_running,
)

#: Instances: the main jobnet of a run and each of its sub-jobnets.
run_jobnet = table(
    "ja_run_jobnet_table",
    u64_key("inner_jobnet_id"),
    u64("inner_jobnet_main_id"),
    u64("inner_job_id"),
    u64("update_date"),
    created_date(),
    integer("run_type"),
    integer("main_flag"),
    integer("timeout_flag"),
    integer("status"),
    u64("scheduled_time"),
    u64("start_time"),
    u64("end_time"),
    integer("public_flag"),
    integer("multiple_start_up"),
    string("jobnet_id", 32),
    string("user_name", 100),
    string("jobnet_name", 64),
    string("memo", 100, null=True),
    string("schedule_id", 32, null=True),
    string("calendar_id", 32, null=True),
    char("boot_time", 4, null=True),
    string("execution_user_name", 100),
    string("running_job_id", 1024, null=True),
    string("running_job_name", 64, null=True),
    u64("virtual_time"),
    u64("virtual_start_time"),
    u64("virtual_end_time"),
    u64("initial_scheduled_time"),
    primary_key("ja_run_jobnet_pk", "inner_jobnet_id"),
    index("ja_run_jobnet_idx1", "inner_jobnet_main_id"),
    index("ja_run_jobnet_idx2", "status"),
    index("ja_run_jobnet_idx3", "scheduled_time"),
    index("ja_run_jobnet_idx4", "jobnet_id"),
    index("ja_ext_run_jobnet_idx1", "initial_scheduled_time"),
)

#: A run as people see it in the lists: one row per main jobnet, made last.
run_jobnet_summary = table(
    "ja_run_jobnet_summary_table",
    u64_key("inner_jobnet_id"),
    u64("update_date"),
    created_date(),
    integer("invo_flag"),
    integer("run_type"),
    integer("status"),
    integer("job_status"),
    integer("jobnet_abort_flag"),
    integer("load_status"),
    u64("scheduled_time"),
    u64("start_time"),
    u64("end_time"),
    integer("public_flag"),
    integer("multiple_start_up"),
    string("jobnet_id", 32),
    string("user_name", 100),
    string("jobnet_name", 64),
    string("memo", 100, null=True),
    string("schedule_id", 32, null=True),
    string("calendar_id", 32, null=True),
    char("boot_time", 4, null=True),
    string("execution_user_name", 100),
    string("running_job_id", 1024, null=True),
    string("running_job_name", 64, null=True),
    u64("virtual_time"),
    u64("virtual_start_time"),
    u64("virtual_end_time"),
    integer("start_pending_flag"),
    u64("initial_scheduled_time"),
    primary_key("ja_run_jobnet_summary_pk", "inner_jobnet_id"),
    child_of(run_jobnet, "ja_run_jobnet_summary_fk1", "inner_jobnet_id"),
    index("ja_run_jobnet_summary_idx1", "status"),
    index("ja_run_jobnet_summary_idx2", "end_time"),
    index("ja_run_jobnet_summary_idx3", "public_flag"),
    index("ja_ext_run_jobnet_summary_idx1", "jobnet_id", "start_time"),
    index("ja_ext_run_jobnet_summary_idx2", "scheduled_time"),
    index("ja_ext_run_jobnet_summary_idx3", "start_time"),
    index("ja_ext_run_jobnet_summary_idx4", "status", "scheduled_time"),
)

#: The icons of an instance.
run_job = table(
    "ja_run_job_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    u64("inner_jobnet_main_id"),
    u64("inner_job_id_fs_link"),
    created_date(),
    integer("invo_flag"),
    integer("job_type"),
    integer("test_flag"),
    integer("method_flag"),
    integer("force_flag"),
    integer("timeout_flag"),
    integer("status"),
    integer("boot_count"),
    integer("end_count"),
    u64("start_time"),
    u64("end_time"),
    integer("point_x"),
    integer("point_y"),
    string("job_id", 32),
    string("job_name", 64, null=True),
    integer("continue_flag"),
    string("run_user", 256, null=True),
    string("run_user_password", 256, null=True),
    primary_key("ja_run_job_pk", "inner_job_id"),
    child_of(run_jobnet, "ja_run_job_fk1", "inner_jobnet_id"),
    index("ja_run_job_idx1", "status"),
    index("ja_run_job_idx2", "inner_jobnet_main_id"),
    support_index("ja_run_job_fk1", "inner_jobnet_id"),
)

#: The arrows of an instance.
run_flow = table(
    "ja_run_flow_table",
    u64_key("inner_flow_id"),
    u64("inner_jobnet_id"),
    u64("start_inner_job_id"),
    u64("end_inner_job_id"),
    integer("flow_type"),
    integer("flow_width"),
    primary_key("ja_run_flow_pk", "inner_flow_id"),
    child_of(run_jobnet, "ja_run_flow_fk1", "inner_jobnet_id"),
    support_index("ja_run_flow_fk1", "inner_jobnet_id"),
    index("ja_ext_run_flow_idx1", "start_inner_job_id"),
    index("ja_ext_run_flow_idx2", "end_inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_agentless = table(
    "ja_run_icon_agentless_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("host_flag"),
    integer("connection_method"),
    integer("session_flag"),
    integer("auth_method"),
    integer("run_mode"),
    integer("line_feed_code"),
    integer("timeout"),
    string("session_id", 64),
    string("login_user", 256, null=True),
    string("login_password", 256, null=True),
    text("public_key", null=True),
    text("private_key", null=True),
    string("passphrase", 256, null=True),
    string("host_name", 128, null=True),
    string("stop_code", 32, null=True),
    string("terminal_type", 80, null=True),
    string("character_code", 80, null=True),
    string("prompt_string", 256, null=True),
    text("command", null=True),
    primary_key("ja_run_icon_agentless_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_agentless_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_calc = table(
    "ja_run_icon_calc_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("hand_flag"),
    string("formula", 100),
    string("value_name", 128),
    primary_key("ja_run_icon_calc_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_calc_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_end = table(
    "ja_run_icon_end_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("jobnet_stop_flag"),
    string("jobnet_stop_code", 256, default="0"),
    primary_key("ja_run_icon_end_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_end_fk1", "inner_job_id"),
)

#: Like its definition, with the state of the waiting.
run_icon_extjob = table(
    "ja_run_icon_extjob_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    string("command_id", 32),
    text("value", null=True),
    integer("pid"),
    integer("wait_count"),
    string("wait_time", 14, null=True),
    primary_key("ja_run_icon_extjob_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_extjob_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_fcopy = table(
    "ja_run_icon_fcopy_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("from_host_flag"),
    integer("to_host_flag"),
    integer("overwrite_flag"),
    string("from_host_name", 128),
    text("from_directory"),
    text("from_file_name"),
    string("to_host_name", 128),
    text("to_directory"),
    primary_key("ja_run_icon_fcopy_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_fcopy_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_fwait = table(
    "ja_run_icon_fwait_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("host_flag"),
    integer("fwait_mode_flag"),
    integer("file_delete_flag"),
    integer("file_wait_time"),
    string("host_name", 128),
    text("file_name"),
    primary_key("ja_run_icon_fwait_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_fwait_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_if = table(
    "ja_run_icon_if_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("hand_flag"),
    string("value_name", 128),
    text("comparison_value"),
    primary_key("ja_run_icon_if_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_if_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_info = table(
    "ja_run_icon_info_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("info_flag"),
    u64("item_id", null=True),
    u64("trigger_id", null=True),
    string("host_group", 64, null=True),
    string("host_name", 128, null=True),
    text("get_job_id", null=True),
    string("get_calendar_id", 32, null=True),
    primary_key("ja_run_icon_info_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_info_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_jobnet = table(
    "ja_run_icon_jobnet_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    u64("link_inner_jobnet_id"),
    string("link_jobnet_id", 32),
    primary_key("ja_run_icon_jobnet_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_jobnet_fk1", "inner_job_id"),
    index("ja_ext_run_icon_jobnet_idx1", "link_inner_jobnet_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_job = table(
    "ja_run_icon_job_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("host_flag"),
    integer("stop_flag"),
    integer("command_type"),
    integer("timeout"),
    string("host_name", 128),
    string("stop_code", 32, null=True),
    primary_key("ja_run_icon_job_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_job_fk1", "inner_job_id"),
)

#: As in the definition, for the run.
run_job_command = table(
    "ja_run_job_command_table",
    u64("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("command_cls"),
    text("command"),
    primary_key("ja_run_job_command_pk", "inner_job_id", "command_cls"),
    child_of(run_icon_job, "ja_run_job_command_fk1", "inner_job_id"),
)

#: As in the definition, for the run.
run_value_job = table(
    "ja_run_value_job_table",
    u64("inner_job_id"),
    u64("inner_jobnet_id"),
    string("value_name", 128),
    text("value"),
    primary_key("ja_run_value_job_pk", "inner_job_id", "value_name"),
    child_of(run_icon_job, "ja_run_value_job_fk1", "inner_job_id"),
)

#: As in the definition, for the run.
run_value_jobcon = table(
    "ja_run_value_jobcon_table",
    u64("inner_job_id"),
    u64("inner_jobnet_id"),
    string("value_name", 128),
    primary_key("ja_run_value_jobcon_pk", "inner_job_id", "value_name"),
    child_of(run_icon_job, "ja_run_value_jobcon_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_reboot = table(
    "ja_run_icon_reboot_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("host_flag"),
    integer("reboot_mode_flag"),
    integer("reboot_wait_time"),
    string("host_name", 128),
    integer("timeout"),
    primary_key("ja_run_icon_reboot_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_reboot_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_release = table(
    "ja_run_icon_release_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    text("release_job_id"),
    primary_key("ja_run_icon_release_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_release_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_task = table(
    "ja_run_icon_task_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    u64("submit_inner_jobnet_id"),
    string("submit_jobnet_id", 32),
    primary_key("ja_run_icon_task_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_task_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_value = table(
    "ja_run_icon_value_table",
    u64("inner_job_id"),
    u64("inner_jobnet_id"),
    string("value_name", 128),
    text("value"),
    primary_key("ja_run_icon_value_pk", "inner_job_id", "value_name"),
    child_of(run_job, "ja_run_icon_value_fk1", "inner_job_id"),
)

#: The definition's settings of an icon, copied for the run.
run_icon_zabbix_link = table(
    "ja_run_icon_zabbix_link_table",
    u64_key("inner_job_id"),
    u64("inner_jobnet_id"),
    integer("link_target"),
    integer("link_operation"),
    u64("groupid"),
    u64("hostid"),
    u64("itemid"),
    u64("triggerid"),
    primary_key("ja_run_icon_zabbix_link_pk", "inner_job_id"),
    child_of(run_job, "ja_run_icon_zabbix_link_fk1", "inner_job_id"),
)

#: Variables as an icon began.
run_value_before = table(
    "ja_run_value_before_table",
    u64("inner_job_id"),
    u64("inner_jobnet_id"),
    string("value_name", 128),
    text("before_value"),
    running_number("seq_no"),
    child_of(run_job, "ja_run_value_before_fk1", "inner_job_id"),
    unique_running("ja_run_value_before_idx1", "seq_no"),
    support_index("ja_run_value_before_fk1", "inner_job_id"),
)

#: Variables as an icon ended.
run_value_after = table(
    "ja_run_value_after_table",
    u64("inner_job_id"),
    u64("inner_jobnet_id"),
    string("value_name", 128),
    text("after_value"),
    running_number("seq_no"),
    child_of(run_job, "ja_run_value_after_fk1", "inner_job_id"),
    unique_running("ja_run_value_after_idx1", "seq_no"),
    support_index("ja_run_value_after_fk1", "inner_job_id"),
)

#: Variables an instance begins with.
value_before_jobnet = table(
    "ja_value_before_jobnet_table",
    u64("inner_jobnet_id"),
    string("value_name", 128),
    text("before_value", default=None),
    running_number("seq_no"),
    child_of(run_jobnet, "ja_value_before_jobnet_fk1", "inner_jobnet_id"),
    unique_running("ja_value_before_jobnet_idx1", "seq_no"),
    support_index("ja_value_before_jobnet_fk1", "inner_jobnet_id"),
)

#: Variables an instance ends with; nobody fills it.
value_after_jobnet = table(
    "ja_value_after_jobnet_table",
    u64("inner_jobnet_id"),
    string("value_name", 128),
    text("after_value", default=None),
    running_number("seq_no"),
    child_of(run_jobnet, "ja_value_after_jobnet_fk1", "inner_jobnet_id"),
    unique_running("ja_value_after_jobnet_idx1", "seq_no"),
    support_index("ja_value_after_jobnet_fk1", "inner_jobnet_id"),
)

#: The log of the runs; it outlives them.
run_log = table(
    "ja_run_log_table",
    u64("log_date"),
    u64("inner_jobnet_id"),
    u64("inner_jobnet_main_id"),
    u64("inner_job_id", null=True),
    u64("update_date"),
    integer("method_flag"),
    integer("jobnet_status"),
    integer("job_status", null=True),
    integer("run_type"),
    integer("public_flag"),
    string("jobnet_id", 32),
    string("jobnet_name", 64),
    string("job_id", 32, null=True),
    string("job_name", 64, null=True),
    string("user_name", 100),
    text("return_code", null=True),
    text("std_out", null=True),
    text("std_err", null=True),
    string("message_id", 32),
    index("ja_run_log_idx1", "log_date"),
    index("ja_run_log_idx2", "inner_jobnet_main_id"),
    index("ja_run_log_idx3", "inner_jobnet_id", "message_id"),
    index("ja_ext_run_log_idx1", "inner_jobnet_main_id", "log_date"),
)

#: Notifications on their way to Zabbix.
send_message = table(
    "ja_send_message_table",
    running_key("send_no"),
    u64("message_date"),
    u64("inner_jobnet_id"),
    u64("inner_jobnet_main_id"),
    integer("send_status"),
    integer("retry_count"),
    u64("retry_date"),
    u64("send_date"),
    u64("send_error_date"),
    integer("message_type"),
    string("user_name", 100, null=True),
    string("host_name", 128, null=True),
    string("jobnet_id", 32, null=True),
    string("jobnet_name", 64, null=True),
    string("job_id", 32, null=True),
    text("job_id_full", null=True),
    string("job_name", 64, null=True),
    string("log_message_id", 128, null=True),
    text("log_message", null=True),
    primary_key("ja_send_message_pk", "send_no"),
    index("ja_send_message_idx1", "send_status"),
    index("ja_ext_send_message_idx1", "send_date"),
    index("ja_ext_send_message_idx2", "send_error_date"),
)
