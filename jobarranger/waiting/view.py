"""Runs as people see them: made of the rows of `rows.runs`, with every reason. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from jobarranger.icons import traits_of
from jobarranger.model.pauses import Pauses
from jobarranger.model.words import status_words
from jobarranger.states import (
    DispatchState,
    FlowType,
    IconEvent,
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    Method,
    MethodFlag,
)
from jobarranger.waiting.causes import CauseWays, ways
from jobarranger.waiting.explain import Explained, explain
from jobarranger.waiting.facts import (
    Arrow,
    FamilyFacts,
    HostUsability,
    IconFacts,
    InstanceFacts,
    RequestFacts,
    SummaryFacts,
)
from jobarranger.waiting.reasons import Need, Reason, Why
from jobarranger.waiting.rows.runs import OUTPUT_SHOWN, RunRows
from jobarranger.watching.overruns import instant_of_second, is_over

_ENDED = frozenset({JobnetStatus.END, JobnetStatus.ENDERR})
_FAILED = frozenset({IconStatus.RUNERR, IconStatus.ENDERR})


@dataclass(frozen=True, slots=True, kw_only=True)
class IconView:
    """One icon of a run."""

    inner_job_id: int
    path: str  #: MAINJOBNET/JOBNETICON/.../ICON
    depth: int  #: 0 in the main jobnet, 1 in its sub-jobnets, ...
    name: str
    type: str
    status: str
    held: bool
    skipped: bool  #: skipped, or to be skipped
    overdue: bool
    start_time: int  #: 14 digits, 0 = not started
    end_time: int
    started_at: int | None = None  #: UTC milliseconds
    ended_at: int | None = None
    exit_code: str | None = None
    std_out: str | None = None
    std_err: str | None = None
    output_cut: bool = False  #: there is more output than is shown
    message: str | None = None
    why: Why | None = None  #: why it does not run; none if it has ended
    cause: Why | None = None  #: what that is due to in the end; `why` itself if to nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run."""

    registry: int
    jobnet_id: str
    jobnet_name: str
    status: str  #: in words, see `jobarranger.model.words`
    ended: bool
    in_error: bool
    run_type: int
    scheduled_time: int
    start_time: int
    end_time: int
    user: str
    owner: str
    aborting: bool = False
    time_limit: int = 0  #: minutes that it may take; 0: no limit
    overrun: bool = False  #: it takes, or has taken, longer
    started_at: int | None = None  #: UTC milliseconds
    ended_at: int | None = None
    why: Why | None = None  #: why it does not go on; None if it has ended well, or was not read
    icons: tuple[IconView, ...] = ()
    too_large: int = 0  #: number of icons, if they are too many to be shown
    ways: CauseWays | None = field(default=None, compare=False, repr=False)  #: from icons to causes

    @property
    def stands(self) -> bool:
        """Nothing of it goes on until somebody acts."""
        return (
            self.why is not None
            and self.why.need is Need.OPERATOR
            and self.why.reason not in {Reason.IN_ERROR_GOING_ON, Reason.END_UNREACHABLE}
        )

    @property
    def is_over(self) -> bool:
        """It has ended, or has failed in a way that nothing of it is started any more."""
        return self.ended or (self.why is not None and self.why.reason is Reason.FAILED)


def hosts_of(runs: Collection[RunRows]) -> set[str]:
    """Return the hosts whose state matters: of requests not sent yet and of ready icons."""
    asked = {
        str(row.host_name) for run in runs for row in run.requests if row.state == DispatchState.NEW
    }
    return asked | {host for run in runs for _, host in run.wished}


