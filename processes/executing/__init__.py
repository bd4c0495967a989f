"""The parts of the job-executor (docs/dispatch.md).

A job's way: `store` finds its request in the database and `claims` it, `dispatcher` begins its
task on the event loop, `channels` carries it, and what came of it is written by `store` again.
`host_table` remembers the hosts, `places` says who may connect, `prober` tries troubled hosts
again. What to do next is decided in `jobarranger.dispatching`.
"""
