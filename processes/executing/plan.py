"""Decides which candidates are acquired now, and what becomes of the others.

Reads pauses, hosts and the state of runs that are to be stopped; writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from jobarranger.clock import Clock
from jobarranger.db import pauses
from jobarranger.directory import Directory, Host
from jobarranger.model.pauses import Pauses
from jobarranger.requests import decide
from jobarranger.requests.request import RUNS, Request
from jobarranger.requests.rows import of_icons
from jobarranger.requests.rows.claims import AgentAddress
from jobarranger.requests.rows.of_icons import SiblingRequest
from jobarranger.requests.steps import Fail, FailureReason, Finish, Later, Send
from jobarranger.states import DispatchState, Method
from processes.executing.host_table import HostTable
from processes.executing.work import Begin, Record, Task

#: Requests in one plan to hosts that are not known to answer: each costs as much as several others.
MOST_STRANGE = 50
#: A stop for a host that does not answer is looked at again after so long (ms).
STOP_PAUSE = 5_000
#: Seconds for which a host's entry counts as fresh: bursts of requests ask for it once.
FRESH = 1.0


@dataclass(slots=True)
class ScanPlan:
    """What a scan comes to before anything is written."""

    claims: list[Request] = field(default_factory=list)
    places: dict[str, AgentAddress] = field(default_factory=dict)
    waiting: list[Request] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    strange: int = 0  #: of claims and tasks, to hosts not known to answer
    left: list[int] = field(default_factory=list)  #: icons for the next scan


@dataclass(slots=True, kw_only=True)
class Planner:
    """Plans for one executor."""

    clock: Clock
    table: HostTable
    directory: Directory
    agent_port: int  #: of hosts that name none
    _known: dict[str, tuple[float, Host]] = field(default_factory=dict)  #: with their freshness

    def plan(self, conn: Connection, candidates: Sequence[Request]) -> ScanPlan:
        """Decide which candidates can be begun now."""
        plan = ScanPlan()
        now = self.clock.now_ms()
        names = {one.host_name for one in candidates if one.state is DispatchState.NEW}
        hosts = self._hosts(conn, names)
        paused = pauses.read(conn, now) if names else Pauses()
        stops = [one for one in candidates if one.method not in RUNS]
        siblings = of_icons.siblings(conn, {one.job_id for one in stops}) if stops else []
        room: dict[tuple[str, bool], int] = {}
        for request in candidates:
            self.table.learn_from_row(request)
            if request.state is not DispatchState.NEW:
                plan.tasks.append(Task(request, Begin.FOLLOW))
            elif request.method in RUNS and paused.of_host(request.host_name):
                continue  # the sweep finds it when the pause is over
            elif request.method in RUNS or self._stop_goes(plan, request, siblings, now):
                self._admit(plan, request, hosts.get(request.host_name), room, now)
        overtaken = {record.request.key for record in plan.records}
        plan.claims = [one for one in plan.claims if one.key not in overtaken]
        plan.waiting = [one for one in plan.waiting if one.key not in overtaken]
        return plan

    def _hosts(self, conn: Connection, names: Collection[str]) -> dict[str, Host]:
        """Return the known hosts; one that was just looked up is not asked for again."""
        now = self.clock.monotonic()
        old = {name for name, (until, _) in self._known.items() if until <= now}
        for name in old:
            del self._known[name]
        missing = {name for name in names if name not in self._known}
        if missing:
            for name, host in self.directory.hosts(conn, missing).items():
                self._known[name] = (now + FRESH, host)
        return {name: self._known[name][1] for name in names if name in self._known}

    def _stop_goes(
        self, plan: ScanPlan, stop: Request, siblings: Sequence[SiblingRequest], now: int
    ) -> bool:
        """Return whether a stop is to be sent now; otherwise say in the plan what becomes of it."""
        run = next(
            (one for one in siblings if one.key.same_run(stop.key) and one.key.method in RUNS),
            None,
        )
        kind = self.table.kind(stop.host_name)
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
        plan: ScanPlan,
        request: Request,
        host: Host | None,
        room: dict[tuple[str, bool], int],
        now: int,
    ) -> None:
        """Claim a request for sending, let it wait for its host, or fail it."""
        usable = host is not None and (
            host.enabled or request.force_flag or request.method not in RUNS
        )
        if host is None or not usable:
            reason = FailureReason.DISABLED_HOST if host else FailureReason.UNKNOWN_HOST
            plan.records.append(Record(request=request, step=Fail(reason), at=now))
            return
        name = request.host_name
        place = AgentAddress(host.address, host.port or self.agent_port)
        request = replace(request, address=place.address, port=place.port)
        if failure := self.table.failure(request, now):
            plan.records.append(Record(request=request, step=failure, at=now))
            return
        turn = name, request.method in RUNS
        left = room.setdefault(turn, self.table.room(name, now, run=turn[1]))
        if left <= 0:
            self._let_wait(plan, request, now)
            return
        room[turn] = left - 1
        self._begin(plan, request, place)

    def _begin(self, plan: ScanPlan, request: Request, place: AgentAddress) -> None:
        """Claim a request, or ask its host about it if that does not answer."""
        health = self.table.health(request.host_name)
        if not health.answers:
            plan.strange += 1
            if plan.strange > MOST_STRANGE:
                plan.left.append(request.job_id)
                return
        if health.is_silent:
            plan.tasks.append(Task(request, Begin.PROBE))
            return
        plan.places[request.host_name] = place
        plan.claims.append(request)

    def _let_wait(self, plan: ScanPlan, request: Request, now: int) -> None:
        """Keep in mind what waits for its host.

        Runs to a host that does not answer are left out of sweeps from now on. Stops are not, for
        one may mean a run that was never sent; so they get a later time.
        """
        if request.method not in RUNS and self.table.is_silent(request.host_name):
            later = Later(now + STOP_PAUSE)
            plan.records.append(Record(request=request, step=later, at=now))
        else:
            plan.waiting.append(request)
