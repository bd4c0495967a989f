"""Looks for late starts and silent servers in the database; keeps account of what was reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import islice
from logging import getLogger

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.calendars.digits import slot_date
from jobarranger.calendars.starts import Start, starts
from jobarranger.clock import Clock, local_time, stamp14
from jobarranger.db import notifications, pauses
from jobarranger.db.engine import Database, Unit
from jobarranger.db.notifications import NONE, Notification
from jobarranger.errors import DefinitionError
from jobarranger.loading.rows import loaded_starts
from jobarranger.loading.rows.scheduling import Scheduling, read_scheduling
from jobarranger.loading.window import load_span
from jobarranger.messages import Raised
from jobarranger.slots import due_slot, instant_of
from jobarranger.watching import presence
from jobarranger.watching.late import (
    DAY_MS,
    LateProblem,
    LateRules,
    Missing,
    Suspicions,
    VersionsInForce,
    Waits,
    by_week,
    load_window,
    oldest_unbegun,
    unloaded,
    unstarted,
)
from jobarranger.watching.overruns import Limited
from jobarranger.watching.presence import Presence, PresenceSigns
from jobarranger.watching.rows import lateness, reported, servers

log = getLogger(__name__)

#: Reported in one check at most; the others follow in the next ones.
MOST = 200
#: Causes that a reporter remembers to have reported; what it has forgotten it asks the database.
_REMEMBERED = 100_000
#: How long it is remembered that something was reported (ms).
KEEP_MS = 31 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something to be reported to people."""

    cause: str
    raised: Raised
    missing: Missing | None = None  #: the start that it is about
    overrun: Limited | None = None  #: the run over its time limit that it is about
    calendar_id: str = ""  #: the calendar that it is about; without all it is about a server


class Reporter:
    """One of the reporters; the database remembers what each has reported."""

    def __init__(self, db: Database, clock: Clock, zone: tzinfo, name: str) -> None:
        self._db = db
        self._clock = clock
        self._zone = zone
        self._name = name
        self._reported: set[str] = set()
        self._unnoted: dict[str, Alarm] = {}  # reported, and the database has refused to note it

    def news(self, causes: Iterable[str]) -> list[str]:
        """Return the causes that are not reported here yet, in their order, `MOST` of them."""
        wanted = [cause for cause in causes if cause not in self._unnoted]
        if len(self._reported) > _REMEMBERED:
            self._reported.clear()
        fresh: list[str] = []
        rest = iter([cause for cause in wanted if cause not in self._reported])
        while len(fresh) < MOST and (some := list(islice(rest, MOST))):
            known = self._db.read(lambda conn, some=some: reported.known(conn, some, self._name))  # type: ignore[misc]
            self._reported |= known
            fresh += [cause for cause in some if cause not in known]
        return fresh[:MOST]

    def remember(self, alarms: Sequence[Alarm]) -> None:
        """Remember alarms as reported, to be noted with the next ones."""
        self._unnoted |= {alarm.cause: alarm for alarm in alarms}

    def note(self, alarms: Sequence[Alarm]) -> None:
        """Note that alarms were reported; queue the notification of those that are new to all.

        What cannot be noted now is noted with the next ones; until then it is remembered here, so
        that it is not reported at each check.
        """
        self.remember(alarms)
        if not self._unnoted:
            return
        alarms = list(self._unnoted.values())
        now = self._clock.now_ms()

        def work(unit: Unit) -> None:
            first = reported.note(unit, [alarm.cause for alarm in alarms], self._name, now)
            reported.forget(unit, now - KEEP_MS)
            notes = [
                _notification(alarm, stamp14(now, self._zone))
                for alarm in alarms
                if alarm.cause in first and alarm.raised.notify and not _is_notified(alarm)
            ]
            notifications.queue(unit.conn, notes)

        self._db.transaction(work)
        self._reported.update(self._unnoted)
        self._unnoted.clear()


def _is_notified(alarm: Alarm) -> bool:
    """Return whether the boot process has queued a notification of the same."""
    return alarm.missing is not None and alarm.missing.waits is Waits.MISSED


