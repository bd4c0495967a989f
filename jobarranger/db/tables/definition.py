"""What people define: calendars, filters, schedules, jobnets with their icons and arrows.

Every object exists in versions that differ by `update_date` (`YYYYMMDDHHMMSS`); at most one of them
is in force (`valid_flag`). Columns keep the order, names and defaults of Job Arranger 3.0.
"""

from __future__ import annotations

from jobarranger.db.tables.columns import (
    char,
    child_of,
    created_date,
    index,
    integer,
    primary_key,
    string,
    support_index,
    table,
    text,
    u64,
)

#: Operating-day calendars, one row per version.
calendar_control = table(
    "ja_calendar_control_table",
    string("calendar_id", 32),
    u64("update_date"),
    created_date(),
    integer("valid_flag"),
    integer("public_flag"),
    string("user_name", 100),
    string("calendar_name", 64),
    string("memo", 100, null=True),
    primary_key("ja_calendar_control_pk", "calendar_id", "update_date"),
    index("ja_ext_calendar_control_idx1", "valid_flag", "update_date"),
)

#: The operating days of a calendar.
calendar_detail = table(
    "ja_calendar_detail_table",
    string("calendar_id", 32),
    u64("update_date"),
    integer("operating_date"),
    primary_key("ja_calendar_detail_pk", "calendar_id", "update_date", "operating_date"),
    child_of(calendar_control, "ja_calendar_detail_fk1", "calendar_id", "update_date"),
)

#: Filters: one day of a month, shifted by the operating days of a calendar.
filter_control = table(
    "ja_filter_control_table",
    string("filter_id", 32),
    u64("update_date"),
    created_date(),
    integer("valid_flag"),
    integer("public_flag"),
    integer("base_date_flag"),
    integer("designated_day"),
    integer("shift_day"),
    string("base_calendar_id", 32),
    string("user_name", 100),
    string("filter_name", 64),
    string("memo", 100, null=True),
    primary_key("ja_filter_control_pk", "filter_id", "update_date"),
    index("ja_ext_filter_control_idx1", "valid_flag", "update_date"),
)

#: Schedules, one row per version.
schedule_control = table(
    "ja_schedule_control_table",
    string("schedule_id", 32),
    u64("update_date"),
    created_date(),
    integer("valid_flag"),
    integer("public_flag"),
    string("user_name", 100),
    string("schedule_name", 64),
    string("memo", 100, null=True),
    primary_key("ja_schedule_control_pk", "schedule_id", "update_date"),
    index("ja_schedule_control_idx1", "valid_flag"),
)

#: When a schedule starts: a calendar or filter and a time of day.
schedule_detail = table(
    "ja_schedule_detail_table",
    string("schedule_id", 32),
    string("calendar_id", 32),
    u64("update_date"),
    char("boot_time", 4),
    created_date(),
    integer("object_flag"),
    primary_key(
        "ja_schedule_detail_pk",
        "schedule_id",
        "calendar_id",
        "update_date",
        "boot_time",
        "object_flag",
    ),
    child_of(schedule_control, "ja_schedule_detail_fk1", "schedule_id", "update_date"),
    support_index("ja_schedule_detail_fk1", "schedule_id", "update_date"),
)

#: What a schedule starts.
schedule_jobnet = table(
    "ja_schedule_jobnet_table",
    string("schedule_id", 32),
    string("jobnet_id", 32),
    u64("update_date"),
    created_date(),
    primary_key("ja_schedule_jobnet_pk", "schedule_id", "jobnet_id", "update_date"),
    child_of(schedule_control, "ja_schedule_jobnet_fk1", "schedule_id", "update_date"),
    support_index("ja_schedule_jobnet_fk1", "schedule_id", "update_date"),
)

#: Jobnets, one row per version.
jobnet_control = table(
    "ja_jobnet_control_table",
    string("jobnet_id", 32),
    u64("update_date"),
    created_date(),
    integer("valid_flag"),
    integer("public_flag"),
    integer("multiple_start_up"),
    string("user_name", 100),
    string("jobnet_name", 64),
    string("memo", 100, null=True),
    primary_key("ja_jobnet_control_pk", "jobnet_id", "update_date"),
    index("ja_ext_jobnet_control_idx1", "valid_flag", "update_date"),
)

#: The icons of a jobnet.
job_control = table(
    "ja_job_control_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("job_type"),
    integer("point_x"),
    integer("point_y"),
    string("job_name", 64, null=True),
    integer("method_flag"),
    integer("force_flag"),
    integer("continue_flag"),
    string("run_user", 256, null=True),
    string("run_user_password", 256, null=True),
    primary_key("ja_job_control_pk", "jobnet_id", "job_id", "update_date"),
    child_of(jobnet_control, "ja_job_control_fk1", "jobnet_id", "update_date"),
    support_index("ja_job_control_fk1", "jobnet_id", "update_date"),
)

#: The arrows between icons.
flow_control = table(
    "ja_flow_control_table",
    string("jobnet_id", 32),
    string("start_job_id", 32),
    string("end_job_id", 32),
    u64("update_date"),
    created_date(),
    integer("flow_type"),
    integer("flow_width"),
    primary_key("ja_flow_control_pk", "jobnet_id", "start_job_id", "end_job_id", "update_date"),
    child_of(
        job_control,
        "ja_flow_control_fk1",
        "jobnet_id",
        "start_job_id",
        "update_date",
        of=("jobnet_id", "job_id", "update_date"),
    ),
    child_of(
        job_control,
        "ja_flow_control_fk2",
        "jobnet_id",
        "end_job_id",
        "update_date",
        of=("jobnet_id", "job_id", "update_date"),
    ),
    support_index("ja_flow_control_fk1", "jobnet_id", "start_job_id", "update_date"),
    support_index("ja_flow_control_fk2", "jobnet_id", "end_job_id", "update_date"),
)

