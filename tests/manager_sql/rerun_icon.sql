-- Run a failed icon again; an extended job begins counting anew.
UPDATE ja_run_job_table SET status = 1, method_flag = 4
WHERE inner_job_id = :inner_job_id AND status = 4;
UPDATE ja_run_icon_extjob_table SET wait_count = 0
WHERE inner_job_id = :inner_job_id;
