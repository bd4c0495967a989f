"""What should have happened and has not: starts not loaded or not begun, runs not ended in time.

`late`, `overruns` and `presence` decide, without database or clock; `watch` reads, asks them, and
keeps account of what was reported, also about silent servers; `limits` looks for runs over their
time limit, `calendar_expiry` for calendars that run out soon. `rows` has the statements. The
server's monitor process and the daemon `jobarg_monitor` both use them (docs/monitor.md).
"""