def run_view(
    rows: RunRows,
    hosts: Mapping[str, HostUsability],
    *,
    now: int,
    minute: int,
    zone: tzinfo = UTC,
    pauses: Pauses | None = None,
) -> RunView:
    """Return a run with its icons and the reasons of both.

    Args:
        rows: what was read.
        hosts: the states of `hosts_of`.
        now: UTC milliseconds.
        minute: the same as 12 digits.
        zone: in which times are shown.
        pauses: those of starts; none by default.
    """
    overrun = _is_overrun(rows, now, zone)
    if rows.too_large:
        return _run(rows, overrun)
    family = _family(rows, hosts, pauses or Pauses(), now=now, minute=minute, zone=zone)
    explained = explain(family)
    found = ways(explained)
    return _run(rows, overrun, explained, tuple(_icons(rows, family, found)), found)


def _state(rows: RunRows) -> Any:
    """Return the row with the states of the run: one read together with the icons, if any."""
    return rows.icons[0] if rows.icons else rows.run


def _is_overrun(rows: RunRows, now: int, zone: tzinfo) -> bool:
    """Return whether a run has taken longer than its time limit, by now or by its end."""
    limit, state = rows.run.time_limit, _state(rows)
    if not limit or not state.run_start_time:
        return False
    ready = (int(row.at) for row in rows.events if row.event == IconEvent.READY)
    began = min(ready, default=instant_of_second(state.run_start_time, zone))
    until: int | None = now
    if state.summary_status in _ENDED:
        until = instant_of_second(state.run_end_time, zone)
    return until is not None and is_over(began, until, limit)


def _run(
    rows: RunRows,
    overrun: bool,
    explained: Explained | None = None,
    icons: tuple[IconView, ...] = (),
    found: CauseWays | None = None,
) -> RunView:
    """Make the view of a run; without a summary it is registered only."""
    run, state = rows.run, _state(rows)
    status = state.summary_status
    loaded = status is not None
    words = "registered"
    if loaded:
        words = status_words(status, state.job_status, state.load_status, state.start_pending_flag)
    ended = loaded and status in _ENDED
    return RunView(
        registry=run.inner_jobnet_id,
        jobnet_id=run.jobnet_id,
        jobnet_name=run.jobnet_name,
        status=words,
        ended=ended,
        in_error=loaded and (state.job_status == JobStatus.ERROR or status == JobnetStatus.ENDERR),
        run_type=run.run_type,
        scheduled_time=(state.run_scheduled_time if loaded else run.scheduled_time) or 0,
        start_time=state.run_start_time or 0,
        end_time=state.run_end_time or 0,
        user=run.execution_user_name,
        owner=run.user_name,
        aborting=loaded and not ended and state.jobnet_abort_flag == 1,
        time_limit=run.time_limit or 0,
        overrun=overrun,
        started_at=min((icon.started_at for icon in icons if icon.started_at), default=None),
        ended_at=max((icon.ended_at for icon in icons if icon.ended_at), default=None)
        if ended
        else None,
        why=explained.run if explained else None,
        icons=icons,
        too_large=rows.too_large,
        ways=found,
    )


# -- facts ---------------------------------------------------------------------------------


def _family(
    rows: RunRows,
    hosts: Mapping[str, HostUsability],
    pauses: Pauses,
    *,
    now: int,
    minute: int,
    zone: tzinfo,
) -> FamilyFacts:
    """Return what is known of a run as plain values."""
    main, state = rows.run, _state(rows)
    summary = None
    if state.summary_status is not None:
        summary = SummaryFacts(
            status=JobnetStatus(state.summary_status),
            job_status=JobStatus(state.job_status),
            load_status=LoadStatus(state.load_status),
            aborting=state.jobnet_abort_flag == 1,
            held=state.start_pending_flag == 1,
            scheduled_time=state.run_scheduled_time,
            start_time=state.run_start_time,
        )
    instances = {
        main.inner_jobnet_id: InstanceFacts(
            id=main.inner_jobnet_id,
            icon_id=0,
            jobnet_id=main.jobnet_id,
            status=JobnetStatus(main.instance_status),
        )
    }
    for row in rows.icons:
        instances[row.inner_jobnet_id] = InstanceFacts(
            id=row.inner_jobnet_id,
            icon_id=0 if row.inner_jobnet_id == main.inner_jobnet_id else row.owner_id,
            jobnet_id=row.jobnet_id,
            status=JobnetStatus(row.instance_status),
        )
    return FamilyFacts(
        registry=main.inner_jobnet_id,
        summary=summary,
        instances=instances,
        icons={icon.id: icon for icon in _icon_facts(rows)},
        arrows=tuple(
            Arrow(
                start=row.start_inner_job_id,
                end=row.end_inner_job_id,
                type=_known(FlowType, row.flow_type),
            )
            for row in rows.arrows
        ),
        hosts=hosts,
        earlier=tuple(rows.earlier),
        pauses=pauses,
        now=now,
        minute=minute,
        zone=zone,
    )


