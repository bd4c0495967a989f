"""What is removed when its time is over, and in which portions (docs/purging.md).

`spans` and `limits` decide (pure), `rows` has the statements, `passing` goes through all kinds of
rows in small transactions.
"""
