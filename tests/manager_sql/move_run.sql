-- Move the start of a run to another time (12 digits); initial_scheduled_time stays.
UPDATE ja_run_jobnet_summary_table SET scheduled_time = :scheduled_time
WHERE inner_jobnet_id = :inner_jobnet_id AND status = 0;
UPDATE ja_run_jobnet_table SET scheduled_time = :scheduled_time
WHERE inner_jobnet_id = :inner_jobnet_id AND status = 0;
