-- Skip an icon; one that has failed becomes ready by it.
UPDATE ja_run_job_table SET method_flag = 2
WHERE inner_job_id = :inner_job_id AND status IN (0, 1);
UPDATE ja_run_job_table SET method_flag = 2, status = 1
WHERE inner_job_id = :inner_job_id AND status = 4;
