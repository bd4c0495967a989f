"""Every reason for which an icon does not run or a run does not go on, with its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Need(StrEnum):
    """What it takes to go on."""

    NOBODY = "nothing"  #: it is as it should be, or over
    TIME = "time"  #: it goes on by itself
    OPERATOR = "operator"  #: somebody must act


class Reason(StrEnum):
    """Why something does not go on. The values are part of the commands' JSON."""

    # -- icons that have not been reached
    BEFORE_START = "before-start"  #: its jobnet has not started
    ARROWS = "arrows"  #: icons before it have not ended; they will by themselves
    BLOCKED = "blocked"  #: icons before it are held, failed or blocked themselves
    OTHER_BRANCH = "other-branch"  #: a condition has taken another branch
    JOIN_INCOMPLETE = "join-incomplete"  #: some arrows have fired or will, the others never can
    UNREACHABLE = "unreachable"  #: no arrow has fired into it, and none can
    NOT_NEEDED = "not-needed"  #: its jobnet has ended without it
    RUN_OVER = "run-over"  #: its jobnet has ended abnormally or was stopped
    RUN_ABORTING = "run-aborting"  #: its run is being stopped
    # -- icons that are ready
    NEXT = "next"  #: the server starts it at once
    NOT_TAKEN = "not-taken"  #: the server should have started it long ago
    HELD = "held"  #: on hold
    HELD_START = "held-start"  #: the START icon is on hold: a start with hold
    HOST_LOCKED = "host-locked"  #: its host is being rebooted
    # -- icons at work
    RUNNING = "running"  #: accepted by its agent
    WORKING = "working"  #: at work, without an agent
    SUBJOBNET = "subjobnet"  #: its sub-jobnet runs
    SUBJOBNET_ERROR = "subjobnet-error"  #: something has failed in it, the rest goes on
    SUBJOBNET_STANDS = "subjobnet-stands"  #: its sub-jobnet does not go on by itself
    HOST_PAUSED = "host-paused"  #: not sent: somebody has paused its host
    HOST_UNKNOWN = "host-unknown"  #: not sent: nobody knows the host
    HOST_DISABLED = "host-disabled"  #: not sent: the host is disabled
    NOT_SENT = "not-sent"  #: about to be sent to its agent
    RETRIED = "retried"  #: its agent could not be reached, or was not ready for it; tried again
    UNANSWERED = "unanswered"  #: sent, without an answer
    STOP_REQUESTED = "stop-requested"  #: somebody wants it stopped
    STOPPING = "stopping"  #: a stop was asked of its agent
    # -- icons that have failed
    IN_ERROR = "in-error"  #: failed; can be run again, and mostly skipped
    FATAL = "in-error-for-good"  #: failed in a way that takes its jobnet down
    OUTCOME_UNKNOWN = "outcome-unknown"  #: sent, and nobody knows what became of it
    # -- whole runs
    REGISTERED = "registered"  #: asked for, not loaded yet
    LOAD_ERROR = "load-error"  #: it cannot be loaded
    RUN_HELD = "run-held"  #: its start is on hold
    SCHEDULED = "scheduled"  #: for later
    AFTER_OTHER_RUN = "after-other-run"  #: waits for an earlier run of its jobnet
    PAUSED = "paused"  #: somebody has paused starts
    STARTING = "starting"  #: the server starts it at once
    START_MISSED = "start-missed"  #: its minute was over before it could start
    SKIPPED = "skipped"  #: not started, as an earlier run was active
    CANCELLED = "cancelled"  #: stopped before its start
    GOING_ON = "going-on"  #: icons are at work
    IN_ERROR_GOING_ON = "in-error-going-on"  #: icons have failed, others are at work
    ENDING = "ending"  #: an END icon has finished; what is still at work is waited for
    STANDS = "stands"  #: nothing moves until somebody acts
    END_UNREACHABLE = "end-unreachable"  #: icons are at work, but no END icon can be reached
    DRAINED = "drained"  #: nothing can ever move again
    ABORTING = "aborting"  #: it is being stopped
    ABORTED = "aborted"  #: it was stopped
    FAILED = "failed"  #: it has ended abnormally


@dataclass(frozen=True, slots=True)
class _Words:
    """How a reason is shown."""

    need: Need
    text: str  #: filled with the data of the reason
    advice: str = ""


_LOG = "If it stays so: does the server run (ps), what does its log say?"
_AGENT = "Is the agent on {host} running and reachable? See docs/operations.md, An agent cannot."
_LOOK = "Look at what is named."
_STOP = "Stop the run: jobarg_ctl jobnet abort {registry}; correct the jobnet before it runs again."

