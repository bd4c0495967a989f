"""What is odd about schedules, reported once for many with the same cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from jobarranger.calendars.findings import Finding, Problem, schedule_findings
from jobarranger.calendars.schedules import Schedule, Timetable

#: So many schedules are named by a warning.
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """One odd thing and who suffers from it."""

    problem: str
    kind: str
    object_id: str
    text: str
    schedules: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Return one line for people."""
        return f"{self.text} ({self.sufferers})" if self.schedules else self.text

    @property
    def sufferers(self) -> str:
        """Return the schedules in words, some of them by name."""
        named = ", ".join(self.schedules[:_NAMED])
        more = len(self.schedules) - _NAMED
        also = f" and {more} more" if more > 0 else ""
        word = "schedule" if len(self.schedules) == 1 else "schedules"
        return f"{word} {named}{also}"


def findings_of(
    schedules: Iterable[Schedule], timetable: Timetable, first: date, last: date
) -> list[Oddity]:
    """Return what is odd about schedules for starts on the days `first` to `last`.

    The same about the same object is one warning; so are the months of a filter without a day.
    """
    groups: dict[tuple[Problem, str, str, str, str], list[Finding]] = {}
    for schedule in schedules:
        for finding in schedule_findings(schedule, timetable, first, last):
            value = "" if finding.problem is Problem.NO_DAY else finding.value
            of = schedule.schedule_id if finding.problem in _OF_SCHEDULE else ""
            key = (finding.problem, finding.kind, finding.object_id, value, of)
            groups.setdefault(key, []).append(finding)
    return [_merged(group) for group in groups.values()]


#: Problems of the schedule itself.
_OF_SCHEDULE = frozenset({Problem.BOOT_TIME, Problem.NO_TIMES, Problem.NO_JOBNETS})


def _merged(group: list[Finding]) -> Oddity:
    one = group[0]
    values = tuple(dict.fromkeys(finding.value for finding in group if finding.value))
    filters = tuple(dict.fromkeys(finding.filter_id for finding in group if finding.filter_id))
    plain = replace(one, schedule_id=None, filter_id=None, value=", ".join(values))
    text = plain.text
    if one.problem in _OF_SCHEDULE:
        joint = ":" if one.problem is Problem.BOOT_TIME else ""
        text = f"schedule {one.object_id}{joint} {text}"
    elif all(finding.filter_id for finding in group):
        text = f"{text} (filter {', '.join(filters[:_NAMED])})"
    if one.problem is Problem.NO_DAY and len(values) > 1:
        text = text.replace("for the month ", "for the months ", 1)
    return Oddity(
        problem=one.problem.value,
        kind=one.kind.value,
        object_id=one.object_id,
        text=text,
        schedules=()
        if one.problem in _OF_SCHEDULE
        else tuple(dict.fromkeys(f.schedule_id for f in group if f.schedule_id)),
        values=values,
    )


def broken_jobnets(
    schedules: Iterable[Schedule],
    valid: Iterable[str],
    parts: Mapping[str, Iterable[str]],
) -> Iterator[Oddity]:
    """Yield the jobnets in force that contain one that is not: they cannot be loaded.

    Args:
        schedules: whose jobnets are looked at.
        valid: ids of the jobnets in force.
        parts: the jobnets that each of those contains directly.
    """
    in_force = frozenset(valid)
    wanted: dict[str, list[str]] = {}
    for schedule in schedules:
        for jobnet_id in schedule.jobnet_ids:
            if jobnet_id in in_force:
                wanted.setdefault(jobnet_id, []).append(schedule.schedule_id)
    for jobnet_id, names in wanted.items():
        for missing, way in _missing_parts(jobnet_id, in_force, parts):
            yield Oddity(
                problem="sub-jobnet",
                kind="jobnet",
                object_id=missing,
                text=f"jobnet {missing}, part of {way}, has no version in force: "
                f"{jobnet_id} cannot be loaded",
                schedules=tuple(names),
            )


def _missing_parts(
    jobnet_id: str, in_force: frozenset[str], parts: Mapping[str, Iterable[str]]
) -> Iterator[tuple[str, str]]:
    """Yield what is not in force below a jobnet, and the way to it; each once."""
    seen = {jobnet_id}
    stack = [(jobnet_id, jobnet_id)]
    while stack:
        at, way = stack.pop()
        for part in sorted(parts.get(at, ())):
            if part in seen:
                continue
            seen.add(part)
            if part in in_force:
                stack.append((part, f"{way}/{part}"))
            else:
                yield part, way
