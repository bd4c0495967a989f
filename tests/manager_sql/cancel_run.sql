-- Cancel a run that has not started; its row in ja_run_jobnet_table is not touched.
UPDATE ja_run_jobnet_summary_table SET status = 5, start_time = :now, end_time = :now
WHERE inner_jobnet_id = :inner_jobnet_id AND status = 0;
