"""Load what the schedules will start: pass by pass, each in bounded batches.

A pass looks at the window from the present minute to `JOBNET_LOAD_SPAN` minutes ahead, both ends
included. What was looked at before is left out as long as nothing has changed; after a change the
whole window is looked at again, and the guards (`jobarranger.loading.slotted`) show what was
loaded.

Between the instant up to which everything was loaded (`ja_ext_window`) and the present minute
there is a gap after an outage: a second scan catches it up, after the window itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import islice

from jobarranger import messages as m
from jobarranger.calendars.schedules import Schedule, Timetable
from jobarranger.calendars.starts import Start
from jobarranger.clock import Clock
from jobarranger.db import pauses
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.errors import in_short
from jobarranger.loading.alarms import Alarms
from jobarranger.loading.definition_cache import DefinitionCache
from jobarranger.loading.inforce import InForce, InForceChange
from jobarranger.loading.references import DEFINITIONS, Cause, broken_parts, cause
from jobarranger.loading.requests import IdSource
from jobarranger.loading.rows import loaded_starts as queries
from jobarranger.loading.rows.loaded_starts import Key
from jobarranger.loading.slotted import load_slots, prepare
from jobarranger.loading.start_scan import CatchUp, StartScan, Tally, instant, key_of
from jobarranger.loading.window import LONGEST_SPAN, Window, load_span, minute_of
from jobarranger.messages.model import Raised
from jobarranger.parking import Parking, together_or_alone
from jobarranger.slots import MINUTE_MS
from jobarranger.states import Counter

#: Runs of one transaction, and of one step: an immediate start waits for one step at most.
BATCH = 50
#: How far behind the truth `ja_ext_window` may be (ms); what it does not know costs a check.
_WINDOW_LAG = 5 * MINUTE_MS


@dataclass(slots=True)
class StepReport:
    """What one step of a pass did."""

    loaded: list[int] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)  #: messages, already in the log
    more: bool = False  #: the pass is not over: come again at once


class ScheduledLoad:
    """The scheduled load of one process."""

    def __init__(
        self,
        db: Database,
        ids: IdSource,
        clock: Clock,
        zone: tzinfo,
        *,
        interval: float,
        catch_up_minutes: int,
    ) -> None:
        """Know nothing yet.

        Args:
            db: the process' database.
            ids: where new ids come from.
            clock: the present.
            zone: of the slots.
            interval: seconds from one pass to the next.
            catch_up_minutes: how long ago a start may be that is still loaded after an outage.
        """
        self._db = db
        self._ids = ids
        self._clock = clock
        self._zone = zone
        self._interval = interval
        self._catch_up = catch_up_minutes * MINUTE_MS
        self._in_force = InForce(db, clock, zone)
        self._alarms = Alarms(db, clock, zone)
        self._cache = DefinitionCache()
        self._parking = Parking(clock)
        self._next_pass = float("-inf")
        self._forget()

    def _forget(self) -> None:
        """Begin anew: the next pass looks at everything."""
        self._covered: int | None = None  # everything up to this instant was looked at
        self._noted: int | None = None  # what ja_ext_window says
        self._lag = 0
        self._ahead: StartScan | None = None
        self._behind: StartScan | None = None
        self._failing: dict[Key, tuple[int, Start]] = {}
        self._next_pass = float("-inf")

    def turn(self, batch: int = BATCH) -> StepReport:
        """Begin a pass if it is time to, and take one step of the pass that is going on.

        Raises:
            DatabaseUnavailable: come again later; nothing is left out because of it.
        """
        report = StepReport()
        try:
            if self._ahead is None and self._clock.monotonic() >= self._next_pass:
                self._next_pass = self._clock.monotonic() + self._interval
                self._begin(report)
            self._step(batch, report)
        except Exception:
            self._forget()
            raise
        report.more = self._ahead is not None or self._behind is not None
        return report

    # -- beginning a pass ----------------------------------------------------------------------

    def _begin(self, report: StepReport) -> None:
        """InForceChange what is to be walked through."""
        now = self._clock.now_ms()
        minute = minute_of(now)
        stored, until = self._db.read(queries.state)
        if self._is_paused():
            return
        span = self._span(stored, report)
        window = Window(minute, minute + span)
        self._lag = min(_WINDOW_LAG, span // 2)
        look = self._in_force.refresh(window)
        if look is not InForceChange.SAME:
            self._look_for_missing(report)
            self._cache.clear()
        if look is InForceChange.CHANGED:
            self._let_go(minute)
        whole = (
            look is not InForceChange.SAME
            or self._covered is None
            or self._covered > window.last_at
        )
        if self._covered is None:
            self._covered = self._begun(until, minute)
        if look is InForceChange.CHANGED and self._noted is not None and self._noted >= minute:
            self._note(minute - 1)  # until the scan is through
        if self._covered < minute - 1:
            self._catch(Window(self._covered + 1, minute - 1), now)
        elif look is InForceChange.CHANGED and self._behind is not None:
            self._catch(self._behind.window, now)
        if not whole:
            window = Window(max(self._covered + 1, minute), window.last_at)
        if window:
            self._ahead = StartScan(
                scheduling=self._in_force.scheduling,
                window=window,
                zone=self._zone,
                complain=self._complain,
            )

    def _is_paused(self) -> bool:
        """Return whether nothing is to be loaded by schedule."""
        now = self._clock.now_ms()
        return self._db.read(lambda conn: pauses.read(conn, now).hold_loading)

    def _begun(self, until: int | None, minute: int) -> int:
        """Return up to where everything was loaded; the first start on a database has no past."""
        if until is None:
            until = minute - 1
            self._note(until)
        self._noted = until
        return until

    def _span(self, stored: str | None, report: StepReport) -> int:
        """Return how far ahead is loaded (ms); report a value that cannot be used."""
        minutes = load_span(stored)
        causes: list[Cause] = []
        if stored is not None and stored.strip().lstrip("0") != str(minutes):
            causes = [cause(m.JALOADER300002, value=repr(stored), minutes=str(minutes))]
        report.raised += self._alarms.only({m.JALOADER300002.id}, causes)
        return minutes * MINUTE_MS

    def _look_for_missing(self, report: StepReport) -> None:
        """Report what schedules name that is not there."""
        scheduling = self._in_force.scheduling
        causes = [
            found
            for schedule in scheduling.schedules
            for found in broken_parts(schedule, scheduling.timetable)
        ]
        report.raised += self._alarms.only(DEFINITIONS, causes)
        strange = scheduling.strange
        causes = [] if strange is None else [cause(m.JALOADER300003, value=repr(strange))]
        report.raised += self._alarms.only({m.JALOADER300003.id}, causes)

    def _let_go(self, minute: int) -> None:
        """Let starts go that failed: those still wanted are found again by the whole window."""
        self._failing = {
            key: one for key, one in self._failing.items() if instant(key[0], self._zone) < minute
        }

    def _catch(self, window: Window, now: int) -> None:
        """StartScan through a gap; one that is being walked through already is joined to it."""
        if self._behind is not None:
            window = Window(
                min(window.first_at, self._behind.window.first_at),
                max(window.last_at, self._behind.window.last_at),
            )
        oldest = now - self._catch_up
        counted = oldest - LONGEST_SPAN * MINUTE_MS  # a wrong clock makes gaps of decades
        window = Window(max(window.first_at, counted), window.last_at)

        def judge(start: Start, timetable: Timetable) -> CatchUp:
            at = instant(start.slot, self._zone)
            since = self._in_force.since(start, timetable)
            if since is None or since > at:
                return CatchUp.UNKNOWN
            return CatchUp.TOO_OLD if at < oldest else CatchUp.LOAD

        self._behind = StartScan(
            scheduling=self._in_force.of(window),
            window=window,
            zone=self._zone,
            complain=self._complain,
            judge=judge,
            oldest_at=oldest,
        )

    def _complain(self, schedule: Schedule, error: Exception) -> None:
        """Report a schedule whose starts cannot be worked out."""
        name = schedule.schedule_id
        self._alarms.report([cause(m.JALOADER200011, schedule_id=name, error_text=str(error))])

    # -- one step ------------------------------------------------------------------------------

    def _step(self, batch: int, report: StepReport) -> None:
        """Load the next starts, and those again that failed."""
        scan = self._ahead or self._behind
        if (scan or self._failing) and self._is_paused():
            self._forget()  # what is left is a gap when the pause is over
            return
        self._load(self._again(batch, report), report)
        if scan is not None:
            fresh = [one for one in scan.take(self._db, batch) if key_of(one) not in self._failing]
            numbers = self._ids.take(Counter.LOADED_JOBNET, len(fresh))
            self._load(dict(zip(numbers, fresh, strict=True)), report)
            if scan.done:
                self._finish(scan, report)

    def _again(self, most: int, report: StepReport) -> dict[int, Start]:
        """Return the starts that failed and may be tried again; give up those too long ago."""
        if not self._failing:
            return {}
        oldest = minute_of(self._clock.now_ms()) - self._catch_up
        given_up = Tally()
        for key in [key for key in self._failing if instant(key[0], self._zone) < oldest]:
            given_up.add(key[0])
            del self._failing[key]
        self._report_past({CatchUp.TOO_OLD: given_up}, report)
        parked = self._parking.parked()
        free = (one for one in self._failing.values() if one[0] not in parked)
        return dict(islice(free, most))

    def _load(self, wanted: Mapping[int, Start], report: StepReport) -> None:
        """Load starts; what cannot be loaded is reported, what fails is kept for later."""
        if not wanted:
            return
        prepared = prepare(self._db, self._cache, wanted)
        causes = list(prepared.causes.values())
        left = dict(prepared.plans)

        def work(runs: Sequence[int]) -> None:
            plans = {run: prepared.plans[run] for run in runs}
            load_slots(self._db, self._ids, self._zone, wanted, plans, self._clock.now_ms())
            for run in runs:
                self._parking.succeeded(run)
                del left[run]
            report.loaded += runs

        def complain(run: int, error: Exception) -> None:
            start = wanted[run]
            key = f"{start.schedule_id} {start.slot} {start.jobnet_id} ({in_short(error)})"
            causes.append(cause(m.JALOADER200002, table_name=t.run_jobnet.name, key=key))

        together_or_alone(list(prepared.plans), work, self._parking, complain)
        for run, start in wanted.items():
            if run in left:
                self._failing[key_of(start)] = run, start
            else:
                self._failing.pop(key_of(start), None)
        self._alarms.settled(
            {
                (wanted[run].schedule_id, wanted[run].jobnet_id)
                for run in prepared.plans.keys() - left.keys()
            }
        )
        report.raised += self._alarms.report(causes)

    # -- the end of a pass ---------------------------------------------------------------------

    def _finish(self, scan: StartScan, report: StepReport) -> None:
        """Note that a scan is through."""
        if scan is self._behind:
            self._behind = None
            self._report_past(scan.tallies, report)
        else:
            self._ahead = None
            self._covered = scan.window.last_at
        if self._behind is None and self._covered is not None:
            at = min((instant(key[0], self._zone) for key in self._failing), default=None)
            until = self._covered if at is None else min(self._covered, at - 1)
            if self._noted is None or until < self._noted:
                self._note(until)
            elif until - self._noted >= max(self._lag, 1):
                self._advance(self._noted, until)

    def _note(self, until: int) -> None:
        """Remember up to where everything was loaded."""
        now = self._clock.now_ms()
        self._db.transaction(lambda unit: queries.note_window(unit.conn, until, now))
        self._noted = until

    def _advance(self, known: int, until: int) -> None:
        """Remember that everything was loaded up to a later instant.

        If it is an earlier one by now, another loader has seen something new and has perhaps not
        loaded it yet: look at everything once more.
        """
        now = self._clock.now_ms()
        stored = self._db.transaction(
            lambda unit: queries.advance_window(unit.conn, known, until, now)
        )
        if stored < known:
            self._forget()
        else:
            self._noted = until

    def _report_past(self, tallies: Mapping[CatchUp, Tally], report: StepReport) -> None:
        """Report what has become of the starts of an outage."""
        texts = {
            CatchUp.LOAD: m.JALOADER000001,
            CatchUp.TOO_OLD: m.JALOADER200012,
            CatchUp.UNKNOWN: m.JALOADER300001,
        }
        causes = [
            cause(texts[verdict], count=str(one.count), first=str(one.first), last=str(one.last))
            for verdict, one in tallies.items()
            if one.count
        ]
        if causes:
            report.raised += self._alarms.report_again(causes)