def _icon_facts(rows: RunRows) -> Iterator[IconFacts]:
    runs, stops = _requests(rows)
    events = _events(rows)
    messages = _variables(rows, "JOBARG_MESSAGE")
    codes = _variables(rows, "JOB_EXIT_CD")
    wished: dict[int, list[str]] = {}
    for icon, host in rows.wished:
        wished.setdefault(icon, []).append(host)
    for row in rows.icons:
        icon = row.inner_job_id
        at = events.get(icon, {})
        ready, latest = at.get(IconEvent.READY), max(at.values(), default=None)
        yield IconFacts(
            id=icon,
            instance_id=row.inner_jobnet_id,
            job_id=row.job_id,
            type=row.job_type,
            status=IconStatus(row.status),
            method=_known(MethodFlag, row.method_flag),
            boot_count=row.boot_count,
            end_count=row.end_count,
            continues=row.continue_flag == 1,
            test=row.test_flag == 1,
            force=row.force_flag == 1,
            ready_at=ready if ready == latest else None,
            started_at=at.get(IconEvent.STARTED),
            run=runs.get(icon),
            stop=stops.get(icon),
            hosts=tuple(wished.get(icon, ())),
            message=_failure(row, messages.get(icon), codes.get(icon)),
        )


def _failure(row: Any, message: str | None, code: str | None) -> str:
    """Say in one line why an icon has failed."""
    if row.status not in _FAILED:
        return ""
    if message:
        return " ".join(message.split())
    return f"exit code {code}" if code and traits_of(row.job_type).has_output else ""


def _requests(rows: RunRows) -> tuple[dict[int, RequestFacts], dict[int, RequestFacts]]:
    """Return the newest open request to run, and to stop, of each icon."""
    runs: dict[int, RequestFacts] = {}
    stops: dict[int, RequestFacts] = {}
    for row in rows.requests:
        target = runs if row.method in {Method.NORMAL, Method.TEST} else stops
        target[row.inner_job_id] = RequestFacts(
            attempt=row.attempt,
            state=DispatchState(row.state),
            host_name=row.host_name,
            tries=row.tries,
            created_at=row.created_at,
            sending_at=row.sending_at,
            accepted_at=row.accepted_at,
        )
    return runs, stops


def _events(rows: RunRows) -> dict[int, dict[int, int]]:
    """Return the latest instant of each kind, by icon."""
    found: dict[int, dict[int, int]] = {}
    for row in rows.events:
        found.setdefault(row.inner_job_id, {})[row.event] = int(row.at)
    return found


def _variables(rows: RunRows, name: str) -> dict[int, str]:
    """Return the values of one variable by icon; the newest row counts."""
    return {row.inner_job_id: row.after_value for row in rows.outcomes if row.value_name == name}


def _known(kind: Any, number: int) -> Any:
    """Return the member of `kind`, or the number itself if it has none."""
    try:
        return kind(number)
    except ValueError:
        return number


# -- icons ---------------------------------------------------------------------------------


