"""Everything the first release needs.

On an empty database this makes all tables. A database of Job Arranger for Zabbix 3.0.0 already has
those of the original; then only our own tables and the missing indexes are added. Nothing is
dropped or changed.
"""

from __future__ import annotations

from alembic import op

from jobarranger.db.complete import complete

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Tables this revision knows.
TABLES = (
    "ja_calendar_control_table",
    "ja_define_extjob_table",
    "ja_define_run_log_message_table",
    "ja_define_value_jobcon_table",
    "ja_ext_agent",
    "ja_ext_audit",
    "ja_ext_gate",
    "ja_ext_group",
    "ja_ext_host",
    "ja_ext_in_force",
    "ja_ext_inbox",
    "ja_ext_jobnet_limit",
    "ja_ext_pause",
    "ja_ext_request",
    "ja_ext_server",
    "ja_ext_told",
    "ja_ext_slot",
    "ja_ext_user",
    "ja_ext_window",
    "ja_filter_control_table",
    "ja_host_lock_table",
    "ja_index_table",
    "ja_jobnet_control_table",
    "ja_parameter_table",
    "ja_run_jobnet_table",
    "ja_run_log_table",
    "ja_schedule_control_table",
    "ja_send_message_table",
    "ja_session_table",
    "ja_calendar_detail_table",
    "ja_ext_dispatch",
    "ja_ext_event",
    "ja_ext_user_group",
    "ja_job_control_table",
    "ja_run_flow_table",
    "ja_run_job_table",
    "ja_run_jobnet_summary_table",
    "ja_schedule_detail_table",
    "ja_schedule_jobnet_table",
    "ja_value_after_jobnet_table",
    "ja_value_before_jobnet_table",
    "ja_flow_control_table",
    "ja_icon_agentless_table",
    "ja_icon_calc_table",
    "ja_icon_end_table",
    "ja_icon_extjob_table",
    "ja_icon_fcopy_table",
    "ja_icon_fwait_table",
    "ja_icon_if_table",
    "ja_icon_info_table",
    "ja_icon_job_table",
    "ja_icon_jobnet_table",
    "ja_icon_reboot_table",
    "ja_icon_release_table",
    "ja_icon_task_table",
    "ja_icon_value_table",
    "ja_icon_zabbix_link_table",
    "ja_run_icon_agentless_table",
    "ja_run_icon_calc_table",
    "ja_run_icon_end_table",
    "ja_run_icon_extjob_table",
    "ja_run_icon_fcopy_table",
    "ja_run_icon_fwait_table",
    "ja_run_icon_if_table",
    "ja_run_icon_info_table",
    "ja_run_icon_job_table",
    "ja_run_icon_jobnet_table",
    "ja_run_icon_reboot_table",
    "ja_run_icon_release_table",
    "ja_run_icon_task_table",
    "ja_run_icon_value_table",
    "ja_run_icon_zabbix_link_table",
    "ja_run_value_after_table",
    "ja_run_value_before_table",
    "ja_job_command_table",
    "ja_run_job_command_table",
    "ja_run_value_job_table",
    "ja_run_value_jobcon_table",
    "ja_value_job_table",
    "ja_value_jobcon_table",
)


def upgrade() -> None:
    """Make what is missing."""
    complete(op.get_bind(), TABLES)


def downgrade() -> None:
    """Refuse: an older server works with newer tables, nothing is ever dropped."""
    raise NotImplementedError
