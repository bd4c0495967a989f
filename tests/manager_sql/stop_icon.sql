-- Stop a running icon.
UPDATE ja_run_job_table SET method_flag = 3
WHERE inner_job_id = :inner_job_id AND status = 2;
