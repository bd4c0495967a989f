"""Begin instances: main jobnets by boot's decision, sub-jobnets by their icon (docs/flow.md).

A sub-jobnet begins in the transaction that starts its JOBNET icon. In a loop, or when its icon is
run again, it begins anew: its icons are put back first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from jobarranger import messages as m
from jobarranger.db import icons as icon_rows
from jobarranger.db import values
from jobarranger.db.values import Variables
from jobarranger.flow.work import Work
from jobarranger.messages import Raised
from jobarranger.model.records import Icon, Instance
from jobarranger.model.variables import VariableRows
from jobarranger.states import AWAITING_RESULT, IconEvent, IconStatus, JobnetStatus


def begin(work: Work, instance_id: int, start: Icon, given: VariableRows) -> None:
    """Start an instance: its variables, its log entry, and its START icon made ready."""
    instance = work.instances[instance_id]
    instance.status = JobnetStatus.READY
    given.extend(_jobnet_variables(work, instance_id))
    variables = given.settle()
    work.jobnet_values[instance_id] = given
    work.log("JC00000001", instance)
    instance.move(JobnetStatus.RUN, start_time=work.now.second, end_time=0)
    work.append_before(start, variables)
    start.status = IconStatus.BEGIN
    start.move(IconStatus.READY, start_time=0, end_time=0)
    work.event(IconEvent.READY, start)
    work.ready.append(start)


def refuse(work: Work, instance: Instance, starts: int) -> None:
    """End an instance that cannot begin since it has no or several START icons."""
    fields = {"inner_jobnet_id": instance.id, "start_icon_count": starts}
    work.log_message(m.render(m.JAJOBNETREADY200002, **fields), instance)
    instance.move(JobnetStatus.ENDERR, start_time=work.now.second, end_time=work.now.second)


def prefetch(work: Work, sub_ids: Collection[int]) -> None:
    """Read sub-jobnets that are about to begin, their START icons and their own variables."""
    wanted = [sub_id for sub_id in sub_ids if sub_id not in work.starts]
    if not wanted:
        return
    work.load_instances(wanted)
    work.starts.update(work.load_starts(wanted))
    used = [sub_id for sub_id in wanted if sub_id in work.instances and _was_used(work, sub_id)]
    work.jobnet_values.update((sub_id, VariableRows()) for sub_id in wanted)
    if used:
        work.jobnet_values.update(values.read(work.unit.conn, Variables.JOBNET, used))


def _was_used(work: Work, sub_id: int) -> bool:
    """Return whether a sub-jobnet has begun before, or has been given variables already."""
    begun = work.instances[sub_id].status is not JobnetStatus.BEGIN
    return begun or not all(start.untouched for start in work.starts[sub_id])


def enter(work: Work, icon: Icon, variables: Mapping[str, str], sub_id: int) -> Raised | None:
    """Start the sub-jobnet behind a JOBNET icon; return what is in the way, if anything.

    Args:
        work: the transaction's rows.
        icon: the icon, already RUN.
        variables: its input, which the sub-jobnet gets.
        sub_id: the instance, fetched by `prefetch`.
    """
    sub = work.instances.get(sub_id)
    if sub is None:
        return m.render(m.JARUNICONJOBNET200001, inner_job_id=icon.id)
    starts = work.starts[sub_id]
    if len(starts) != 1:
        refuse(work, sub, len(starts))
        icon.move(IconStatus.ENDERR, end_time=work.now.second)
        work.suspects.add(icon.instance_id)
        return None
    if starts[0].status is not IconStatus.BEGIN and not renew(work, sub_id):
        return m.render(m.JARUNICONJOBNET200002, inner_job_id=icon.id)
    given = work.jobnet_values[sub_id]
    given.extend(variables)
    begin(work, sub_id, starts[0], given)
    return None


def renew(work: Work, sub_id: int) -> bool:
    """Put a sub-jobnet and its icons back to where they were before its first start.

    Returns False, with nothing changed, while one of them is at work: its result is still to come.
    What is below its own JOBNET icons is put back when those are reached again.
    """
    work.write_icons()
    used = work.adopt(Icon.from_row(row) for row in icon_rows.lock_used(work.unit.conn, sub_id))
    if any(icon.status in AWAITING_RESULT for icon in used):
        return False
    for icon in used:
        icon.end_count = 0
        icon.move(IconStatus.BEGIN, end_count=0)
    work.load_instances([sub_id])
    if sub_id in work.instances:
        work.instances[sub_id].move(JobnetStatus.BEGIN)
    put_back = {icon.id for icon in used}
    work.ready = [icon for icon in work.ready if icon.id not in put_back]
    return True


def renew_behind(work: Work, icon: Icon) -> bool:
    """Put back the sub-jobnet behind a JOBNET icon that is reached again; see `renew`."""
    sub_id = icon_rows.sub_jobnets(work.unit.conn, [icon.id]).get(icon.id)
    return sub_id is None or renew(work, sub_id)


def _jobnet_variables(work: Work, instance_id: int) -> dict[str, str]:
    """Return the variables that an instance itself brings in; they win over given ones."""
    instance = work.instances[instance_id]
    names = {
        "JOBNET_ID": instance.jobnet_id,
        "JOBNET_NAME": instance.jobnet_name,
        "USER_NAME": instance.user_name,
        "MANAGEMENT_ID": str(instance.id),
    }
    if instance.is_main:
        planned = instance.scheduled_time
        names["JOBNET_BOOT_TIME"] = str(work.now.minute)
        names["JOBNET_SCHEDULED_TIME"] = str(planned) if planned else ""
    return names
