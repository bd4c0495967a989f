-- Give a start a variable; in the transaction that registers the start.
INSERT INTO ja_value_before_jobnet_table (inner_jobnet_id, value_name, before_value)
VALUES (:inner_jobnet_id, :value_name, :value);
