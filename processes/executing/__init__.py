"""The parts of the job-executor (docs/dispatch.md).

A job's way: `scanning` finds its request in the database, `plan` decides whether it goes now,
`claims` commits that, `dispatcher` begins its task at its `pace`, `exchange` takes it through its
steps, `contacts` makes the connections where `places` allow one, `channels` carries it, and what
came of it goes through `notes` back to `claims`, or to `failures`. `store` joins what runs on the
database thread, `dispatcher` what runs on the event loop; between them go the values in `work`.
`host_table` remembers the hosts, `prober` tries those in trouble, `reports` informs operators. What
to do next is decided in `jobarranger.dispatching`.
"""
