"""Bring instances into the state that their icons ask for (docs/flow.md, Judgement)."""

from __future__ import annotations

from collections.abc import Mapping

from jobarranger import messages as m
from jobarranger.db import runs
from jobarranger.flow import subjobnets
from jobarranger.flow.judging import Fault, Judgement, judge
from jobarranger.flow.stepping import is_test
from jobarranger.flow.work import Work
from jobarranger.icons import types_with
from jobarranger.messages import Message
from jobarranger.model.census import Census
from jobarranger.model.records import Instance
from jobarranger.states import ACTIVE_JOBNET, JobnetStatus, JobStatus

#: The message for each fault; an icon that failed for good has raised its own.
_FAULTS: Mapping[Fault, Message] = {
    Fault.ENDS: m.JAJOBNETRUN200002,
    Fault.STARTS: m.JAJOBNETRUN200003,
    Fault.NO_END: m.JAJOBNETRUN200004,
    Fault.ACTIVE: m.JAJOBNETRUN200005,
}


def settle(work: Work, end_reached_at: Mapping[int, int] | None = None) -> None:
    """Judge the suspects of a transaction, and what their own state makes suspect in turn.

    Args:
        work: the transaction's rows; its icons are written first, since they are counted.
        end_reached_at: since when (UTC ms) instances have a finished END icon; given by the
            sweep only, which is what ends the patience with icons still active.
    """
    while work.suspects:
        _settle_suspects(work, end_reached_at or {})


def _settle_suspects(work: Work, reached: Mapping[int, int]) -> None:
    """Judge the instances that are suspect now; their JOBNET icons follow."""
    suspects = [
        work.instances[instance_id]
        for instance_id in sorted(work.suspects)
        if work.instances[instance_id].status in ACTIVE_JOBNET
    ]
    work.suspects.clear()
    if not suspects:
        return
    work.write_icons()
    censuses = runs.census(
        work.unit.conn,
        [instance.id for instance in suspects],
        starts=types_with(lambda traits: traits.begins_jobnet),
        ends=types_with(lambda traits: traits.ends_jobnet),
    )
    ended = [one for one in suspects if one.id in censuses and censuses[one.id].is_over]
    subjobnets.prefetch(work, [one for one in ended if not one.is_main])
    for instance in suspects:
        census = censuses.get(instance.id)
        if census is None or instance.status not in ACTIVE_JOBNET:  # put back by one before it
            continue
        since = reached.get(instance.id)
        patience = work.engine.patience_ms
        over = since is not None and work.now.at - since >= patience
        verdict = judge(
            instance.status, census, test=is_test(instance.run_type), patience_over=over
        )
        _apply(work, instance, verdict, census)


def _apply(work: Work, instance: Instance, verdict: Judgement, census: Census) -> None:
    """Move an instance to the state it was found to be in, its summary along with it."""
    if verdict.drained:
        main = work.families[instance.main_id].main
        fields = {"jobnet_id": instance.jobnet_id, "main_id": main.id}
        work.log_message(
            m.render(m.JAJOBNETRUN300001, inner_jobnet_id=instance.id, **fields), instance
        )
    overdue = int(verdict.overdue)
    if verdict.status is instance.status and overdue == instance.timeout_flag:
        return
    instance.timeout_flag = overdue
    instance.changes["timeout_flag"] = overdue
    match verdict.status:
        case JobnetStatus.END:
            work.log("JC00000002", instance)
            instance.move(JobnetStatus.END, end_time=work.now.second)
        case JobnetStatus.ENDERR:
            _say_fault(work, instance, verdict.fault, census)
            instance.move(JobnetStatus.ENDERR, end_time=work.now.second)
        case JobnetStatus.RUNERR if instance.status is not JobnetStatus.RUNERR:
            instance.move(JobnetStatus.RUNERR, end_time=work.now.second)
        case JobnetStatus.RUN if instance.status is JobnetStatus.RUNERR:
            instance.move(JobnetStatus.RUN, end_time=0)
        case _:
            instance.move(verdict.status)
    if instance.is_main:
        _summarise(work, instance, overdue=verdict.overdue)
    else:
        subjobnets.follow(work, instance, overdue=verdict.overdue)


def _say_fault(work: Work, instance: Instance, fault: Fault | None, census: Census) -> None:
    """Raise the message that belongs to an abnormal end."""
    message = _FAULTS.get(fault) if fault else None
    if message is not None:
        counts = {
            "start_icon_count": census.starts,
            "ready_count": census.ready,
            "running_count": census.run,
        }
        work.log_message(m.render(message, inner_jobnet_id=instance.id, **counts), instance)


def _summarise(work: Work, instance: Instance, *, overdue: bool) -> None:
    """Show the state of a main jobnet in its summary."""
    summary = work.families[instance.main_id].summary
    calm = JobStatus.TIMEOUT if overdue else JobStatus.NORMAL
    match instance.status:
        case JobnetStatus.END:
            summary.update(
                status=int(JobnetStatus.END),
                end_time=work.now.second,
                job_status=int(calm),
                running_job_id="",
                running_job_name="",
            )
        case JobnetStatus.RUN:
            summary["job_status"] = int(calm)
        case _:
            summary["job_status"] = int(JobStatus.ERROR)
