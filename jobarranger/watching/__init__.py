"""What should have happened and has not: starts that are not loaded or not begun, a silent server.

`late` and `presence` decide, without database or clock; `watch` reads, asks them, and keeps
account of what was told; `ends` looks for calendars that run out soon. The server's monitor
process and the daemon `jobarg_monitor` both use them (docs/monitor.md).
"""
