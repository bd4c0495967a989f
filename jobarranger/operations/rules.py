"""Which operation on an icon is possible at which state, and what it writes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobarranger.icons import REGISTRY, Traits, name_of, traits_of
from jobarranger.operations.errors import NotPossible, state_name
from jobarranger.states import ACTIVE_JOBNET, ENDED_JOBNET, IconStatus, MethodFlag


class Operation(StrEnum):
    """What people do to icons."""

    HOLD = "hold"  #: when the flow reaches it, it waits
    RELEASE = "release"
    SKIP = "skip"  #: it is passed over
    UNSKIP = "unskip"
    STOP = "stop"  #: it is at work
    RERUN = "rerun"  #: it has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an operation is possible, and what it writes."""

    states: frozenset[IconStatus]
    fits: Callable[[Traits], bool]  #: the types of icon that it is for
    flag: MethodFlag  #: written
    instead_of: MethodFlag | None = None  #: the flag it must have now; None: any other
    starts: bool = True  #: it may make something start, so not in a run that is being stopped


def _all(_: Traits) -> bool:
    return True


RULES: Mapping[Operation, Rule] = {
    Operation.HOLD: Rule(
        states=frozenset({IconStatus.BEGIN}),
        fits=lambda traits: not traits.begins_jobnet,
        flag=MethodFlag.WAIT,
    ),
    Operation.RELEASE: Rule(
        states=frozenset({IconStatus.BEGIN, IconStatus.READY}),
        fits=_all,
        flag=MethodFlag.NORMAL,
        instead_of=MethodFlag.WAIT,
        starts=False,
    ),
    Operation.SKIP: Rule(
        states=frozenset({IconStatus.BEGIN, IconStatus.READY, IconStatus.RUNERR}),
        fits=lambda traits: traits.skippable,
        flag=MethodFlag.SKIP,
    ),
    Operation.UNSKIP: Rule(
        states=frozenset({IconStatus.BEGIN}),
        fits=_all,
        flag=MethodFlag.NORMAL,
        instead_of=MethodFlag.SKIP,
    ),
    Operation.STOP: Rule(
        states=frozenset({IconStatus.RUN}),
        fits=lambda traits: traits.stoppable,
        flag=MethodFlag.STOP,
        starts=False,
    ),
    Operation.RERUN: Rule(
        states=frozenset({IconStatus.RUNERR}),
        fits=lambda traits: traits.rerunnable,
        flag=MethodFlag.RERUN,
    ),
}


def is_for(operation: Operation, job_type: int) -> bool:
    """Return whether an operation is for icons of a type; none is for a type that is not known."""
    return job_type in REGISTRY and RULES[operation].fits(traits_of(job_type))


#: Icons in these states are of a jobnet that must be running for anything to come of it.
_REACHED = frozenset({IconStatus.READY, IconStatus.RUN, IconStatus.RUNERR})


def changes(operation: Operation, icon: Any) -> dict[str, int]:
    """Return the columns that an operation writes. Pure.

    Args:
        operation: what is to be done.
        icon: a row of `jobarranger.operations.rows.states.icon`.

    Raises:
        NotPossible: the first thing that stands against it.
    """
    reason = _against_run(operation, icon) or _against_icon(operation, icon)
    if reason:
        name = f"{icon.job_id} ({icon.inner_job_id})"
        raise NotPossible(f"{operation} of icon {name} is not possible: {reason}")
    values = {"method_flag": int(RULES[operation].flag)}
    if icon.status == IconStatus.RUNERR:
        values["status"] = int(IconStatus.READY)
    return values


def _against_run(operation: Operation, icon: Any) -> str | None:
    """Return what the state of the run has against it."""
    run = icon.inner_jobnet_main_id
    if icon.run_status in ENDED_JOBNET:
        return f"run {run} is over"
    if icon.jobnet_abort_flag and RULES[operation].starts:
        return f"run {run} is being stopped"
    if icon.status in _REACHED and icon.instance_status not in ACTIVE_JOBNET:
        return "its jobnet has ended abnormally; stop the run"
    return None


def _against_icon(operation: Operation, icon: Any) -> str | None:
    """Return what the icon itself has against it."""
    rule = RULES[operation]
    if not is_for(operation, icon.job_type):
        return f"icons of type {name_of(icon.job_type)} do not allow it"
    if icon.status not in rule.states:
        wanted = " or ".join(state.name for state in sorted(rule.states))
        return f"it is {state_name(IconStatus, icon.status)}, not {wanted}"
    if icon.status == IconStatus.RUNERR and icon.continue_flag:
        return "its flow went on in spite of the error"
    if rule.instead_of is not None and icon.method_flag != rule.instead_of:
        return "it is not on hold" if operation is Operation.RELEASE else "it is not to be skipped"
    if operation is not Operation.RERUN and icon.method_flag == rule.flag:
        return "that has been done already"
    return None
