-- Start a jobnet now (:run_type 1), with its START icon on hold (2) or as a test (3).
UPDATE ja_index_table SET nextid = :inner_jobnet_id + 1 WHERE count_id = 2;
INSERT INTO ja_run_jobnet_table (
    inner_jobnet_id, inner_jobnet_main_id, inner_job_id, update_date, run_type, main_flag, status,
    start_time, end_time, public_flag, multiple_start_up, jobnet_id, user_name, jobnet_name, memo,
    execution_user_name
) VALUES (
    :inner_jobnet_id, :inner_jobnet_id, 0, :update_date, :run_type, 0, 0,
    0, 0, :public_flag, :multiple_start_up, :jobnet_id, :user_name, :jobnet_name, :memo,
    :execution_user_name
);
