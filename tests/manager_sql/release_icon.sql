-- Release a held icon.
UPDATE ja_run_job_table SET method_flag = 0
WHERE inner_job_id = :inner_job_id AND status IN (0, 1) AND method_flag = 1;
