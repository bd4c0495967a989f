-- Change a variable of an icon's input, or of a JOB icon's own.
UPDATE ja_run_value_before_table SET before_value = :value
WHERE inner_job_id = :inner_job_id AND value_name = :value_name;
UPDATE ja_run_value_job_table SET value = :value
WHERE inner_job_id = :inner_job_id AND value_name = :value_name;