def _icons(rows: RunRows, family: FamilyFacts, found: CauseWays) -> Iterator[IconView]:
    """Return the icons as a tree: what is inside a JOBNET icon comes right after it.

    Begun ones in order of their begin, then the others in the order of the arrows.
    """
    facts = _Shown(rows, found)
    ranks = _ranks(family)
    order: dict[int, list[Any]] = {}
    for row in rows.icons:
        order.setdefault(row.inner_jobnet_id, []).append(row)

    def begin(row: Any) -> tuple[int, int, int, int, int]:
        at = row.start_time or 10**17
        rank = ranks.get(row.inner_job_id, len(ranks))
        last = int(traits_of(row.job_type).ends_jobnet)
        return at, row.end_time or 10**17, last, rank, row.inner_job_id

    stack = [(row, 0) for row in sorted(order.pop(family.registry, []), key=begin, reverse=True)]
    while stack:
        row, depth = stack.pop()
        yield facts.icon(row, family.paths[row.inner_job_id], depth)
        child = family.children.get(row.inner_job_id)
        if child is not None:
            inner = sorted(order.pop(child.id, []), key=begin, reverse=True)
            stack += [(one, depth + 1) for one in inner]
    for left in order.values():  # jobnets that no icon of this run owns
        yield from (facts.icon(row, family.paths[row.inner_job_id], 1) for row in left)


def _ranks(family: FamilyFacts) -> dict[int, int]:
    """Number the icons along the arrows, from the START icons on, branch after branch."""
    starts = [icon.id for icon in family.icons.values() if traits_of(icon.type).begins_jobnet]
    ranks: dict[int, int] = {}
    missing = {icon: len(arrows) for icon, arrows in family.entering.items()}
    stack = starts[::-1]
    while stack:
        icon = stack.pop()
        if icon in ranks:
            continue
        ranks[icon] = len(ranks)
        ready = []
        for arrow in family.leaving.get(icon, ()):
            missing[arrow.end] -= 1
            looped = traits_of(family.icons[arrow.end].type).marks_loop
            if looped or missing[arrow.end] <= 0:
                ready.append(arrow.end)
        stack += ready[::-1]
    return ranks


class _Shown:
    """What is shown of the icons of one run, looked up by icon."""

    def __init__(self, rows: RunRows, found: CauseWays) -> None:
        names = ("JOB_EXIT_CD", "STD_OUT", "STD_ERR", "JOBARG_MESSAGE")
        self._code, self._out, self._err, self._message = (_variables(rows, n) for n in names)
        self._events = _events(rows)
        self._found = found

    def icon(self, row: Any, path: str, depth: int) -> IconView:
        """Make the view of one icon; inherited outcomes are not its own."""
        icon = row.inner_job_id
        traits = traits_of(row.job_type)
        own = traits.has_output
        at = self._events.get(icon, {})
        out, out_cut = _cut(self._out.get(icon) if own else None)
        err, err_cut = _cut(self._err.get(icon) if own else None)
        ended = max(at.get(IconEvent.ENDED, 0), at.get(IconEvent.FAILED, 0))
        started = at.get(IconEvent.STARTED)
        begun = row.start_time > 0
        waiting = row.status in {IconStatus.BEGIN, IconStatus.READY}
        return IconView(
            inner_job_id=icon,
            path=path,
            depth=depth,
            name=row.job_name or "",
            type=traits.word,
            status=IconStatus(row.status).name,
            held=row.method_flag == MethodFlag.WAIT and waiting,
            skipped=row.method_flag == MethodFlag.SKIP,
            overdue=row.timeout_flag == 1,
            start_time=row.start_time,
            end_time=row.end_time,
            started_at=started if begun else None,
            ended_at=ended if begun and row.end_time and ended >= (started or 0) else None,
            exit_code=self._code.get(icon) if traits.has_exit_code else None,
            std_out=out,
            std_err=err,
            output_cut=out_cut or err_cut,
            message=self._message.get(icon) if row.status != IconStatus.END else None,
            why=self._found.known.get(icon),
            cause=self._found.cause(icon),
        )


def _cut(text: str | None) -> tuple[str | None, bool]:
    """Return what is shown of an output, and whether that is not all."""
    if text is None or len(text) <= OUTPUT_SHOWN:
        return text, False
    return text[:OUTPUT_SHOWN], True