#: Settings of AGENTLESS icons (SSH sessions).
icon_agentless = table(
    "ja_icon_agentless_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("host_flag"),
    integer("connection_method"),
    integer("session_flag"),
    integer("auth_method"),
    integer("run_mode"),
    integer("line_feed_code"),
    integer("timeout"),
    string("session_id", 64, null=True),
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
    primary_key("ja_icon_agentless_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_agentless_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of CALC icons.
icon_calc = table(
    "ja_icon_calc_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("hand_flag"),
    string("formula", 100),
    string("value_name", 128),
    primary_key("ja_icon_calc_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_calc_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of END icons.
icon_end = table(
    "ja_icon_end_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("jobnet_stop_flag"),
    string("jobnet_stop_code", 256, default="0"),
    primary_key("ja_icon_end_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_end_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of EXTJOB icons.
icon_extjob = table(
    "ja_icon_extjob_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    string("command_id", 32),
    text("value", null=True),
    primary_key("ja_icon_extjob_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_extjob_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of FCOPY icons.
icon_fcopy = table(
    "ja_icon_fcopy_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("from_host_flag"),
    integer("to_host_flag"),
    integer("overwrite_flag"),
    string("from_host_name", 128),
    text("from_directory"),
    text("from_file_name"),
    string("to_host_name", 128),
    text("to_directory"),
    primary_key("ja_icon_fcopy_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_fcopy_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of FWAIT icons.
icon_fwait = table(
    "ja_icon_fwait_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("host_flag"),
    integer("fwait_mode_flag"),
    integer("file_delete_flag"),
    integer("file_wait_time"),
    string("host_name", 128),
    text("file_name"),
    primary_key("ja_icon_fwait_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_fwait_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of IF icons.
icon_if = table(
    "ja_icon_if_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("hand_flag"),
    string("value_name", 128),
    text("comparison_value"),
    primary_key("ja_icon_if_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_if_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of INFO icons.
icon_info = table(
    "ja_icon_info_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("info_flag"),
    u64("item_id", null=True),
    u64("trigger_id", null=True),
    string("host_group", 64, null=True),
    string("host_name", 128, null=True),
    text("get_job_id", null=True),
    string("get_calendar_id", 32, null=True),
    primary_key("ja_icon_info_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_info_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of JOBNET icons: the sub-jobnet.
icon_jobnet = table(
    "ja_icon_jobnet_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    string("link_jobnet_id", 32),
    primary_key("ja_icon_jobnet_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_jobnet_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of JOB icons.
icon_job = table(
    "ja_icon_job_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("host_flag"),
    integer("stop_flag"),
    integer("command_type"),
    integer("timeout"),
    string("host_name", 128),
    string("stop_code", 32, null=True),
    primary_key("ja_icon_job_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_job_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Commands of JOB icons: `command_cls` 0 is the script, 2 the stop command.
job_command = table(
    "ja_job_command_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    integer("command_cls"),
    created_date(),
    text("command"),
    primary_key("ja_job_command_pk", "jobnet_id", "job_id", "update_date", "command_cls"),
    child_of(icon_job, "ja_icon_job_command_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Values a JOB icon sets for its script.
value_job = table(
    "ja_value_job_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    string("value_name", 128),
    text("value"),
    primary_key("ja_value_job_pk", "jobnet_id", "job_id", "update_date", "value_name"),
    child_of(icon_job, "ja_value_job_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Built-in variables a JOB icon hands to its script.
value_jobcon = table(
    "ja_value_jobcon_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    string("value_name", 128),
    u64("update_date"),
    created_date(),
    primary_key("ja_value_jobcon_pk", "jobnet_id", "job_id", "value_name", "update_date"),
    child_of(icon_job, "ja_value_jobcon_fk1", "jobnet_id", "job_id", "update_date"),
    support_index("ja_value_jobcon_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of REBOOT icons.
icon_reboot = table(
    "ja_icon_reboot_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("host_flag"),
    integer("reboot_mode_flag"),
    integer("reboot_wait_time"),
    string("host_name", 128),
    integer("timeout"),
    primary_key("ja_icon_reboot_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_reboot_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of RELEASE icons: the held icon to let go.
icon_release = table(
    "ja_icon_release_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    text("release_job_id"),
    primary_key("ja_icon_release_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_release_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of TASK icons: the jobnet to submit.
icon_task = table(
    "ja_icon_task_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    string("submit_jobnet_id", 32),
    primary_key("ja_icon_task_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_task_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Variables that VALUE icons set.
icon_value = table(
    "ja_icon_value_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    string("value_name", 128),
    text("value"),
    primary_key("ja_icon_value_pk", "jobnet_id", "job_id", "update_date", "value_name"),
    child_of(job_control, "ja_icon_value_fk1", "jobnet_id", "job_id", "update_date"),
)

#: Settings of Zabbix link icons.
icon_zabbix_link = table(
    "ja_icon_zabbix_link_table",
    string("jobnet_id", 32),
    string("job_id", 32),
    u64("update_date"),
    created_date(),
    integer("link_target"),
    integer("link_operation"),
    u64("groupid"),
    u64("hostid"),
    u64("itemid"),
    u64("triggerid"),
    primary_key("ja_icon_zabbix_link_pk", "jobnet_id", "job_id", "update_date"),
    child_of(job_control, "ja_icon_zabbix_link_fk1", "jobnet_id", "job_id", "update_date"),
)
