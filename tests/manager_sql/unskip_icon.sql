-- Undo the skip of an icon that has not been reached.
UPDATE ja_run_job_table SET method_flag = 0
WHERE inner_job_id = :inner_job_id AND status = 0 AND method_flag = 2;
