-- Start a run that has missed its start: three transactions.
UPDATE ja_run_jobnet_table SET status = 0
WHERE inner_jobnet_id = :inner_jobnet_id;
-- next transaction
UPDATE ja_run_jobnet_summary_table SET status = 1, job_status = 0, load_status = 0
WHERE inner_jobnet_id = :inner_jobnet_id;
-- next transaction
UPDATE ja_run_job_table SET status = 0
WHERE inner_jobnet_id = :inner_jobnet_id AND job_type = 0;
