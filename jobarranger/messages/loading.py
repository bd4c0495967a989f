"""Messages about loading runs, starting them in time and clearing them away."""

from __future__ import annotations

from jobarranger.messages.declare import error, information

# -- Loading

JALOADER200001 = error(
    "JALOADER200001 table_name key", "The loader cannot read {table_name} (key {key})."
)
JALOADER200002 = error(
    "JALOADER200002 table_name key",
    "The loader cannot insert into {table_name} (key {key}); the run is not loaded and is "
    "tried again.",
)
JALOADER200003 = error(
    "JALOADER200003 table_name key",
    "The loader cannot update {table_name} (key {key}); it is tried again.",
)
JALOADER200004 = error(
    "JALOADER200004 jobnet_id schedule_id",
    "Schedule {schedule_id} names jobnet {jobnet_id}, which has no enabled version: nothing "
    "is loaded for it. Enable a version or take the jobnet out of the schedule.",
)
JALOADER200005 = error(
    "JALOADER200005 sub_jobnet_id jobnet_id schedule_id",
    "Jobnet {jobnet_id} (schedule {schedule_id}) contains sub-jobnet {sub_jobnet_id}, which "
    "has no enabled version: the run cannot start. Enable a version and start the run "
    "again.",
)
JALOADER200006 = error(
    "JALOADER200006 calendar_id schedule_id",
    "Schedule {schedule_id} names calendar {calendar_id}, which has no enabled version: "
    "nothing is loaded for it.",
)
JALOADER200007 = error(
    "JALOADER200007 jobnet_id update_date",
    "The run of a single icon of jobnet {jobnet_id} (version {update_date}) does not say "
    "which icon.",
)
JALOADER200008 = error(
    "JALOADER200008 filter_id schedule_id",
    "Schedule {schedule_id} names filter {filter_id}, which has no enabled version: nothing "
    "is loaded for it.",
)
JALOADER200009 = error(
    "JALOADER200009 jobnet_id schedule_id error_text",
    "Jobnet {jobnet_id} (schedule {schedule_id}, none = started by hand) cannot be loaded: "
    "{error_text}.",
)

# -- Starting and clearing away

JABOOT000001 = information(
    "JABOOT000001 inner_jobnet_id jobnet_id scheduled_time",
    "The start of jobnet {jobnet_id} at {scheduled_time} (run {inner_jobnet_id}) is "
    "skipped: an earlier run is still going on.",
)
JABOOT200001 = error(
    "JABOOT200001 table_name key", "The boot process cannot read {table_name} (key {key})."
)
JABOOT200002 = error(
    "JABOOT200002 table_name key",
    "The boot process cannot update {table_name} (key {key}); it is tried again.",
)
JABOOT200003 = error(
    "JABOOT200003 inner_jobnet_id jobnet_id update_date",
    "Run {inner_jobnet_id} of jobnet {jobnet_id} (version {update_date}) has no START icon "
    "and ends in error. Correct the definition.",
)
JABOOT200004 = error(
    "JABOOT200004 inner_jobnet_main_id jobnet_id update_date",
    "The finished run {inner_jobnet_main_id} of jobnet {jobnet_id} (version {update_date}) "
    "could not be cleared away; it is tried again.",
)
JABOOT200005 = error(
    "JABOOT200005 inner_jobnet_main_id",
    "The execution log of run {inner_jobnet_main_id} could not be cleared away; it is tried again.",
)
JABOOT200006 = error(
    "JABOOT200006 inner_jobnet_id jobnet_id scheduled_time",
    "Run {inner_jobnet_id} of jobnet {jobnet_id} was due at {scheduled_time} and has missed "
    "that time: it is not started and stands in error. Start it by hand if it is still "
    "wanted.",
)
