"""One icon's step: start, completion, failure, skip; and the arrows that fire (docs/flow.md).

Everything here works on the rows of a `Work`; reading is done for whole sets of icons before, and
writing after.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, assert_never

from jobarranger import messages as m
from jobarranger.clock import local_time
from jobarranger.db.values import Variables
from jobarranger.flow import beginning
from jobarranger.flow.same_arrival import is_same_arrival
from jobarranger.flow.work import Work
from jobarranger.icons import (
    Dispatched,
    Done,
    Entered,
    Failed,
    Failure,
    Outcome,
    icon_type,
    traits_of,
)
from jobarranger.messages import Raised
from jobarranger.model.arrivals import Arrival, ArrivalRefusal, arrive, fires
from jobarranger.model.records import Icon
from jobarranger.model.variables import MESSAGE
from jobarranger.requests.rows import of_icons
from jobarranger.states import (
    ACTIVE_JOBNET,
    DispatchState,
    FlowType,
    IconEvent,
    IconStatus,
    JobnetStatus,
    MethodFlag,
    RunType,
    host_slot,
)
from jobarranger.wakes import CARRIED_OUT_BY

#: What each icon says of itself; of no use to the icons behind it, which say it of themselves.
OWN_NAMES = frozenset({"JOB_ID", "JOB_NAME", "CURRENT_TIME", "JOB_ID_FULL", MESSAGE})


def step(work: Work, icons: Sequence[Icon]) -> None:
    """Treat a set of ready icons, each by its method flag."""
    moving = [icon for icon in icons if _may_start(work, icon)]
    settings = _prepare(work, moving)
    for icon in moving:
        if not _may_start(work, icon):
            continue  # one before it has put it back
        work.family(icon).steps += 1
        match icon.method:
            case MethodFlag.NORMAL | MethodFlag.RERUN:
                _start(work, icon, settings.get(icon.id))
            case MethodFlag.SKIP:
                _skip(work, icon)
            case _:
                raised = m.render(
                    m.JARUN200001,
                    inner_job_id=icon.id,
                    method_flag=int(icon.method),
                    job_type=icon.type,
                )
                fail(work, icon, [raised])


def _may_start(work: Work, icon: Icon) -> bool:
    """Return whether an icon is ready, not on hold, and in a jobnet that is running."""
    free = icon.status is IconStatus.READY and icon.method is not MethodFlag.WAIT
    return free and work.instance(icon).status in ACTIVE_JOBNET


def _prepare(work: Work, icons: Sequence[Icon]) -> dict[int, Any]:
    """Read what a set of icons needs: settings, variables, arrows and successors."""
    work.load_owners([work.instance(icon) for icon in icons])
    settings = settings_of(work, icons)
    nets = [icon.id for icon in icons if traits_of(icon.type).contains_jobnet]
    if nets:
        beginning.prefetch(work, [settings[one] for one in nets if one in settings])
    work.load_values(Variables.BEFORE, icons)
    work.load_values(Variables.AFTER, icons)
    work.load_flows([icon.id for icon in icons if _ends_here(icon)])
    return settings


def settings_of(work: Work, icons: Sequence[Icon]) -> dict[int, Any]:
    """Read the settings of a set of icons, kind by kind."""
    settings: dict[int, Any] = {}
    kinds: dict[int, list[int]] = {}
    for icon in icons:
        kinds.setdefault(icon.type, []).append(icon.id)
    for number, ids in kinds.items():
        settings.update(icon_type(number).settings(work.unit.conn, ids))
    return settings


def _ends_here(icon: Icon) -> bool:
    """Return whether an icon's arrows may fire in the very step that starts it."""
    traits = traits_of(icon.type)
    lasting = traits.lasting and icon.method is not MethodFlag.SKIP
    return not traits.ends_jobnet and (not lasting or icon.continues)


def _introduce(work: Work, icon: Icon) -> dict[str, str]:
    """Put the icon's own names into its input, and return the input."""
    before = work.before[icon.id]
    at = local_time(work.now.at, work.engine.zone)
    before.extend(
        {
            "JOB_ID": icon.job_id,
            "JOB_NAME": icon.job_name,
            "CURRENT_TIME": at.strftime("%Y%m%d%H%M%S"),
            "JOB_ID_FULL": work.path(icon),
        }
    )
    before.drop(MESSAGE)
    return before.settle()


def _start(work: Work, icon: Icon, settings: Any) -> None:
    """Start one icon: the steps common to all types, then its own."""
    event = "JC00000007" if icon.method is MethodFlag.RERUN else "JC00000003"
    instance = work.instance(icon)
    work.log(event, instance, icon)
    if instance.status is JobnetStatus.RUNERR:
        work.suspects.add(instance.id)  # perhaps this was its only error
    _count_pass(work, icon)
    values = _introduce(work, icon)
    icon.move(IconStatus.RUN, start_time=work.now.second, end_time=0)
    work.event(IconEvent.STARTED, icon)
    running = {"running_job_id": work.path(icon)[:1024], "running_job_name": icon.job_name}
    family = work.family(icon)
    family.summary.update(running)
    family.main.changes.update(running)
    _act(work, icon, values, icon_type(icon.type).start(icon, settings, values))


