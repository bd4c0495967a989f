"""Everything the executor does with the database; runs on its database thread.

A `Job` brings what happened (`Record`s) and asks what is due (`Look`). Candidates are read without
a transaction; then one transaction writes the records and claims what may be sent, guarded by the
states that were read. Failures go to the engine afterwards, one transaction for all.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from sqlalchemy import Connection

from jobarranger.clock import Clock
from jobarranger.db import dispatch, pauses
from jobarranger.db.dispatch import Place
from jobarranger.db.engine import Database, Unit
from jobarranger.db.guarded import Change
from jobarranger.directory import Directory, Host
from jobarranger.dispatching import decide
from jobarranger.dispatching.request import RUNS, Key, Request
from jobarranger.dispatching.steps import Accept, Fail, Finish, Later, Pursue, Reason, Send, Step
from jobarranger.errors import DatabaseUnavailable, StateConflict
from jobarranger.failpoints import failpoint
from jobarranger.flow.dispatching import fail_dispatch
from jobarranger.flow.engine import Engine
from jobarranger.loading.pauses import Pauses
from jobarranger.states import AgentKind, DispatchState, JobType, Method
from processes.executing.book import HostBook
from processes.executing.failures import IconName, Wording, is_unknown

log = logging.getLogger(__name__)

#: Rows that one look takes of what a sweep finds, and of what is hinted at. The next look comes
#: at once, but a hint of another process may go in between.
BATCH = 100
#: Requests in one look to hosts that are not known to answer: each costs as much as several others.
MOST_STRANGE = 50
#: Rows that are read once, at the start.
MOST_LEFT = 10_000
#: Icons in an urgent hint that goes before all else.
SHORT = 20
#: A stop for a host that does not answer is looked at again after so long (ms).
STOP_PAUSE = 5_000
#: Seconds for which a host's entry counts as fresh: bursts of requests ask for it once.
FRESH = 1.0
#: A request whose failure cannot be worked in is left alone for so long (ms).
DEFERRED = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is to be written about a request."""

    request: Request
    step: Step
    at: int  #: UTC ms
    learnt: tuple[AgentKind, str | None] | None = None  #: news about its host


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What to look for."""

    ids: frozenset[int] = frozenset()  #: icons that were hinted at
    urgent: bool = False  #: by another process, which has just asked for it
    sweep: bool = False  #: everything that is due
    silent: bool = False  #: accepted runs without a result, too
    left: bool = False  #: what an earlier executor was sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work for the database thread."""

    records: tuple[Record, ...] = ()
    look: Look | None = None


class Begin(Enum):
    """What to do first with a request."""

    SEND = "just claimed, no byte has been sent"
    FOLLOW = "sent before, its time has come again"
    PROBE = "still new: its host, which does not answer, is asked about it"


@dataclass(frozen=True, slots=True)
class Task:
    """One request to be worked on now."""

    request: Request
    begin: Begin
    urgent: bool = False  #: asked for by another process just now


@dataclass(slots=True)
class _Plan:
    """What a look comes to before anything is written."""

    claims: list[Request] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    waiting: list[Request] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    strange: int = 0  #: of claims and tasks, to hosts not known to answer


