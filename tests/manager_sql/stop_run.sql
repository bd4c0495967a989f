-- Stop a running run.
UPDATE ja_run_jobnet_summary_table SET jobnet_abort_flag = 1
WHERE inner_jobnet_id = :inner_jobnet_id AND status = 2;
