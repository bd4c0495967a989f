"""Which starts should have been loaded, or should have begun, by now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import IntEnum

from jobarranger.calendars.digits import date_digits, slot_date
from jobarranger.calendars.months import shifted
from jobarranger.calendars.schedules import Timetable
from jobarranger.calendars.starts import Name, Start, definitions_of
from jobarranger.model.pauses import Pauses
from jobarranger.slots import MINUTE_MS, due_slot, instant_of
from jobarranger.states import JobnetStatus, LoadStatus

#: A missing start is looked for up to so long after its time, and then forgotten (ms).
DAY_MS = 24 * 60 * MINUTE_MS
#: A run that has not begun is not watched for longer (ms): boot looks all the time.
_BOOT_MS = MINUTE_MS


class LateProblem(IntEnum):
    """What has not happened; the number is the first argument of the sender program."""

    LOADED = 1
    STARTED = 2


class Waits(IntEnum):
    """Why a loaded run has not begun, as far as its row shows."""

    NOTHING = 0  #: it is due and nothing is known to hold it up
    EARLIER = 1  #: an earlier run of the jobnet is active, and its rule says wait
    MISSED = 2  #: its start was missed: people decide
    PICKED = 3  #: it was started and no process has taken it up

    @property
    def text(self) -> str:
        """Return it as the end of a sentence."""
        return _TEXTS[self]


_TEXTS = {
    Waits.NOTHING: "nothing is known to hold it up",
    Waits.EARLIER: "it waits for an earlier run of the jobnet",
    Waits.MISSED: "its start was missed, and somebody must start or stop it",
    Waits.PICKED: "it was released, and no process has taken it up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRules:
    """How much patience there is."""

    load_span: int  #: minutes that starts are loaded ahead (`JOBNET_LOAD_SPAN`)
    load_shift: int = 0  #: minutes, `JaLoadShiftTime`
    run_shift: int = 0  #: minutes, `JaRunShiftTime`
    confirm_ms: int = (
        0  #: how long something must be missing under our eyes (runs: a minute at most)
    )

    def ripe_at(self, problem: LateProblem, instant: int) -> int:
        """Return from when on (UTC ms) the problem of a start is to be told."""
        shift = self.run_shift
        if problem is LateProblem.LOADED:
            shift = self.load_shift - self.load_span
        return instant + (1 + shift) * MINUTE_MS

    def patience(self, problem: LateProblem) -> int:
        """Return how long (ms) the problem of a start must be seen before it is told."""
        return self.confirm_ms if problem is LateProblem.LOADED else min(self.confirm_ms, _BOOT_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A start that is missing in some way."""

    problem: LateProblem
    slot: int  #: when it is to begin, 12 digits
    instant: int  #: the same in UTC ms, or when a pause has let it go
    jobnet_id: str
    schedule_id: str
    calendar_id: str  #: or a filter's id
    user_name: str = ""  #: owner of the jobnet
    run: int = 0  #: registry number; 0 while there is none
    waits: Waits = Waits.NOTHING

    @property
    def cause(self) -> str:
        """Return what tells it from all others, and is the same whoever looks."""
        if self.problem is LateProblem.STARTED:
            return f"start:{self.run}:{self.slot}"
        return f"load:{self.schedule_id}:{self.calendar_id}:{self.jobnet_id}:{self.slot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbegun:
    """A loaded run of a schedule that has no start time, as its summary shows."""

    run: int
    jobnet_id: str
    schedule_id: str
    calendar_id: str
    user_name: str
    scheduled_time: int
    status: int
    load_status: int
    start_pending_flag: int


def load_window(
    now: int, handled_to: int | None, rules: LateRules, zone: tzinfo
) -> tuple[int, int]:
    """Return the first and last slot whose starts should be loaded at `now`.

    Starts of the past count from where the loader has stopped to look, for a day at most.

    Args:
        now: UTC ms.
        handled_to: end of the last window that the loader has worked through (UTC ms), if known.
        rules: the load span counts.
        zone: of the slots.
    """
    since = now if handled_to is None else min(now, max(handled_to, now - DAY_MS))
    return due_slot(since, zone), due_slot(now + rules.load_span * MINUTE_MS, zone)