@dataclass(slots=True, kw_only=True)
class Store:
    """The database side of one executor."""

    clock: Clock
    engine: Engine
    directory: Directory
    book: HostBook
    slots: tuple[int, ...]
    agent_port: int  #: of hosts that name none
    wording: Wording
    known: dict[str, tuple[float, Host]] = field(default_factory=dict)  #: with their freshness
    unfailed: list[Record] = field(default_factory=list)  #: failures not worked in yet
    unsure: dict[Key, int] = field(default_factory=dict)  #: claims not sent, by their instant
    hinted: list[int] = field(default_factory=list)  #: icons whose turn has not come
    put_off: list[Look] = field(default_factory=list)  #: looks that let urgent ones go first
    more: bool = False  #: the last look has left something that is due

    def handle(self, db: Database, jobs: list[Job]) -> list[list[Task] | BaseException]:
        """Do a batch of jobs; the tasks of all looks are returned with the first."""
        records = [record for job in jobs for record in job.records]
        looks = self._first([job.look for job in jobs if job.look is not None])
        self._give_back(db)
        urgent = frozenset().union(*(look.ids for look in looks if look.urgent))
        candidates = db.read(lambda conn: self._candidates(conn, looks)) if looks else []
        plan = db.read(lambda conn: self._plan(conn, candidates)) if candidates else _Plan()
        tasks = self._commit(db, records, plan)
        self._fail(db, [*records, *plan.records])
        tasks = [replace(task, urgent=task.request.job_id in urgent) for task in tasks]
        return [tasks if job is jobs[0] else [] for job in jobs]

    def recheck(self, db: Database, request: Request) -> bool:
        """Tell whether a request is still to be sent, just before it is sent again.

        A stop that waits for it makes it fail instead: it was never carried out.
        """
        rows = db.read(lambda conn: dispatch.peers(conn, [request.job_id]))
        states = {peer.key: peer.state for peer in rows}
        if states.get(request.key) is not DispatchState.SENDING:
            return False
        if any(
            peer.key.attempt == request.attempt
            and peer.key.method not in RUNS
            and peer.state is DispatchState.NEW
            for peer in rows
        ):
            step = Fail(Reason.STOPPED)
            self._fail(db, [Record(request=request, step=step, at=self.clock.now_ms())])
            return False
        return True

    # -- looking -------------------------------------------------------------------------------

    def _first(self, looks: Sequence[Look]) -> list[Look]:
        """Let short urgent looks go first, alone; but never twice before the others."""
        waited, self.put_off = self.put_off, []
        all_ = [*waited, *looks]
        urgent = [look for look in all_ if look.urgent and len(look.ids) <= SHORT]
        if waited or len(urgent) in {0, len(all_)} or any(look.left for look in all_):
            return all_
        self.put_off = [look for look in all_ if look not in urgent]
        return urgent

    def _candidates(self, conn: Connection, looks: Sequence[Look]) -> list[Request]:
        """Read what is due; each query only if somebody asks for it."""
        now = self.clock.now_ms()
        found: list[Request] = []
        self.more = False
        if ids := self._hinted(looks):
            found += dispatch.due_of(conn, ids, now)
        if any(look.left for look in looks):
            found += dispatch.left_sending(conn, self.slots, most=MOST_LEFT)
            # an agent that hears from us knows that it can deliver what it holds
            found += dispatch.one_accepted_each(conn, self.slots, most=MOST_LEFT)
        if any(look.sweep for look in looks):
            found += self._swept(conn, now)
        if any(look.silent for look in looks):
            found += dispatch.silent_accepted(conn, self.slots, now, most=BATCH)
        self.more |= bool(self.put_off or self.hinted)
        return self._free(found)

    def _hinted(self, looks: Sequence[Look]) -> list[int]:
        """Return icons that were hinted at: short hints first, no more than a look takes."""
        ids = [one for look in sorted(looks, key=lambda look: len(look.ids)) for one in look.ids]
        waiting = list(dict.fromkeys([*ids, *self.hinted]))
        self.hinted = waiting[BATCH:]
        return waiting[:BATCH]

    def _free(self, found: Sequence[Request]) -> list[Request]:
        """Leave out what is in hand or has failed; return each request once."""
        failing = {record.request.key for record in self.unfailed}  # their rows are still open
        unique = {request.key: request for request in found}
        return [
            one for key, one in unique.items() if key not in failing and not self.book.in_hand(key)
        ]

    def _swept(self, conn: Connection, now: int) -> list[Request]:
        """Read what is due in our slots: one of each host first, then the oldest.

        Pauses matter, and are read, only if something is due.
        """
        sweep = dispatch.Sweep(
            slots=self.slots, now=now, full=self.book.full(now), asked=self.book.probed()
        )
        first = dispatch.first_due(conn, sweep)
        if first and (paused := pauses.read(conn, now)).keep_jobs:
            sweep = replace(sweep, paused=paused.hosts, runs=not paused.hold_jobs)
            first = dispatch.first_due(conn, sweep)
        if not first:
            return []
        chosen = self._chosen(first)
        found = dispatch.due_of(conn, chosen, now)
        if len(first) < BATCH:
            found += dispatch.due_in(conn, sweep, most=BATCH)
        self.more = (len(chosen) < len(first) or len(found) >= BATCH) and bool(self._free(found))
        return found

    def _chosen(self, first: Sequence[tuple[str, int]]) -> list[int]:
        """Choose icons of hosts that answer before those of hosts that may not.

        Of the others both ends: what has just come is found at once behind a crowd that has long
        been waiting for hosts that are gone.
        """
        sure = [icon for name, icon in first if self.book.health(name).answers]
        others = [icon for name, icon in first if not self.book.health(name).answers]
        half = MOST_STRANGE // 2
        ends = others if len(others) <= MOST_STRANGE else [*others[-half:], *others[:half]]
        return [*sure[:BATCH], *ends]

    def _plan(self, conn: Connection, candidates: Sequence[Request]) -> _Plan:
        """Decide which candidates can be taken in hand now."""
        plan = _Plan()
        now = self.clock.now_ms()
        names = {one.host_name for one in candidates if one.state is DispatchState.NEW}
        hosts = self._hosts(conn, names)
        paused = pauses.read(conn, now) if names else Pauses()
        stops = [one for one in candidates if one.method not in RUNS]
        peers = dispatch.peers(conn, {one.job_id for one in stops}) if stops else []
        room: dict[tuple[str, bool], int] = {}
        for request in candidates:
            self.book.meet(request)
            if request.state is not DispatchState.NEW:
                plan.tasks.append(Task(request, Begin.FOLLOW))
            elif request.method in RUNS and paused.of_host(request.host_name):
                continue  # the sweep finds it when the pause is over
            elif request.method in RUNS or self._stop_goes(plan, request, peers, now):
                self._admit(plan, request, hosts.get(request.host_name), room, now)
        overtaken = {record.request.key for record in plan.records}
        plan.claims = [one for one in plan.claims if one.key not in overtaken]
        plan.waiting = [one for one in plan.waiting if one.key not in overtaken]
        return plan

    def _hosts(self, conn: Connection, names: Collection[str]) -> dict[str, Host]:
        """Return the known hosts; one that was just looked up is not asked for again."""
        now = self.clock.monotonic()
        old = {name for name, (until, _) in self.known.items() if until <= now}
        for name in old:
            del self.known[name]
        missing = {name for name in names if name not in self.known}
        if missing:
            for name, host in self.directory.hosts(conn, missing).items():
                self.known[name] = (now + FRESH, host)
        return {name: self.known[name][1] for name in names if name in self.known}

    def _stop_goes(
        self, plan: _Plan, stop: Request, peers: Sequence[dispatch.Peer], now: int
    ) -> bool:
        """Tell whether a stop is to be sent now; otherwise say in the plan what becomes of it."""
        run = next(
            (
                peer
                for peer in peers
                if peer.key.job_id == stop.job_id
                and peer.key.attempt == stop.attempt
                and peer.key.method in RUNS
            ),
            None,
        )
        kind = self.book.kind(stop.host_name)
        step = decide.before_stop(run.state if run else None, kind, now)
        if isinstance(step, Send):
            return True
        if isinstance(step, Fail) and run is not None:
            never_sent = replace(stop, method=Method(run.key.method))
            plan.records.append(Record(request=never_sent, step=step, at=now))
            step = Finish()
        plan.records.append(Record(request=stop, step=step, at=now))
        return False

    def _admit(
        self,
        plan: _Plan,
        request: Request,
        host: Host | None,
        room: dict[tuple[str, bool], int],
        now: int,
    ) -> None:
        """Claim a request for sending, let it wait for its host, or fail it."""
        reason = None
        if host is None:
            reason = Reason.UNKNOWN_HOST
        elif not host.enabled and not request.force_flag and request.method in RUNS:
            reason = Reason.DISABLED_HOST
        if host is None or reason is not None:
            step: Step = Fail(reason or Reason.UNKNOWN_HOST)
            plan.records.append(Record(request=request, step=step, at=now))
            return
        name = request.host_name
        place = Place(host.address, host.port or self.agent_port)
        request = replace(request, address=place.address, port=place.port)
        if failure := self.book.failure(request, now):
            plan.records.append(Record(request=request, step=failure, at=now))
            return
        turn = name, request.method in RUNS
        left = room.setdefault(turn, self.book.room(name, now, run=turn[1]))
        if left <= 0:
            self._let_wait(plan, request, now)
            return
        room[turn] = left - 1
        health = self.book.health(name)
        if not health.answers:
            plan.strange += 1
            if plan.strange > MOST_STRANGE:
                self.hinted.append(request.job_id)
                self.more = True
                return
        if health.is_silent:
            plan.tasks.append(Task(request, Begin.PROBE))
            return
        plan.places[name] = place
        plan.claims.append(request)

    def _let_wait(self, plan: _Plan, request: Request, now: int) -> None:
        """Keep in mind what waits for its host.

        Runs to a host that does not answer are left out of sweeps from now on. Stops are not, for
        one may mean a run that was never sent; so they get a later time.
        """
        if request.method not in RUNS and self.book.is_silent(request.host_name):
            later = Later(now + STOP_PAUSE)
            plan.records.append(Record(request=request, step=later, at=now))
        else:
            plan.waiting.append(request)

    # -- writing -------------------------------------------------------------------------------

    def _commit(self, db: Database, records: Sequence[Record], plan: _Plan) -> list[Task]:
        """Write records and claims in one transaction; return what may be sent."""
        written = [*records, *plan.records]
        now = self.clock.now_ms()
        claimed = plan.claims
        self.unsure.update((one.key, now) for one in claimed)
        if any(_writes(record) for record in written) or claimed:
            try:
                db.transaction(lambda unit: self._write(unit, written, plan, claimed, now))
            except StateConflict:
                claimed = self._one_by_one(db, written, plan, now)
            failpoint("executor.after_commit")
        for one in claimed:
            del self.unsure[one.key]
        fresh = [
            replace(one, state=DispatchState.SENDING, sending_at=now, tries=one.tries + 1)
            for one in claimed
        ]
        self.book.take([*fresh, *(task.request for task in plan.tasks)])
        self.book.wait(plan.waiting)
        return [*(Task(one, Begin.SEND) for one in fresh), *plan.tasks]

    def _write(
        self,
        unit: Unit,
        records: Sequence[Record],
        plan: _Plan,
        claims: Sequence[Request],
        now: int,
    ) -> None:
        if claims:
            names = {one.host_name for one in claims}
            places = {name: plan.places[name] for name in names}
            moved = dispatch.claim(unit.conn, [one.key for one in claims], places, now)
            if moved != len(claims):
                raise StateConflict(f"{moved} of {len(claims)} requests were still new")
        changes = [(one.request.key, change) for one in records if (change := _change(one))]
        dispatch.move(unit.conn, changes)
        learnt = {one.request.host_name: one.learnt for one in records if one.learnt}
        for name, (kind, version) in learnt.items():
            dispatch.remember_agent(unit.conn, name, kind, version, now)
        failpoint("executor.before_commit")

    def _one_by_one(
        self, db: Database, records: Sequence[Record], plan: _Plan, now: int
    ) -> list[Request]:
        """Claim singly after a conflict: what somebody else has moved is left out."""
        db.transaction(lambda unit: self._write(unit, records, plan, (), now))
        claimed = []
        for one in plan.claims:
            try:
                db.transaction(lambda unit, one=one: self._write(unit, (), plan, [one], now))  # type: ignore[misc]
            except StateConflict:
                log.debug("request %s was moved by somebody else", one.key)
            else:
                claimed.append(one)
        return claimed

    def _give_back(self, db: Database) -> None:
        """Make those new again whose claim was committed without our hearing of it.

        Not one byte of them was sent, and nobody else would ever look at them: to this executor
        they seem to be taken by somebody, to a look they are in somebody's hand.
        """
        if self.unsure:
            db.transaction(lambda unit: dispatch.give_back(unit.conn, self.unsure))
            self.unsure.clear()

    # -- failing -------------------------------------------------------------------------------

    def _fail(self, db: Database, records: Sequence[Record]) -> None:
        """Let the engine fail the icons whose requests have failed.

        What was claimed just before must be sent whatever happens here, so nothing is raised:
        failures that the database would not take are kept for the next time.
        """
        new = [record for record in records if isinstance(record.step, Fail)]
        failed = list({one.request.key: one for one in [*self.unfailed, *new]}.values())
        if not failed:
            return
        self.unfailed = failed
        try:
            self._fail_all(db, failed)
        except DatabaseUnavailable as error:
            log.warning("%d failed requests are kept: %s", len(failed), error)
        else:
            self.unfailed = []

    def _fail_all(self, db: Database, failed: Sequence[Record]) -> None:
        ids = {one.request.job_id for one in failed}
        icons = {
            row.key.job_id: IconName(JobType(row.job_type), row.job_name)
            for row in db.read(lambda conn: dispatch.peers(conn, ids))
        }
        try:
            self._fail_some(db, failed, icons)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("%d failed requests could not be worked in together", len(failed))
            for record in failed:
                self._fail_alone(db, record, icons)

    def _fail_alone(self, db: Database, record: Record, icons: dict[int, IconName]) -> None:
        try:
            self._fail_some(db, [record], icons)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("the failure of request %s could not be worked in", record.request.key)
            self._close(db, [(record, {"next_try_at": self.clock.now_ms() + DEFERRED})])

    def _fail_some(
        self, db: Database, records: Sequence[Record], icons: dict[int, IconName]
    ) -> None:
        failures = []
        closing: list[tuple[Record, dict[str, object]]] = []
        for record in records:
            request, step = record.request, record.step
            assert isinstance(step, Fail)
            failure = self.wording.failure(request, step, icons.get(request.job_id))
            if failure:
                failures.append(failure)
            unknown = is_unknown(request, step)
            state = DispatchState.UNKNOWN if unknown else DispatchState.DONE
            closing.append((record, {"state": state, "next_try_at": None}))
        if failures:
            fail_dispatch(db, self.engine, failures)
        self._close(db, closing)

    def _close(self, db: Database, closing: Sequence[tuple[Record, dict[str, object]]]) -> None:
        """Write what stands after the engine's work, in rows that it left open."""
        changes = [
            (record.request.key, Change(0, int(DispatchState.ACCEPTED), values))
            for record, values in closing
        ]
        db.transaction(lambda unit: dispatch.move(unit.conn, changes))


def _writes(record: Record) -> bool:
    return record.learnt is not None or not isinstance(record.step, Fail)


def _change(record: Record) -> Change | None:
    """Return what a step means for its row; a failure is the engine's to write."""
    request = record.request
    from_sending = int(DispatchState.SENDING)
    match record.step:
        case Accept(check_at=at):
            values = {"accepted_at": record.at, "next_try_at": at, "state": DispatchState.ACCEPTED}
            kind = record.learnt[0] if record.learnt else request.agent_kind
            return Change(0, from_sending, {**values, "agent_kind": kind})
        case Finish():
            values = {"accepted_at": record.at, "next_try_at": None, "state": DispatchState.DONE}
            return Change(0, int(DispatchState.ACCEPTED), values)
        case Later(at=at):
            values = {"sending_at": None, "next_try_at": _rounded(at), "tries": request.tries}
            return Change(0, from_sending, {**values, "state": DispatchState.NEW})
        case Pursue(at=at):
            values = {"next_try_at": _rounded(at), "tries": request.tries + 1}
            return Change(0, int(DispatchState.ACCEPTED), values)
        case _:
            return None


def _rounded(at: int) -> int:
    """Round an instant up a little, so that many rows can be written with one statement."""
    return -(-at // 50) * 50