WORDS: Mapping[Reason, _Words] = {
    Reason.BEFORE_START: _Words(Need.TIME, "its jobnet has not started"),
    Reason.ARROWS: _Words(Need.TIME, "{joined}waits for {before}"),
    Reason.BLOCKED: _Words(
        Need.OPERATOR,
        "{joined}blocked by {before}",
        "Look at the cause.",
    ),
    Reason.OTHER_BRANCH: _Words(
        Need.NOBODY, "not on the way that was taken: {before} has taken another branch"
    ),
    Reason.JOIN_INCOMPLETE: _Words(
        Need.OPERATOR,
        "{joined}the others can never come, from {before}",
        "Branches of a condition are joined by IFEND, not by W or an icon with several arrows. "
        + _STOP,
    ),
    Reason.UNREACHABLE: _Words(
        Need.OPERATOR, "can never be reached any more, from {before}", "Look at the cause. " + _STOP
    ),
    Reason.NOT_NEEDED: _Words(Need.NOBODY, "its jobnet has ended without it"),
    Reason.RUN_OVER: _Words(Need.NOBODY, "its jobnet has ended abnormally before it"),
    Reason.RUN_ABORTING: _Words(Need.NOBODY, "the run is being stopped; it will not start"),
    Reason.NEXT: _Words(Need.TIME, "ready; the server starts it at once", _LOG),
    Reason.NOT_TAKEN: _Words(
        Need.TIME,
        "ready since {since}, not started yet",
        "If it was released just now: a moment. Else: does the server run (ps)? Has it put the "
        "run aside (JARUN300002 in its log)? Such a run is tried again every minute.",
    ),
    Reason.HELD: _Words(
        Need.OPERATOR,
        "on hold since {since}",
        "Release it: jobarg_ctl icon release {at}.",
    ),
    Reason.HELD_START: _Words(
        Need.OPERATOR,
        "the start is on hold since {since}",
        "Let it start: jobarg_ctl icon release {at}.",
    ),
    Reason.HOST_LOCKED: _Words(
        Need.TIME,
        "host {host} is locked: it is being rebooted",
        "If no reboot is under way, remove the row of {host} from ja_host_lock_table.",
    ),
    Reason.RUNNING: _Words(Need.TIME, "runs on {host} since {since}"),
    Reason.WORKING: _Words(Need.TIME, "at work since {since}"),
    Reason.SUBJOBNET: _Words(Need.TIME, "its sub-jobnet {jobnet} runs"),
    Reason.SUBJOBNET_ERROR: _Words(
        Need.OPERATOR,
        "in its sub-jobnet {jobnet} something has failed; the rest of it goes on",
        "Look at the cause inside it.",
    ),
    Reason.SUBJOBNET_STANDS: _Words(
        Need.OPERATOR, "its sub-jobnet {jobnet} does not go on", "Look at the cause inside it."
    ),
    Reason.HOST_PAUSED: _Words(
        Need.OPERATOR,
        "not sent to {host}: {what} paused by {by}: {why}",
        "When the reason is gone: jobarg_ctl resume{target}.",
    ),
    Reason.HOST_UNKNOWN: _Words(
        Need.TIME,
        "not sent: there is no host {host}; the icon is going to fail",
        "Add the host (jobarg_ctl host add {host} ADDRESS), then run the icon again "
        "(jobarg_ctl icon rerun {at}).",
    ),
    Reason.HOST_DISABLED: _Words(
        Need.TIME,
        "not sent: host {host} is disabled; the icon is going to fail",
        "Enable the host (jobarg_ctl host enable {host}), then run the icon again "
        "(jobarg_ctl icon rerun {at}).",
    ),
    Reason.NOT_SENT: _Words(Need.TIME, "about to be sent to {host}, since {since}", _LOG),
    Reason.RETRIED: _Words(
        Need.TIME, "{host} could not take it yet; tried again since {since}", _AGENT
    ),
    Reason.UNANSWERED: _Words(
        Need.TIME,
        "sent to {host} at {since}, not answered yet",
        "The job may be running. After JaUnknownTimeout the icon fails as 'outcome unknown'.",
    ),
    Reason.STOP_REQUESTED: _Words(Need.TIME, "somebody has asked to stop it", _LOG),
    Reason.STOPPING: _Words(
        Need.TIME,
        "a stop was asked of {host}; its end is awaited",
        "If it stays so: is the agent reachable, does the job's stop command end the job?",
    ),
    Reason.IN_ERROR: _Words(Need.OPERATOR, "in error: {message}", "Find the cause, then {again}."),
    Reason.FATAL: _Words(Need.OPERATOR, "in error for good: {message}", _STOP),
    Reason.OUTCOME_UNKNOWN: _Words(
        Need.OPERATOR,
        "sent to {host} (attempt {attempt}), and nobody knows what became of it",
        "Look on {host} whether the job has run, then say so: jobarg_ctl icon resolve {icon} "
        "--ended CODE, or --not-done.",
    ),
    Reason.REGISTERED: _Words(Need.TIME, "asked for; the server loads it at once", _LOG),
    Reason.LOAD_ERROR: _Words(
        Need.NOBODY,
        "could not be loaded",
        "The server's log shows why (its line names {registry}). Correct the jobnet and start it "
        "anew.",
    ),
    Reason.RUN_HELD: _Words(
        Need.OPERATOR,
        "its start is on hold",
        "Release the run: jobarg_ctl jobnet release {registry}.",
    ),
    Reason.SCHEDULED: _Words(Need.TIME, "to be started at {time}"),
    Reason.AFTER_OTHER_RUN: _Words(
        Need.TIME,
        "starts when {runs} has ended, an earlier run of its jobnet",
        "jobarg_ctl jobnet show {first} shows why that has not ended. To start this one beside it: "
        "jobarg_ctl jobnet start {registry} --force.",
    ),
    Reason.PAUSED: _Words(
        Need.OPERATOR,
        "not started: {what} paused by {by}: {why}",
        "When the reason is gone: jobarg_ctl resume{target}.",
    ),
    Reason.STARTING: _Words(Need.TIME, "the server starts it at once", _LOG),
    Reason.START_MISSED: _Words(
        Need.OPERATOR,
        "its start at {time} was missed",
        "Start it now (jobarg_ctl jobnet start {registry}) or give it up (jobarg_ctl jobnet abort "
        "{registry}).",
    ),
    Reason.SKIPPED: _Words(
        Need.NOBODY,
        "not started: an earlier run of its jobnet was active, or its time had passed",
        "",
    ),
    Reason.CANCELLED: _Words(Need.NOBODY, "stopped by somebody before it started"),
    Reason.GOING_ON: _Words(Need.TIME, "goes on: {icons}"),
    Reason.IN_ERROR_GOING_ON: _Words(
        Need.OPERATOR, "in error: {failed}; the rest goes on: {icons}", _LOOK
    ),
    Reason.ENDING: _Words(
        Need.TIME, "an END icon has finished; what else is under way is waited for: {icons}"
    ),
    Reason.STANDS: _Words(Need.OPERATOR, "does not go on until somebody acts: {icons}", _LOOK),
    Reason.END_UNREACHABLE: _Words(
        Need.OPERATOR,
        "icons are at work, but no END icon can be reached any more: {icons}",
        _STOP,
    ),
    Reason.DRAINED: _Words(Need.OPERATOR, "nothing can ever move again; the cause: {icons}", _STOP),
    Reason.ABORTING: _Words(Need.TIME, "is being stopped; still at work: {icons}", _LOG),
    Reason.ABORTED: _Words(Need.NOBODY, "was stopped"),
    Reason.FAILED: _Words(
        Need.OPERATOR,
        "has ended abnormally: {icons}",
        "Nothing of it goes on. Stop it, so that it counts as ended (jobarg_ctl jobnet abort "
        "{registry}); then start it anew.",
    ),
}

