-- Hold the start of a run.
UPDATE ja_run_jobnet_summary_table SET start_pending_flag = 1
WHERE inner_jobnet_id = :inner_jobnet_id AND status = 0;
