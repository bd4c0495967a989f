-- Run one JOB icon alone out of the editor: every row of a small run, in one transaction.
UPDATE ja_index_table SET nextid = :inner_jobnet_id + 1 WHERE count_id = 2;
UPDATE ja_index_table SET nextid = :end_id + 1 WHERE count_id = 20;
UPDATE ja_index_table SET nextid = :second_flow_id + 1 WHERE count_id = 30;
INSERT INTO ja_run_jobnet_table (
    inner_jobnet_id, inner_jobnet_main_id, inner_job_id, update_date, run_type, main_flag, status,
    start_time, end_time, public_flag, multiple_start_up, jobnet_id, user_name, jobnet_name, memo,
    execution_user_name
) VALUES (
    :inner_jobnet_id, :inner_jobnet_id, 0, :now, 5, 0, 0,
    0, 0, 0, 0, :run_name, :user_name, :jobnet_name, NULL,
    :user_name
);
INSERT INTO ja_run_jobnet_summary_table (
    inner_jobnet_id, update_date, run_type, invo_flag, start_time, end_time, public_flag,
    multiple_start_up, jobnet_id, user_name, jobnet_name, memo
) VALUES (
    :inner_jobnet_id, :now, 5, 1, 0, 0, 0,
    0, :run_name, :user_name, :jobnet_name, NULL
);
INSERT INTO ja_run_job_table (
    inner_job_id, inner_jobnet_id, inner_jobnet_main_id, invo_flag, job_type, test_flag, status,
    boot_count, job_id, point_x, point_y
) VALUES (
    :start_id, :inner_jobnet_id, :inner_jobnet_id, 1, 0, 0, 0,
    0, 'START', 117, 39
);
INSERT INTO ja_run_job_table (
    inner_job_id, inner_jobnet_id, inner_jobnet_main_id, invo_flag, job_type, test_flag,
    method_flag, force_flag, status, boot_count, job_id, job_name, point_x, point_y
) VALUES (
    :job_number, :inner_jobnet_id, :inner_jobnet_id, 1, 4, 0,
    :method_flag, 0, 0, 1, :job_id, :job_name, 117, 93
);
INSERT INTO ja_run_job_table (
    inner_job_id, inner_jobnet_id, inner_jobnet_main_id, invo_flag, job_type, test_flag, status,
    boot_count, job_id, point_x, point_y
) VALUES (
    :end_id, :inner_jobnet_id, :inner_jobnet_id, 1, 1, 0, 0,
    1, 'END-1', 117, 146
);
INSERT INTO ja_run_flow_table (
    inner_flow_id, inner_jobnet_id, start_inner_job_id, end_inner_job_id, flow_type, flow_width
) VALUES (:first_flow_id, :inner_jobnet_id, :start_id, :job_number, 0, 0);
INSERT INTO ja_run_flow_table (
    inner_flow_id, inner_jobnet_id, start_inner_job_id, end_inner_job_id, flow_type, flow_width
) VALUES (:second_flow_id, :inner_jobnet_id, :job_number, :end_id, 0, 0);
INSERT INTO ja_run_icon_job_table (
    inner_job_id, inner_jobnet_id, host_flag, stop_flag, command_type, timeout, host_name, stop_code
) VALUES (:job_number, :inner_jobnet_id, 0, :stop_flag, 0, 0, :host_name, '');
INSERT INTO ja_run_job_command_table (inner_job_id, inner_jobnet_id, command_cls, command)
VALUES (:job_number, :inner_jobnet_id, 0, :command);
INSERT INTO ja_run_job_command_table (inner_job_id, inner_jobnet_id, command_cls, command)
VALUES (:job_number, :inner_jobnet_id, 2, :stop_command);
INSERT INTO ja_run_value_job_table (inner_job_id, inner_jobnet_id, value_name, value)
VALUES (:job_number, :inner_jobnet_id, :value_name, :value);
INSERT INTO ja_run_value_jobcon_table (inner_job_id, inner_jobnet_id, value_name)
VALUES (:job_number, :inner_jobnet_id, 'JOBNET_ID');
INSERT INTO ja_run_icon_end_table (inner_job_id, inner_jobnet_id)
VALUES (:end_id, :inner_jobnet_id);
