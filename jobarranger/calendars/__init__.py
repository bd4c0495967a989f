"""When schedules start: operating days, filters, boot times and what follows from them.

Everything here is a value or a function of values: no database, no clock, no zone. The loader, the
forward plan, previews and checks all ask `starts` (docs/calendars.md).
"""
