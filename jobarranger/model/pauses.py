"""Which starts are paused, and which runs are excused for being late because of a pause. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from jobarranger.slots import MINUTE_MS, due_slot
from jobarranger.states import PauseScope

#: After the end of a pause its runs have so long to be started before they count as late (ms).
RESUME_MS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One row of `ja_ext_pause`; instants are UTC ms."""

    id: int
    scope: PauseScope
    name: str = ""  #: jobnet or host; empty for all
    hold_loading: bool = False  #: also schedules load nothing, and no job is sent
    since: int
    until_at: int | None = None  #: when it ends by itself
    ended_at: int | None = None  #: when somebody ended it
    actor_user: str = ""
    reason: str = ""

    @property
    def end_at(self) -> int | None:
        """When it ends or has ended, None while nobody knows."""
        ends = [at for at in (self.until_at, self.ended_at) if at is not None]
        return min(ends, default=None)

    def is_active(self, now: int) -> bool:
        """Return whether it holds at `now`."""
        return self.end_at is None or now < self.end_at

    @property
    def what(self) -> str:
        """Say what is paused."""
        if self.scope is PauseScope.ALL:
            return "all starts"
        return f"{self.scope.name.lower()} {self.name}"


@dataclass(frozen=True, slots=True)
class Pauses:
    """All pauses of interest, as they stand at one instant."""

    all: tuple[Pause, ...] = ()  #: in order of their begin, those that are over included
    now: int = 0  #: UTC ms

    def active(self) -> Iterator[Pause]:
        """Yield those that hold now."""
        return (pause for pause in self.all if pause.is_active(self.now))

    @property
    def everything(self) -> Pause | None:
        """The pause of all starts, if there is one."""
        return self._first(PauseScope.ALL, "")

    @property
    def jobnets(self) -> frozenset[str]:
        """The jobnets whose starts are paused one by one."""
        return self._names(PauseScope.JOBNET)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that get no jobs."""
        return self._names(PauseScope.HOST)

    @property
    def hold_loading(self) -> bool:
        """Whether schedules load nothing."""
        return self._hold is not None

    @property
    def hold_jobs(self) -> bool:
        """Whether no host gets any job: after a restore, nobody knows which have run already."""
        return self._hold is not None

    @property
    def keep_jobs(self) -> bool:
        """Whether any host gets no jobs."""
        return self.hold_jobs or bool(self.hosts)

    @property
    def _hold(self) -> Pause | None:
        return next((pause for pause in self.active() if pause.hold_loading), None)

    def of_jobnet(self, jobnet_id: str) -> Pause | None:
        """Return what keeps the runs of a jobnet from being started."""
        return self.everything or self._first(PauseScope.JOBNET, jobnet_id)

    def of_host(self, host_name: str) -> Pause | None:
        """Return what keeps jobs from being sent to a host."""
        return self._hold or self._first(PauseScope.HOST, host_name)

    def excused_until(self, jobnet_id: str, minute: int, zone: tzinfo, grace_ms: int = 0) -> int:
        """Return the minute that a run's lateness counts from.

        It is the run's own minute, unless a pause kept the run from starting in time: then that of
        the pause's end, and a little more, since many runs may be started then.

        Args:
            jobnet_id: of the run.
            minute: its scheduled time, 12 digits.
            zone: of the digits.
            grace_ms: so long after its minute a run is not late without any pause.
        """
        for pause in self.all:
            if pause.scope is PauseScope.HOST or pause.name not in {"", jobnet_id}:
                continue
            over = due_slot(pause.since - MINUTE_MS - grace_ms, zone)  # late before it began
            end = due_slot((pause.end_at or self.now) + RESUME_MS, zone)
            if over < minute < end:
                minute = end
        return minute

    def _first(self, scope: PauseScope, name: str) -> Pause | None:
        found = (one for one in self.active() if one.scope is scope and one.name == name)
        return next(found, None)

    def _names(self, scope: PauseScope) -> frozenset[str]:
        return frozenset(one.name for one in self.active() if one.scope is scope)


def in_order(pauses: Iterable[Pause], now: int) -> Pauses:
    """Return pauses as they stand at `now` (UTC ms)."""
    return Pauses(tuple(sorted(pauses, key=lambda pause: (pause.since, pause.id))), now)
