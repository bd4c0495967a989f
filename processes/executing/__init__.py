"""The parts of the job-executor (docs/dispatch.md).

`telegrams` says requests in the words of the wire, `courier` carries them, `book` keeps count of
hosts, `store` does everything with the database on one thread, `desk` joins them on the event
loop. What to do next is decided in `jobarranger.dispatching`.
"""