def by_week(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the stretch between two slots, both included, week by week."""
    end, begin = slot_date(last), first
    while (after := shifted(slot_date(begin), 7)) <= end:
        yield begin, date_digits(shifted(after, -1)) * 10_000 + 2359
        begin = date_digits(after) * 10_000
    yield begin, last


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsInForce:
    """Which versions are in force now, and which the loader has known, and since when."""

    now: Mapping[Name, int]  #: update date by kind and id
    known: Mapping[Name, tuple[int, int]]  #: update date, and since when (UTC ms)

    def at(self, start: Start, timetable: Timetable, instant: int) -> bool:
        """Return whether all that makes a start of the past was in force in its time, and still is.

        What was put in force later starts nothing before.
        """
        return all(self._stood(name, instant) for name in definitions_of(start, timetable))

    def _stood(self, name: Name, instant: int) -> bool:
        version, since = self.known.get(name, (0, 0))
        return name in self.known and version == self.now.get(name) and since <= instant


def oldest_unbegun(paused: Pauses) -> int:
    """Return since when (UTC ms) runs may be due that should have begun by now, and not long ago.

    That is a day, and before it the time of the pauses that have ended since then.
    """
    oldest = paused.now - DAY_MS
    for pause in paused.all:
        if pause.end_at is None or pause.end_at > paused.now - DAY_MS:
            oldest = min(oldest, pause.since - DAY_MS)
    return oldest


def unloaded(starts: Iterable[Start], zone: tzinfo) -> Iterator[Missing]:
    """Yield starts as missing; which of them are loaded is not asked here."""
    for start in starts:
        yield Missing(
            problem=LateProblem.LOADED,
            slot=start.slot,
            instant=instant_of(start.slot, zone),
            jobnet_id=start.jobnet_id,
            schedule_id=start.schedule_id,
            calendar_id=start.object_id,
        )


def unstarted(runs: Iterable[Unbegun], paused: Pauses, zone: tzinfo) -> Iterator[Missing]:
    """Yield the runs that should have begun now, the instant of `paused`.

    A run that was held, even if it has been released, begins when people want it to; one that a
    pause keeps or has kept from starting is not late for that.
    """
    now = paused.now
    for run in runs:
        if run.start_pending_flag or paused.of_jobnet(run.jobnet_id) is not None:
            continue
        slot = paused.excused_until(run.jobnet_id, run.scheduled_time, zone)
        try:
            instant = instant_of(slot, zone)
        except ValueError:  # somebody has written what is no time; it never comes
            continue
        if not 0 <= now - instant <= DAY_MS:
            continue
        yield Missing(
            problem=LateProblem.STARTED,
            slot=run.scheduled_time,
            instant=instant,
            jobnet_id=run.jobnet_id,
            schedule_id=run.schedule_id,
            calendar_id=run.calendar_id,
            user_name=run.user_name,
            run=run.run,
            waits=_waits(run),
        )


def _waits(run: Unbegun) -> Waits:
    if run.status == JobnetStatus.READY:
        return Waits.PICKED
    if run.load_status != LoadStatus.DELAY:
        return Waits.NOTHING
    return Waits.EARLIER if run.status == JobnetStatus.BEGIN else Waits.MISSED


@dataclass(frozen=True, slots=True)
class Suspicions:
    """What is missing, by its cause, and since when (UTC ms) we have seen that."""

    since: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, Missing] = field(default_factory=dict)

    def past(self, now: int) -> list[Missing]:
        """Return the starts not loaded whose time has come: no window shows them any more."""
        return [
            one
            for one in self.missing.values()
            if one.problem is LateProblem.LOADED and one.instant <= now < one.instant + DAY_MS
        ]

    def looked(self, missing: Iterable[Missing], now: int) -> Suspicions:
        """Return what is suspected after a check that has found these missing.

        If the clock was set back, what was seen before counts from now on.
        """
        found = {one.cause: one for one in missing}
        since = {cause: min(self.since.get(cause, now), now) for cause in found}
        return Suspicions(since, found)

    def confirmed(self, now: int, rules: LateRules) -> list[Missing]:
        """Return what has been missing for long enough to be reported, in order of time.

        A definition that has just come into force, or a server that has just come back, is given
        time to act: it must be missing all through `confirm_ms`.
        """
        ready = [
            one
            for cause, one in self.missing.items()
            if now >= rules.ripe_at(one.problem, one.instant)
            and now - self.since[cause] >= rules.patience(one.problem)
        ]
        return sorted(ready, key=lambda one: (one.instant, one.cause))
