"""What a schedule names that is not there: it is reported, and that part alone left out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jobarranger import messages as m
from jobarranger.calendars import boottimes
from jobarranger.calendars.schedules import Schedule, Timetable
from jobarranger.messages.model import Message
from jobarranger.states import ObjectFlag

#: The messages of `broken_parts`, by id.
DEFINITIONS = frozenset(
    message.id for message in (m.JALOADER200006, m.JALOADER200008, m.JALOADER200010)
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is left out: a message with its fields, by which it is known again."""

    message: Message = field(hash=False)
    fields: tuple[tuple[str, str], ...]
    schedule_id: str  #: whose owner gets the message; empty: nobody's
    jobnet_id: str = ""


def cause(message: Message, **fields: str) -> Cause:
    """Return a cause; the schedule and jobnet that it is about are among the fields."""
    return Cause(
        message,
        tuple(sorted(fields.items())),
        fields.get("schedule_id", ""),
        fields.get("jobnet_id", ""),
    )


def broken_parts(schedule: Schedule, timetable: Timetable) -> Iterator[Cause]:
    """Yield why parts of a schedule never start at present; jobnets are looked at when due."""
    name = schedule.schedule_id
    for detail in schedule.details:
        if boottimes.stored(detail.boot_time) is None:
            yield cause(m.JALOADER200010, schedule_id=name, boot_time=repr(detail.boot_time))
    for flag, object_id in dict.fromkeys((d.object_flag, d.object_id) for d in schedule.details):
        if flag is ObjectFlag.CALENDAR:
            if object_id not in timetable.calendars:
                yield cause(m.JALOADER200006, schedule_id=name, calendar_id=object_id)
        elif object_id not in timetable.filters:
            yield cause(m.JALOADER200008, schedule_id=name, filter_id=object_id)
        elif (base := timetable.filters[object_id].calendar_id) not in timetable.calendars:
            yield cause(m.JALOADER200006, schedule_id=name, calendar_id=base)
