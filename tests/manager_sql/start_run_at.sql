-- Start a jobnet at a time (12 digits).
UPDATE ja_index_table SET nextid = :inner_jobnet_id + 1 WHERE count_id = 2;
INSERT INTO ja_run_jobnet_table (
    inner_jobnet_id, inner_jobnet_main_id, inner_job_id, update_date, run_type, main_flag, status,
    scheduled_time, initial_scheduled_time, public_flag, multiple_start_up, jobnet_id, user_name,
    jobnet_name, memo, execution_user_name
) VALUES (
    :inner_jobnet_id, :inner_jobnet_id, 0, :update_date, 4, 0, 0,
    :scheduled_time, :scheduled_time, :public_flag, :multiple_start_up, :jobnet_id, :user_name,
    :jobnet_name, :memo, :execution_user_name
);
