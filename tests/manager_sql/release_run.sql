-- Release the start of a held run.
UPDATE ja_run_jobnet_summary_table SET start_pending_flag = 2
WHERE inner_jobnet_id = :inner_jobnet_id AND start_pending_flag = 1;