def _notification(alarm: Alarm, second: int) -> Notification:
    about = alarm.missing or alarm.overrun
    return Notification(
        second=second,
        kind=int(alarm.raised.kind),
        message_id=alarm.raised.id,
        text=alarm.raised.text,
        instance_id=about.run if about else 0,
        main_id=about.run if about else 0,
        user_name=(about.user_name if about else "") or NONE,
        jobnet_id=about.jobnet_id if about else NONE,
    )


class StartWatch:
    """Looks again and again for starts that are not loaded or have not begun."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        zone: tzinfo,
        reporter: Reporter,
        rules: LateRules,
        *,
        beside_boot: bool = False,
    ) -> None:
        """Remember how to look; the load span of `rules` is read anew at each check.

        Who is part of the server looks `beside_boot`: the boot process has reported missed starts,
        and a run that waits for another one as it should is reported only if that one is in error.
        """
        self._beside_boot = beside_boot
        self._db = db
        self._clock = clock
        self._zone = zone
        self._reporter = reporter
        self._rules = rules
        self._suspicions = Suspicions()

    @property
    def missing_now(self) -> int:
        """Return how many starts were missing something at the last check."""
        return len(self._suspicions.missing)

    def look(self) -> list[Alarm]:
        """Return what to report now; the caller reports it and then calls `Reporter.note`.

        Raises:
            DatabaseUnavailable: nothing was seen; what was suspected before stays so.
        """
        now = self._clock.now_ms()
        rules, missing = self._db.read(lambda conn: self._missing(conn, now))
        self._suspicions = self._suspicions.looked(missing, now)
        ripe = {one.cause: one for one in self._suspicions.confirmed(now, rules)}
        news = [ripe[cause] for cause in self._reporter.news(ripe)]
        owners = self._db.read(
            lambda conn: lateness.owners(conn, {one.jobnet_id for one in news if not one.run})
        )
        return [
            _alarm(replace(one, user_name=one.user_name or owners.get(one.jobnet_id, "")))
            for one in news
        ]

    def _missing(self, conn: Connection, now: int) -> tuple[LateRules, list[Missing]]:
        """Return everything that is missing at `now`."""
        span, handled_to = loaded_starts.state(conn)
        rules = replace(self._rules, load_span=load_span(span))
        paused = pauses.read(conn, now)
        missing: list[Missing] = []
        if not paused.hold_loading:
            window = load_window(now, handled_to, rules, self._zone)
            missing += self._unloaded(conn, now, window)
        oldest = oldest_unbegun(paused)
        first, last = due_slot(oldest, self._zone), due_slot(now, self._zone)
        late = list(unstarted(lateness.unbegun(conn, first, last), paused, self._zone))
        if self._beside_boot:
            late = _not_as_it_should_be(conn, late)
        return rules, missing + late

    def _unloaded(self, conn: Connection, now: int, window: tuple[int, int]) -> list[Missing]:
        """Return the starts that should be loaded and are not: of the window, and older ones.

        They are worked out week by week: a long load span has millions, few of them missing.
        """
        first, last = window
        found = read_scheduling(conn, slot_date(first), slot_date(last))
        present = due_slot(now, self._zone)
        stood = _standing(conn) if first < present else None
        missing = {one.cause: one for one in _missing_of(conn, self._suspicions.past(now))}
        for begin, end in by_week(first, last):
            coming = (
                start
                for start in _starts(found, begin, end)
                if start.slot >= present
                or stood is None
                or stood.at(start, found.timetable, instant_of(start.slot, self._zone))
            )
            missing_now = _missing_of(conn, list(unloaded(coming, self._zone)))
            missing |= {one.cause: one for one in missing_now}
        return list(missing.values())


def _not_as_it_should_be(conn: Connection, late: Sequence[Missing]) -> list[Missing]:
    """Leave out what the boot process has reported, and what waits for a run that goes well."""
    waits = any(one.waits is Waits.EARLIER for one in late)
    in_error = lateness.in_error(conn) if waits else set()
    return [
        one
        for one in late
        if one.waits is not Waits.MISSED
        and (one.waits is not Waits.EARLIER or one.jobnet_id in in_error)
    ]


def _standing(conn: Connection) -> VersionsInForce:
    """Return what is and was in force."""
    known = loaded_starts.known_in_force(conn)
    return VersionsInForce(
        now=loaded_starts.in_force(conn),
        known={name: (one.update_date, one.since_at) for name, one in known.items()},
    )


def _missing_of(conn: Connection, awaited: Sequence[Missing]) -> list[Missing]:
    """Return those that were not loaded."""
    if not awaited:
        return []
    slots = [one.slot for one in awaited]
    loaded = lateness.loaded(conn, min(slots), max(slots))
    return [
        one
        for one in awaited
        if (one.schedule_id, one.calendar_id, one.jobnet_id, one.slot) not in loaded
    ]


def _starts(found: Scheduling, first: int, last: int) -> Iterator[Start]:
    """Yield the starts of all schedules; one that cannot be computed is reported by the loader."""
    for schedule in found.schedules:
        try:
            yield from list(starts(schedule, found.timetable, first, last))
        except (ValueError, OverflowError, DefinitionError) as error:
            log.debug("schedule %s: %s", schedule.schedule_id, error)


def _alarm(missing: Missing) -> Alarm:
    about: dict[str, object] = {
        "jobnet_id": missing.jobnet_id,
        "scheduled_time": readable(missing.slot),
        "calendar_id": missing.calendar_id,
        "schedule_id": missing.schedule_id,
        "user_name": missing.user_name or "none",
    }
    if missing.problem is LateProblem.LOADED:
        raised = m.render(m.JAMONITOR200001, **about)
    else:
        raised = m.render(
            m.JAMONITOR200002, **about, inner_jobnet_id=missing.run, reason=missing.waits.text
        )
    return Alarm(cause=missing.cause, raised=raised, missing=missing)


def readable(slot: int) -> str:
    """Return a slot as `YYYY/MM/DD HH:MM`."""
    text = f"{slot:012}"
    return f"{text[:4]}/{text[4:6]}/{text[6:8]} {text[8:10]}:{text[10:]}"


class ServerWatch:
    """Looks again and again for a server's signs of life."""

    def __init__(
        self, db: Database, clock: Clock, zone: tzinfo, reporter: Reporter, limit_seconds: int
    ) -> None:
        """Take a silence up to `limit_seconds` for nothing; 0: any silence."""
        self._db = db
        self._clock = clock
        self._zone = zone
        self._reporter = reporter
        self._limit_ms = limit_seconds * 1000
        self._look: PresenceSigns | None = None
        self._gone = False
        self.presence = Presence.UNSURE

    def look(self) -> list[Alarm]:
        """Return what is to be reported now; says by itself when the server is back."""
        if not self._limit_ms:
            return []
        now = self._clock.now_ms()
        self._look = presence.look(self._look, self._db.read(servers.signs), now)
        self.presence = self._look.presence(now, self._limit_ms)
        if self.presence is Presence.HERE and self._gone:
            self._gone = False
            m.log_message(m.JAMONITOR000003)
        raised = self._raised(self._look)
        if raised is None:
            return []
        self._gone = True
        cause = self._look.cause
        return [Alarm(cause=cause, raised=raised)] if self._reporter.news([cause]) else []

    def _raised(self, seen: PresenceSigns) -> Raised | None:
        if self.presence is Presence.NEVER:
            return m.render(m.JAMONITOR100003, database=self._db.settings.label())
        if self.presence not in {Presence.SILENT, Presence.STOPPED}:
            return None
        assert seen.sign is not None
        message = m.JAMONITOR100001 if self.presence is Presence.SILENT else m.JAMONITOR300001
        at = local_time(seen.sign.last, self._zone).strftime("%Y/%m/%d %H:%M:%S")
        return m.render(message, host_name=seen.sign.host_name, time=at)
