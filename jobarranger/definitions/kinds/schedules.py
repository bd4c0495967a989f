"""Schedules: `start` (calendars or filters with boot times) and `jobnets`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from jobarranger.calendars import boottimes
from jobarranger.calendars.boottimes import BootTime
from jobarranger.db import tables as t
from jobarranger.db.objects import Version
from jobarranger.definitions.kindform import Content, Context, Keys, KindForm
from jobarranger.definitions.scalars import as_text
from jobarranger.definitions.section import Section, check_id
from jobarranger.errors import DefinitionError
from jobarranger.states import ObjectFlag, ObjectKind

_WORDS = {"calendar": ObjectFlag.CALENDAR, "filter": ObjectFlag.FILTER}


def _read(section: Section, context: Context) -> Content:
    """Read the keys of a schedule."""
    found: dict[tuple[str, str, int], None] = {}  # in the order of the file, each once
    for number, entry in enumerate(_list(section, "start"), 1):
        inner = Section(f"{section.place}.start[{number}]", entry)
        flag, object_id = _object(inner)
        for time in _times(inner):
            found[object_id, str(time), int(flag)] = None
        inner.done()
    jobnets = [
        check_id(f"{section.place}.jobnets", as_text(name)) for name in _list(section, "jobnets")
    ]
    for name in jobnets:
        if jobnets.count(name) > 1:
            raise section.error("jobnets", f"{name} is named twice")
    return Content(
        {},
        {
            t.schedule_detail: [
                {"calendar_id": object_id, "boot_time": time, "object_flag": flag}
                for object_id, time, flag in found
            ],
            t.schedule_jobnet: [{"jobnet_id": name} for name in jobnets],
        },
    )


def _list(section: Section, key: str) -> Sequence[Any]:
    """Return the entries of a list."""
    value = section.raw(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise section.error(key, f"{value!r} is not a list")
    return value


def _object(section: Section) -> tuple[ObjectFlag, str]:
    """Read the calendar or filter of an entry."""
    words = [word for word in _WORDS if section.has(word)]
    if len(words) != 1:
        raise DefinitionError(f"{section.place}: either calendar or filter is wanted")
    return _WORDS[words[0]], section.id(words[0])


def _times(section: Section) -> list[BootTime]:
    """Read the boot times of an entry: `at`, or a cycle by `from`, `to` and `every`."""
    if section.has("at"):
        value = section.raw("at")
        times = value if isinstance(value, list) else [value]
        return [_time(section, "at", time) for time in times]
    if not section.has("from"):
        raise section.error("at", "is missing (or from, to and every)")
    first, last = (_time(section, key, section.raw(key)) for key in ("from", "to"))
    every = section.number("every", 0, least=1, most=12 * 60)
    try:
        return boottimes.cycle(first, last, every)
    except DefinitionError as error:
        raise DefinitionError(f"{section.place}: {error}") from error


def _time(section: Section, key: str, value: object) -> BootTime:
    """Read one boot time."""
    if value is None:
        raise section.error(key, "is missing")
    try:
        return boottimes.written(as_text(value))
    except DefinitionError as error:
        raise section.error(key, str(error)) from error


def _write(version: Version) -> Keys:
    """Return the keys of a schedule."""
    times: dict[tuple[int, str], list[str]] = defaultdict(list)
    for row in version.rows(t.schedule_detail):
        time = boottimes.stored(row["boot_time"].rstrip(" "))
        if time is None or row["object_flag"] not in list(ObjectFlag):
            raise DefinitionError(
                f"schedule {version.object_id}: boot time {row['boot_time']!r} with"
                f" object_flag {row['object_flag']} has no meaning"
            )
        times[row["object_flag"], row["calendar_id"]].append(f"{str(time)[:2]}:{str(time)[2:]}")
    return {
        "start": [
            {ObjectFlag(flag).name.lower(): object_id, "at": sorted(found)}
            for (flag, object_id), found in sorted(times.items())
        ],
        "jobnets": sorted(row["jobnet_id"] for row in version.rows(t.schedule_jobnet)),
    }


FORM = KindForm(kind=ObjectKind.SCHEDULE, read=_read, write=_write, one_line="start")