#: The icon is at work: it does run.
AT_WORK = frozenset(
    {
        Reason.RUNNING,
        Reason.WORKING,
        Reason.SUBJOBNET,
        Reason.SUBJOBNET_ERROR,
        Reason.SUBJOBNET_STANDS,
        Reason.HOST_PAUSED,
        Reason.HOST_UNKNOWN,
        Reason.HOST_DISABLED,
        Reason.NOT_SENT,
        Reason.RETRIED,
        Reason.UNANSWERED,
        Reason.STOP_REQUESTED,
        Reason.STOPPING,
        Reason.OUTCOME_UNKNOWN,
    }
)

#: Number that stands for the run itself among the causes.
THE_RUN = 0
#: Names in one text; the others are counted.
NAMES = 3


def names(some: Sequence[str]) -> str:
    """Return a list of names for people, cut after a few."""
    if not some:
        return "no icon"
    more = len(some) - NAMES
    return ", ".join(some[:NAMES]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One answer: the reason with its data, and what it is due to."""

    reason: Reason
    subject: int  #: the icon, or `THE_RUN`
    path: str  #: of the icon; of the run: the jobnet's id
    need: Need  #: mostly that of the reason; nothing in a run that is over
    data: Mapping[str, str | int] = field(default_factory=dict)
    causes: tuple[int, ...] = ()  #: icons (or `THE_RUN`) whose own reasons lead on

    @property
    def text(self) -> str:
        """One line that shows the reason."""
        return WORDS[self.reason].text.format(**self.data)

    @property
    def advice(self) -> str:
        """What to do about it; empty if nothing is to be done."""
        if self.need is Need.NOBODY and WORDS[self.reason].need is not Need.NOBODY:
            return ""
        return WORDS[self.reason].advice.format(**self.data)


#: Reasons of whole runs; all others are icons'.
OF_RUNS = frozenset(list(Reason)[list(Reason).index(Reason.REGISTERED) :])