def _count_pass(work: Work, icon: Icon) -> None:
    """Count another round of a loop."""
    if traits_of(icon.type).first_arrival:
        work.family(icon).passes += icon.start_time != 0
        icon.start_time = work.now.second


def _act(work: Work, icon: Icon, values: dict[str, str], outcome: Outcome) -> None:
    """Do what the outcome of an icon with the input `values` asks for."""
    match outcome:
        case Done(results, kind):
            work.after[icon.id].extend({**values, **results})
            complete(work, icon, kind)
        case Failed(messages, failure):
            work.after[icon.id].extend(values)
            fail(work, icon, messages, failure)
        case Dispatched():
            _dispatch(work, icon, outcome)
        case Entered(instance_id):
            work.after[icon.id].extend(values)
            obstacle = beginning.enter(work, icon, values, instance_id)
            if obstacle:
                fail(work, icon, [obstacle])
        case _:
            assert_never(outcome)


def _dispatch(work: Work, icon: Icon, outcome: Dispatched) -> None:
    """Commit a request to the outside together with the icon's start."""
    attempt = 1
    if icon.start_time:
        attempt += of_icons.last_attempts(work.unit.conn, [icon.id]).get(icon.id, 0)
    work.dispatches.append(request(work, icon, outcome, attempt))
    role = CARRIED_OUT_BY[outcome.channel]
    work.unit.wake(role, icon.id, slot=host_slot(outcome.host))


def request(work: Work, icon: Icon, outcome: Dispatched, attempt: int) -> dict[str, object]:
    """Return the row of a new request to the outside."""
    warn = outcome.warn_after_ms
    return {
        "inner_job_id": icon.id,
        "attempt": attempt,
        "method": int(outcome.method),
        "part": outcome.part,
        "channel": int(outcome.channel),
        "inner_jobnet_main_id": icon.main_id,
        "slot": host_slot(outcome.host),
        "state": int(DispatchState.NEW),
        "host_name": outcome.host,
        "force_flag": int(icon.force),
        "payload": json.dumps(outcome.payload, ensure_ascii=False),
        "created_at": work.now.at,
        "warn_at": work.now.at + warn if warn else None,
    }


def _skip(work: Work, icon: Icon) -> None:
    """Complete an icon without running it: what comes in goes out."""
    if not traits_of(icon.type).skippable:
        fail(work, icon, [m.render(m.JARUNSKIP200001, inner_job_id=icon.id, job_type=icon.type)])
        return
    values = _introduce(work, icon)
    work.log("JC00000006", work.instance(icon), icon)
    work.after[icon.id].extend(values)
    complete(work, icon)


def complete(work: Work, icon: Icon, kind: FlowType = FlowType.NORMAL) -> None:
    """End an icon normally: fire its arrows, log, END."""
    status = IconStatus.END
    if not traits_of(icon.type).ends_jobnet:
        status = fire(work, icon, kind)
    if status is IconStatus.RUNERR:  # the jobnet is not running any more: nothing was delivered
        _settle_failure(work, icon, Failure.ERROR, instance_gone=True)
        return
    work.after[icon.id].settle()
    instance = work.instance(icon)
    if status is IconStatus.END:
        work.log("JC00000004", instance, icon)
    icon.move(status, end_time=work.now.second)
    work.event(IconEvent.ENDED, icon)
    if _matters(work, icon):
        work.suspects.add(icon.instance_id)


def _matters(work: Work, icon: Icon) -> bool:
    """Return whether the end of an icon may change the state of its instance."""
    if traits_of(icon.type).ends_jobnet or icon.status is not IconStatus.END:
        return True
    if work.instance(icon).status is JobnetStatus.RUNERR:
        return True
    followers = (work.icons.get(end) for end, _ in work.flows.get(icon.id, []))
    return icon.test or not any(
        follower and follower.status in {IconStatus.READY, IconStatus.RUN} for follower in followers
    )


def fail(
    work: Work,
    icon: Icon,
    messages: Sequence[Raised],
    failure: Failure = Failure.ERROR,
    host: str = "",
) -> None:
    """End an icon in error: say why, log, notify; with the continue flag the flow goes on."""
    work.load_values(Variables.AFTER, [icon])
    for raised in messages:
        work.log_message(raised, work.instance(icon), icon, host)
    _settle_failure(work, icon, failure, host=host)


