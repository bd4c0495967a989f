-- Hold an icon.
UPDATE ja_run_job_table SET method_flag = 1
WHERE inner_job_id = :inner_job_id AND status = 0;
