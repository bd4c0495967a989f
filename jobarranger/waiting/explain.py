"""Decide why each icon of a run does not run, and why the run does not go on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from jobarranger.icons import traits_of
from jobarranger.model.pauses import Pause
from jobarranger.operations.rules import Operation, is_for
from jobarranger.states import (
    ACTIVE_JOBNET,
    DispatchState,
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    MethodFlag,
    PauseScope,
)
from jobarranger.waiting import arrivals
from jobarranger.waiting.facts import (
    FamilyFacts,
    HostUsability,
    IconFacts,
    InstanceFacts,
    RequestFacts,
)
from jobarranger.waiting.reach import Reach
from jobarranger.waiting.reasons import THE_RUN, WORDS, Need, Reason, Why, names

#: A ready icon that is not started for so long (ms) is not just about to be.
NOT_TAKEN_MS = 30_000

#: What lets a failed icon go on, as it is shown.
_AGAIN = {Operation.RERUN: "run it again", Operation.SKIP: "skip it"}
#: The run has not begun: every icon waits for that.
_BEFORE = frozenset(
    {
        Reason.REGISTERED,
        Reason.RUN_HELD,
        Reason.SCHEDULED,
        Reason.AFTER_OTHER_RUN,
        Reason.PAUSED,
        Reason.STARTING,
        Reason.START_MISSED,
    }
)
#: The run is over without having ended well.
_OVER = frozenset(
    {Reason.LOAD_ERROR, Reason.SKIPPED, Reason.CANCELLED, Reason.ABORTED, Reason.FAILED}
)


@dataclass(frozen=True, slots=True)
class Explained:
    """All answers about one run."""

    run: Why | None  #: None: it has ended normally
    icons: Mapping[int, Why]  #: icons that have ended have none


def explain(family: FamilyFacts) -> Explained:
    """Return why the run does not go on, and why each icon that has not ended does not run."""
    return _Explainer(family).explain()


class _Explainer:
    """Works from the innermost sub-jobnets outwards, as a JOBNET icon depends on its inside."""

    def __init__(self, family: FamilyFacts) -> None:
        self.family = family
        self.alone = Reach(family, helped=False)
        self.helped = Reach(family, helped=True)
        self.branches = arrivals.other_branches(family, self.helped)
        self.icons: dict[int, Why] = {}
        self.instances: dict[int, Why] = {}
        self.outer = _outer_reason(family)
        self.over = self._instances_over()

    def explain(self) -> Explained:
        for instance in reversed(self.family.by_depth()):
            for icon in self.family.inside.get(instance.id, ()):
                if not icon.is_over:
                    self.icons[icon.id] = self._icon(icon, instance)
            if instance.status in ACTIVE_JOBNET:
                self.instances[instance.id] = self._instance(instance)
        return Explained(self._run(), self.icons)

    def _instances_over(self) -> dict[int, Reason]:
        """Return the jobnets that nothing starts in any more, with the reason for their icons."""
        found: dict[int, Reason] = {}
        stopped = self.outer is not None and self.outer in _OVER
        for instance in self.family.by_depth():
            owner = self.family.icons.get(instance.icon_id)
            above = found.get(owner.instance_id) if owner else None
            if instance.status is JobnetStatus.END or (owner and owner.is_over):
                found[instance.id] = Reason.NOT_NEEDED
            elif stopped or instance.status is JobnetStatus.ENDERR:
                found[instance.id] = Reason.RUN_OVER
            elif above is not None:
                found[instance.id] = above
        return found

    # -- icons -----------------------------------------------------------------------------

    def _why(
        self, icon: IconFacts, reason: Reason, *, causes: Iterable[int] = (), **data: str | int
    ) -> Why:
        path = self.family.paths[icon.id]
        return Why(
            reason=reason,
            subject=icon.id,
            path=path,
            need=WORDS[reason].need,
            data={
                "path": path,
                "icon": icon.id,
                "registry": self.family.registry,
                "at": self._at(icon),
                **data,
            },
            causes=tuple(dict.fromkeys(causes)),
        )

    def _at(self, icon: IconFacts) -> str:
        """Return an icon as the commands for operators take it."""
        return f"{self.family.registry}/{self.family.paths[icon.id].partition('/')[2]}"

    def _icon(self, icon: IconFacts, instance: InstanceFacts) -> Why:
        """Return the reason of an icon that has not ended."""
        over = self.over.get(instance.id)
        match icon.status:
            case IconStatus.BEGIN | IconStatus.READY:
                return self._why(icon, over) if over else self._unstarted(icon, instance)
            case IconStatus.RUN:
                return self._running(icon)
            case IconStatus.ABORT:
                host = icon.stop or icon.run
                return self._why(
                    icon, Reason.STOPPING, host=host.host_name if host else "its agent"
                )
            case _:
                why = self._failed(icon, instance)
                return replace(why, need=Need.NOBODY) if over else why

    def _unstarted(self, icon: IconFacts, instance: InstanceFacts) -> Why:
        """An icon that has not been started, in a run that is not over."""
        if self.outer is Reason.ABORTING:
            return self._why(icon, Reason.RUN_ABORTING)
        if icon.status is IconStatus.READY:
            return self._ready(icon)
        return self._begin(icon, instance)

    def _begin(self, icon: IconFacts, instance: InstanceFacts) -> Why:
        """An icon that has not been reached."""
        if self.outer is not None and self.outer in _BEFORE:
            return self._why(icon, Reason.BEFORE_START, causes=[THE_RUN])
        if instance.status not in ACTIVE_JOBNET:
            owner = instance.icon_id if instance.icon_id in self.family.icons else THE_RUN
            return self._why(icon, Reason.BEFORE_START, causes=[owner])
        if traits_of(icon.type).begins_jobnet:
            return self._why(icon, Reason.NEXT)
        join = arrivals.join(self.family, icon, self.alone, self.helped, self.branches)
        return self._why(
            icon,
            join.reason,
            causes=join.causes,
            arrived=icon.end_count,
            needed=max(icon.boot_count, 1),
            joined=_joined(icon),
            before=names([self.family.icons[cause].job_id for cause in join.before]),
        )

    def _ready(self, icon: IconFacts) -> Why:
        """An icon that the server may start."""
        since = self.family.clock(icon.ready_at)
        if icon.is_held:
            held_start = traits_of(icon.type).begins_jobnet
            return self._why(icon, Reason.HELD_START if held_start else Reason.HELD, since=since)
        locked = [host for host in icon.hosts if self._host(host) is HostUsability.LOCKED]
        if locked:
            return self._why(icon, Reason.HOST_LOCKED, host=locked[0])
        if icon.ready_at is not None and self.family.now - icon.ready_at > NOT_TAKEN_MS:
            return self._why(icon, Reason.NOT_TAKEN, since=since)
        return self._why(icon, Reason.NEXT)

    def _running(self, icon: IconFacts) -> Why:
        """An icon at work."""
        if icon.method is MethodFlag.STOP:
            return self._why(icon, Reason.STOP_REQUESTED)
        child = self.family.children.get(icon.id)
        if traits_of(icon.type).contains_jobnet and child is not None:
            return self._around(icon, child)
        if icon.run is not None:
            return self._requested(icon, icon.run)
        return self._why(icon, Reason.WORKING, since=self.family.clock(icon.started_at))

    def _requested(self, icon: IconFacts, request: RequestFacts) -> Why:
        """An icon whose work an agent does."""
        host = request.host_name
        match request.state:
            case DispatchState.NEW:
                return self._unsent(icon, request)
            case DispatchState.SENDING:
                since = self.family.clock(request.sending_at)
                return self._why(icon, Reason.UNANSWERED, host=host, since=since)
            case DispatchState.UNKNOWN:
                return self._unknown(icon, request)
            case _:
                since = self.family.clock(request.accepted_at or icon.started_at)
                return self._why(icon, Reason.RUNNING, host=host, since=since)

    def _unsent(self, icon: IconFacts, request: RequestFacts) -> Why:
        host, since = request.host_name, self.family.clock(request.created_at)
        if pause := self.family.pauses.of_host(host):
            return self._paused(self._why(icon, Reason.HOST_PAUSED, host=host), pause)
        state = self._host(host)
        if state is HostUsability.UNKNOWN:
            return self._why(icon, Reason.HOST_UNKNOWN, host=host)
        if state is HostUsability.DISABLED and not icon.force:
            return self._why(icon, Reason.HOST_DISABLED, host=host)
        if request.tries:
            return self._why(icon, Reason.RETRIED, host=host, since=since, tries=request.tries)
        return self._why(icon, Reason.NOT_SENT, host=host, since=since)

    def _failed(self, icon: IconFacts, instance: InstanceFacts) -> Why:
        """An icon in error."""
        begun = self.outer is not Reason.START_MISSED and instance.status in ACTIVE_JOBNET
        if traits_of(icon.type).begins_jobnet and not begun:
            return replace(
                self._why(icon, Reason.BEFORE_START, causes=[THE_RUN]), need=Need.OPERATOR
            )
        child = self.family.children.get(icon.id)
        alive = child is not None and child.status in ACTIVE_JOBNET
        if traits_of(icon.type).contains_jobnet and child is not None and alive:
            return self._around(icon, child)
        if icon.run is not None and icon.run.state is DispatchState.UNKNOWN:
            return self._unknown(icon, icon.run)
        message = icon.message or "its log line shows why"
        again = [
            f"{words} (jobarg_ctl icon {operation} {self._at(icon)})"
            for operation, words in _AGAIN.items()
            if is_for(operation, icon.type)
        ]
        fatal = icon.status is IconStatus.ENDERR or not again
        reason = Reason.FATAL if fatal else Reason.IN_ERROR
        return self._why(icon, reason, message=message, again=" or ".join(again))

    def _unknown(self, icon: IconFacts, request: RequestFacts) -> Why:
        return self._why(
            icon, Reason.OUTCOME_UNKNOWN, host=request.host_name, attempt=request.attempt
        )

    def _around(self, icon: IconFacts, child: InstanceFacts) -> Why:
        """A JOBNET icon: what counts is what goes on inside."""
        inside = self.instances.get(child.id)
        if inside is None:  # about to begin, or just ended
            fatal = child.status is JobnetStatus.ENDERR
            reason = Reason.SUBJOBNET_STANDS if fatal else Reason.SUBJOBNET
            return self._why(icon, reason, jobnet=child.jobnet_id)
        match inside.reason:
            case Reason.GOING_ON | Reason.ENDING:
                reason = Reason.SUBJOBNET
            case Reason.IN_ERROR_GOING_ON:
                reason = Reason.SUBJOBNET_ERROR
            case _:
                reason = Reason.SUBJOBNET_STANDS
        return self._why(icon, reason, jobnet=child.jobnet_id, causes=inside.causes)

    def _paused(self, why: Why, pause: Pause) -> Why:
        """Add to a reason which pause it is, and what that needs."""
        everything = pause.scope is PauseScope.ALL
        shown = {
            "what": f"{pause.what} {'are' if everything else 'is'}",
            "by": f"{pause.actor_user} since {self.family.clock(pause.since)}",
            "why": pause.reason,
            "target": "" if everything else f" --{pause.scope.name.lower()} {pause.name}",
        }
        need = Need.OPERATOR if pause.end_at is None else Need.TIME  # one with an end passes
        return replace(why, need=need, data={**why.data, **shown})

    def _host(self, name: str) -> HostUsability:
        return self.family.hosts.get(name, HostUsability.UNCHECKED)

    # -- jobnets ---------------------------------------------------------------------------

    def _jobnet(self, reason: Reason, causes: Iterable[IconFacts] = (), **data: str | int) -> Why:
        found = list(causes)
        shown = [f"{self.family.paths[one.id]}" for one in found]
        return Why(
            reason=reason,
            subject=THE_RUN,
            path=self.family.main.jobnet_id,
            need=WORDS[reason].need,
            data={"registry": self.family.registry, "icons": names(shown), **data},
            causes=tuple(one.id for one in found),
        )

    def _instance(self, instance: InstanceFacts) -> Why:
        """Return how a jobnet that has started goes on."""
        icons = self.family.inside.get(instance.id, ())
        open_ones = [icon for icon in icons if icon.id in self.icons]
        moving = [icon for icon in open_ones if self._moves(icon)]
        troubled = [icon for icon in open_ones if self._is_trouble(icon)]
        failed = [icon for icon in troubled if self._has_failed(icon)]
        fatal = [icon for icon in icons if icon.status is IconStatus.ENDERR]
        ends = [icon for icon in icons if traits_of(icon.type).ends_jobnet]
        is_test = any(icon.test for icon in icons)
        if fatal:
            return self._jobnet(Reason.FAILED, fatal)
        if (not is_test and any(icon.is_over for icon in ends)) or not open_ones:
            return self._jobnet(Reason.ENDING, moving + troubled)
        goals = [icon for icon in open_ones if is_test or traits_of(icon.type).ends_jobnet]
        lost = [icon for icon in goals if icon.id not in self.helped.reached]
        if lost if is_test else len(lost) == len(goals):
            causes = self._lost_causes(lost)
            reason = Reason.END_UNREACHABLE if moving else Reason.DRAINED
            return self._jobnet(reason, causes)
        if moving and failed:
            failed_names = names([self.family.paths[icon.id] for icon in failed])
            why = self._jobnet(Reason.IN_ERROR_GOING_ON, moving, failed=failed_names)
            return replace(why, causes=(*(icon.id for icon in failed), *why.causes))
        return self._jobnet(Reason.GOING_ON, moving) if moving else self._stands(troubled)

    def _stands(self, troubled: list[IconFacts]) -> Why:
        return self._jobnet(Reason.STANDS, troubled)

    def _moves(self, icon: IconFacts) -> bool:
        """Return whether an icon is on its way by itself."""
        why = self.icons[icon.id]
        begun = icon.status is not IconStatus.BEGIN or why.reason is Reason.NEXT
        return begun and (why.need is Need.TIME or why.reason is Reason.SUBJOBNET_ERROR)

    def _is_trouble(self, icon: IconFacts) -> bool:
        """Return whether an icon that was reached waits for people."""
        return icon.status is not IconStatus.BEGIN and self.icons[icon.id].need is Need.OPERATOR

    def _has_failed(self, icon: IconFacts) -> bool:
        """Return whether an icon, or one inside it, is in error."""
        inner = self.icons[icon.id].reason is Reason.SUBJOBNET_ERROR
        return icon.status is IconStatus.RUNERR or inner

    def _lost_causes(self, lost: list[IconFacts]) -> list[IconFacts]:
        """Return the icons at which the ways to the lost ones end."""
        seen = {icon.id for icon in lost}
        queue, found = list(lost), list[IconFacts]()
        for icon in queue:
            why = self.icons[icon.id]
            fresh = [cause for cause in why.causes if cause in self.icons and cause not in seen]
            if why.reason is Reason.JOIN_INCOMPLETE or not any(
                cause in self.icons for cause in why.causes
            ):
                found.append(icon)
                continue
            seen.update(fresh)
            queue += [self.family.icons[cause] for cause in fresh]
        joins = [icon for icon in found if self.icons[icon.id].reason is not Reason.OTHER_BRANCH]
        return joins or found or lost

    # -- the run ---------------------------------------------------------------------------

    def _run(self) -> Why | None:  # noqa: PLR0911 - one answer for each kind of reason
        """Return why the whole run does not go on; None if it has ended normally."""
        family, main = self.family, self.family.main
        time = _minute(family.summary.scheduled_time) if family.summary else ""
        match self.outer:
            case None if main.status is JobnetStatus.END:
                return None
            case None:
                return self.instances.get(main.id) or self._jobnet(Reason.STARTING)
            case Reason.AFTER_OTHER_RUN:
                runs = names([str(run) for run in family.earlier])
                return self._jobnet(self.outer, runs=runs, first=family.earlier[0])
            case Reason.PAUSED if pause := family.pauses.of_jobnet(main.jobnet_id):
                return self._paused(self._jobnet(self.outer), pause)
            case Reason.ABORTING:
                working = [
                    icon
                    for icon in family.icons.values()
                    if icon.status in {IconStatus.RUN, IconStatus.ABORT}
                ]
                return self._jobnet(self.outer, working)
            case Reason.FAILED:
                fatal = [icon for icon in family.icons.values() if icon.status is IconStatus.ENDERR]
                return self._jobnet(self.outer, fatal)
            case reason:
                return self._jobnet(reason, time=time)


def _outer_reason(  # noqa: C901, PLR0911 - one answer for each state of a run
    family: FamilyFacts,
) -> Reason | None:
    """Return what the summary says; None if the icons decide, or if the run has ended normally."""
    summary, main = family.summary, family.main
    if summary is None:
        return Reason.LOAD_ERROR if main.status is JobnetStatus.ENDERR else Reason.REGISTERED
    if summary.is_stopping:
        return Reason.ABORTING
    match summary.status:
        case JobnetStatus.BEGIN if summary.held:
            return Reason.RUN_HELD
        case JobnetStatus.BEGIN if summary.scheduled_time > family.minute:
            return Reason.SCHEDULED
        case JobnetStatus.BEGIN if family.pauses.of_jobnet(main.jobnet_id):
            return Reason.PAUSED
        case JobnetStatus.BEGIN if summary.load_status is LoadStatus.DELAY and family.earlier:
            return Reason.AFTER_OTHER_RUN
        case JobnetStatus.BEGIN | JobnetStatus.READY:
            return Reason.STARTING
        case JobnetStatus.END:
            return Reason.SKIPPED if summary.load_status is LoadStatus.SKIP else None
        case JobnetStatus.ENDERR if summary.load_status is LoadStatus.ERROR:
            return Reason.LOAD_ERROR
        case JobnetStatus.ENDERR:
            never = main.status is JobnetStatus.BEGIN and summary.job_status is JobStatus.NORMAL
            return Reason.CANCELLED if never else Reason.ABORTED
        case _ if summary.load_status is LoadStatus.DELAY:
            return Reason.START_MISSED
        case _:
            return Reason.FAILED if main.status is JobnetStatus.ENDERR else None


def _joined(icon: IconFacts) -> str:
    """Say how many arrows have come, where there are several to wait for."""
    if icon.boot_count <= 1 or traits_of(icon.type).first_arrival:
        return ""
    return f"reached by {icon.end_count} of {icon.boot_count} arrows; "


def _minute(digits: int) -> str:
    """Return 12 digits as a date and a time."""
    text = str(digits)
    if len(text) < 12:
        return "an unknown time"
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}"