def _settle_failure(
    work: Work, icon: Icon, failure: Failure, *, host: str = "", instance_gone: bool = False
) -> None:
    """Do what every failure of an icon does, whatever its cause was."""
    instance = work.instance(icon)
    traits = traits_of(icon.type)
    after = work.after[icon.id]
    if traits.shows_outcome and not instance_gone:
        after.append("ICON_STATUS", str(int(failure)))
    values = after.settle()
    work.log("JC90000002", instance, icon)
    main = work.family(icon).main
    work.log_message(
        m.render(
            m.JAJOBNETRUN000001,
            inner_job_id=icon.id,
            main_jobnet_id=main.jobnet_id,
            job_id_path=work.path(icon),
            execution_user=main.execution_user_name,
            job_exit_cd=values.get("JOB_EXIT_CD", "") if icon.id in work.finished else "",
            icon_status=int(failure) if traits.shows_outcome else "",
        ),
        instance,
        icon,
        host,
    )
    if icon.continues and not traits.chooses and not instance_gone:
        work.load_flows([icon.id])
        fire(work, icon, FlowType.NORMAL)
    icon.move(IconStatus.RUNERR, end_time=work.now.second)
    work.event(IconEvent.FAILED, icon)
    work.suspects.add(icon.instance_id)


def fire(work: Work, icon: Icon, kind: FlowType) -> IconStatus:
    """Fire the arrows that leave an icon; return what the icon is to become.

    END as a rule; ENDERR if it has no arrow at all; RUNERR if its jobnet is not running any more.
    """
    values = work.after[icon.id].settle()
    instance = work.instance(icon)
    flows = work.flows[icon.id]
    if not flows:
        work.log_message(m.render(m.JAFLOW200003, inner_job_id=icon.id), instance, icon)
        work.log("JC90000002", instance, icon)
        main = work.family(icon).main
        work.log_message(
            m.render(
                m.JAJOBNETRUN200001,
                inner_job_id=icon.id,
                main_jobnet_id=main.jobnet_id,
                job_id_path=work.path(icon),
                execution_user=main.execution_user_name,
            ),
            instance,
            icon,
        )
        return IconStatus.ENDERR
    if instance.status not in ACTIVE_JOBNET:
        status = int(instance.status)
        work.log_message(
            m.render(m.JAFLOW200005, inner_jobnet_id=instance.id, jobnet_status=status),
            instance,
            icon,
        )
        return IconStatus.RUNERR
    carried = {name: value for name, value in values.items() if name not in OWN_NAMES}
    for end, flow_type in flows:
        if fires(flow_type, kind):
            _arrive(work, icon, end, carried)
    return IconStatus.END


def _arrive(work: Work, icon: Icon, successor_id: int, values: dict[str, str]) -> None:
    """Let one arrow arrive at a successor, with the variables it carries."""
    instance = work.instance(icon)
    successor = work.icons.get(successor_id)
    if successor is None:
        work.log_message(m.render(m.JAFLOW200001, inner_job_id=successor_id), instance, icon)
        return
    if is_same_arrival(work, icon, successor):
        work.append_before(successor, values)
        return
    arrival = _arrival(work, successor)
    if isinstance(arrival, ArrivalRefusal):
        _refused(work, icon, successor, arrival)
        return
    # The input is appended to before the state changes: a loop's icon still has its old rows.
    work.append_before(successor, values)
    waits = successor.status is IconStatus.READY
    successor.end_count = arrival.end_count
    successor.move(arrival.status, end_count=arrival.end_count)
    if arrival.status is IconStatus.READY and not waits:
        work.event(IconEvent.READY, successor)
        work.ready.append(successor)


def _arrival(work: Work, icon: Icon) -> Arrival | ArrivalRefusal:
    """Return what one more arrow makes of an icon."""
    traits = traits_of(icon.type)
    arrival = arrive(
        icon.status,
        icon.end_count,
        icon.boot_count,
        at_first=traits.first_arrival,
        ends_jobnet=traits.ends_jobnet,
        test=icon.test,
    )
    again = isinstance(arrival, Arrival) and arrival.anew
    if again and traits.contains_jobnet and not beginning.renew_behind(work, icon):
        return ArrivalRefusal.ALIVE
    return arrival


def _refused(work: Work, icon: Icon, successor: Icon, refusal: ArrivalRefusal) -> None:
    """Say why an arrow was not taken. The completing icon ends all the same."""
    if refusal is ArrivalRefusal.TEST:
        return
    if refusal is ArrivalRefusal.ENDED:
        raised = m.render(m.JAFLOW300001, end_inner_job_id=successor.id)
    else:
        raised = m.render(
            m.JAFLOW200002, end_inner_job_id=successor.id, status=int(successor.status)
        )
    work.log_message(raised, work.instance(icon), icon)


def is_test(run_type: RunType) -> bool:
    """Return whether a run is a test run."""
    return run_type is RunType.TEST
