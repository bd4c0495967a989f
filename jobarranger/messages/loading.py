"""Messages about loading runs and starting them in time."""

from __future__ import annotations

from jobarranger.messages.declare import error, information, warning

# -- Loading

JALOADER200002 = error(
    "JALOADER200002 table_name key",
    "The loader cannot insert into {table_name} (key {key}); the run is not loaded and is "
    "tried again.",
)
JALOADER200004 = error(
    "JALOADER200004 jobnet_id schedule_id",
    "Schedule {schedule_id} is to start jobnet {jobnet_id}, which has no enabled version: "
    "that start is left out until there is one.",
)
JALOADER200005 = error(
    "JALOADER200005 sub_jobnet_id jobnet_id schedule_id",
    "Jobnet {jobnet_id} (schedule {schedule_id}) contains sub-jobnet {sub_jobnet_id}, which "
    "has no enabled version: the run cannot start. Enable a version and start the run "
    "again.",
)
JALOADER200006 = error(
    "JALOADER200006 calendar_id schedule_id",
    "Schedule {schedule_id} goes by calendar {calendar_id}, which has no enabled version: it "
    "starts nothing by it until there is one.",
)
JALOADER200008 = error(
    "JALOADER200008 filter_id schedule_id",
    "Schedule {schedule_id} goes by filter {filter_id}, which has no enabled version: it starts "
    "nothing by it until there is one.",
)
JALOADER200009 = error(
    "JALOADER200009 jobnet_id schedule_id error_text",
    "Jobnet {jobnet_id} (schedule {schedule_id}, none = started by hand) cannot be loaded: "
    "{error_text}.",
)

JALOADER200010 = error(
    "JALOADER200010 schedule_id boot_time",
    "Schedule {schedule_id} has the boot time {boot_time}, which is no time from 0000 to 9959: "
    "it starts nothing by it.",
)
JALOADER200011 = error(
    "JALOADER200011 schedule_id error_text",
    "The starts of schedule {schedule_id} cannot be worked out and are left out: {error_text}.",
)
JALOADER200012 = error(
    "JALOADER200012 count first last",
    "{count} scheduled starts from {first} to {last} were not loaded: the server was down, and "
    "they are longer ago than JaCatchUp allows. Start by hand what is still wanted.",
)
JALOADER300001 = warning(
    "JALOADER300001 count first last",
    "{count} scheduled starts from {first} to {last}, while the server was down, were not "
    "loaded: it is not known that their schedules and calendars were enabled then.",
    notify=True,
)
JALOADER300002 = warning(
    "JALOADER300002 value minutes",
    "The parameter JOBNET_LOAD_SPAN has the value {value}, which is no number of minutes from "
    "1 to 527040: {minutes} is used.",
)
JALOADER300003 = warning(
    "JALOADER300003 value",
    "The parameter FILTER_MISSING_DAY has the value {value}, which is none of next-first, last-day "
    "and skip: next-first is used.",
)
JALOADER000001 = information(
    "JALOADER000001 count first last",
    "{count} scheduled starts from {first} to {last}, while the server was down, were caught up.",
)

# -- Starting

JABOOT000001 = information(
    "JABOOT000001 inner_jobnet_id jobnet_id scheduled_time",
    "The start of jobnet {jobnet_id} at {scheduled_time} (run {inner_jobnet_id}) is "
    "skipped: an earlier run is still going on.",
)
JABOOT200002 = error(
    "JABOOT200002 table_name key",
    "The boot process cannot update {table_name} (key {key}); it is tried again.",
)
JABOOT200006 = error(
    "JABOOT200006 inner_jobnet_id jobnet_id scheduled_time",
    "Run {inner_jobnet_id} of jobnet {jobnet_id} was due at {scheduled_time} and has missed "
    "that time: it is not started and stands in error. Start it by hand if it is still "
    "wanted.",
)
JABOOT300001 = warning(
    "JABOOT300001 inner_jobnet_id jobnet_id scheduled_time",
    "Run {inner_jobnet_id} of jobnet {jobnet_id} was due at {scheduled_time} and has missed "
    "that time: it starts late (JaMissedStart=late).",
)
JABOOT300002 = warning(
    "JABOOT300002 inner_jobnet_id jobnet_id scheduled_time",
    "Run {inner_jobnet_id} of jobnet {jobnet_id} was due at {scheduled_time} and has missed "
    "that time: it is skipped (JaMissedStart=skip).",
    notify=True,
)
