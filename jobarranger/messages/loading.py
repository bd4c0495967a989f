"""Messages about loading runs and starting them in time."""

from __future__ import annotations

from jobarranger.messages.declare import error, information, warning

# -- Loading

JALOADER200002 = error(
    "JALOADER200002 table_name key",
    "The loader cannot insert into {table_name} (key {key}); the run is not loaded and is "
    "tried again.",
)
JALOADER200005 = error(
    "JALOADER200005 sub_jobnet_id jobnet_id schedule_id",
    "Jobnet {jobnet_id} (schedule {schedule_id}) contains sub-jobnet {sub_jobnet_id}, which "
    "has no enabled version: the run cannot start. Enable a version and start the run "
    "again.",
)
JALOADER200009 = error(
    "JALOADER200009 jobnet_id schedule_id error_text",
    "Jobnet {jobnet_id} (schedule {schedule_id}, none = started by hand) cannot be loaded: "
    "{error_text}.",
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
