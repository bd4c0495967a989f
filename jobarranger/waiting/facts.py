"""What is to be known of a run to say why it waits: plain values, made by `rows`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import Enum

from jobarranger.icons import traits_of
from jobarranger.model.arrivals import fires
from jobarranger.model.pauses import Pauses
from jobarranger.states import (
    ACTIVE_JOBNET,
    DispatchState,
    FlowType,
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    MethodFlag,
)


class HostUsability(Enum):
    """What stands between a host and a request to it."""

    USABLE = "usable"
    UNKNOWN = "unknown"  #: the directory has no such host
    DISABLED = "disabled"
    LOCKED = "locked"  #: a REBOOT icon has locked it
    UNCHECKED = "unchecked"  #: the directory could not be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """A request to an agent that is open (docs/requests.md)."""

    attempt: int
    state: DispatchState
    host_name: str
    tries: int = 0
    created_at: int = 0  #: this and the others: UTC milliseconds
    sending_at: int | None = None
    accepted_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IconFacts:
    """One icon of a family."""

    id: int
    instance_id: int
    job_id: str
    type: int  #: its number (`jobarranger.icons.traits_of`), known or not
    status: IconStatus
    method: MethodFlag | int = MethodFlag.NORMAL
    boot_count: int = 1  #: arrows that lead into it
    end_count: int = 0  #: of those, how many have fired
    continues: bool = False
    test: bool = False
    force: bool = False
    ready_at: int | None = None  #: UTC milliseconds
    started_at: int | None = None  #: UTC milliseconds
    run: RequestFacts | None = None  #: its newest request to run
    stop: RequestFacts | None = None  #: its newest stop or kill
    hosts: tuple[str, ...] = ()  #: hosts that a ready icon will use
    message: str = ""  #: why it failed (JOBARG_MESSAGE)

    @property
    def is_over(self) -> bool:
        """Ended, or failed in a way that lets the flow go on."""
        if self.status is IconStatus.END:
            return True
        goes_on = self.continues and not traits_of(self.type).chooses
        return self.status is IconStatus.RUNERR and goes_on

    @property
    def is_held(self) -> bool:
        """Put on hold by its definition or by somebody."""
        return self.method is MethodFlag.WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """What joins two icons."""

    start: int
    end: int
    type: FlowType | int = FlowType.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """The main jobnet or one sub-jobnet."""

    id: int
    icon_id: int  #: the JOBNET icon that owns it; 0 for the main jobnet
    jobnet_id: str
    status: JobnetStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFacts:
    """The summary of the run."""

    status: JobnetStatus
    job_status: JobStatus = JobStatus.NORMAL
    load_status: LoadStatus = LoadStatus.NORMAL
    aborting: bool = False
    held: bool = False  #: its start is on hold
    scheduled_time: int = 0  #: 12 digits, 0 = none
    start_time: int = 0  #: 14 digits, 0 = none

    @property
    def is_stopping(self) -> bool:
        """The server is going to stop the run with its next sweep."""
        return self.aborting and self.status in {JobnetStatus.READY, *ACTIVE_JOBNET}


@dataclass(frozen=True, kw_only=True)
class FamilyFacts:
    """A run with everything in it, at one moment."""

    registry: int
    summary: SummaryFacts | None  #: None: not loaded yet
    instances: Mapping[int, InstanceFacts]
    icons: Mapping[int, IconFacts] = field(default_factory=dict)
    arrows: tuple[Arrow, ...] = ()
    hosts: Mapping[str, HostUsability] = field(default_factory=dict)
    earlier: tuple[int, ...] = ()  #: active runs of the same jobnet
    pauses: Pauses = field(default_factory=Pauses)
    now: int = 0  #: UTC milliseconds
    minute: int = 0  #: the present one, 12 digits
    zone: tzinfo = UTC
    entering: Mapping[int, tuple[Arrow, ...]] = field(init=False, repr=False, compare=False)
    leaving: Mapping[int, tuple[Arrow, ...]] = field(init=False, repr=False, compare=False)
    paths: Mapping[int, str] = field(init=False, repr=False, compare=False)
    children: Mapping[int, InstanceFacts] = field(init=False, repr=False, compare=False)
    inside: Mapping[int, tuple[IconFacts, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        entering: dict[int, list[Arrow]] = {}
        leaving: dict[int, list[Arrow]] = {}
        for arrow in self.arrows:
            if arrow.start in self.icons and arrow.end in self.icons and self._may_fire(arrow):
                entering.setdefault(arrow.end, []).append(arrow)
                leaving.setdefault(arrow.start, []).append(arrow)
        inside: dict[int, list[IconFacts]] = {}
        for icon in self.icons.values():
            inside.setdefault(icon.instance_id, []).append(icon)
        children = {
            one.icon_id: one for one in self.instances.values() if one.icon_id in self.icons
        }
        values: dict[str, object] = {
            "entering": {key: tuple(arrows) for key, arrows in entering.items()},
            "leaving": {key: tuple(arrows) for key, arrows in leaving.items()},
            "inside": {key: tuple(icons) for key, icons in inside.items()},
            "children": children,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "paths", self._paths())

    def _may_fire(self, arrow: Arrow) -> bool:
        """Return whether an arrow can fire at all: a condition takes marked ones only."""
        icon = self.icons[arrow.start]
        chooses = traits_of(icon.type).chooses
        if not chooses or icon.test or not isinstance(arrow.type, FlowType):
            return True
        return fires(arrow.type, FlowType.TRUE) or fires(arrow.type, FlowType.FALSE)

    def _paths(self) -> dict[int, str]:
        """Return the path of each icon, MAINJOBNET/JOBNETICON/.../ICON."""
        bases = {self.registry: self.main.jobnet_id}
        for one in self.by_depth():
            if one.id not in bases:
                owner = self.icons.get(one.icon_id)
                base = bases.get(owner.instance_id) if owner else None
                bases[one.id] = f"{base}/{owner.job_id}" if owner and base else one.jobnet_id
        return {
            icon.id: f"{bases.get(icon.instance_id, '?')}/{icon.job_id}"
            for icon in self.icons.values()
        }

    @property
    def main(self) -> InstanceFacts:
        """The main jobnet."""
        return self.instances[self.registry]

    def by_depth(self) -> list[InstanceFacts]:
        """Return the instances, every one after the one that it is in."""
        below: dict[int, list[InstanceFacts]] = {}
        for one in self.instances.values():
            owner = self.icons.get(one.icon_id)
            if owner is not None and one.id != self.registry:
                below.setdefault(owner.instance_id, []).append(one)
        ordered, seen = [self.main], {self.registry}
        for one in ordered:
            fresh = [child for child in below.get(one.id, ()) if child.id not in seen]
            seen.update(child.id for child in fresh)
            ordered += fresh
        return ordered + [one for one in self.instances.values() if one.id not in seen]

    def clock(self, at: int | None) -> str:
        """Return an instant as people read it: the time, with the date unless it is today's."""
        if at is None:
            return "an unknown time"
        here = datetime.fromtimestamp(at / 1000, self.zone)
        today = datetime.fromtimestamp(self.now / 1000, self.zone).date()
        return here.strftime("%H:%M:%S" if here.date() == today else "%Y-%m-%d %H:%M:%S")
