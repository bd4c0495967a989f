"""The rules of sending: never twice to a 3.0.0 agent, exactly once with ours (docs/requests.md).

Everything here is a pure function of the row, of what happened and of the time. Three facts carry
the rules:

* A connection that could not be made has left nothing behind: send again, to any agent.
* Our agent answers a repeated request from its journal and can be asked: ask, and send the same
  attempt again if it does not know it.
* A 3.0.0 agent would run a repeated request again: never repeat, wait for the result, and when
  none comes let an operator decide.
"""

from __future__ import annotations

from typing import assert_never

from jobarranger.requests.request import RUNS, Request
from jobarranger.requests.steps import (
    Accept,
    Answered,
    Event,
    Fail,
    FailedStop,
    FailureReason,
    Finish,
    Held,
    JobStanding,
    Later,
    Original,
    Pursue,
    Query,
    Reported,
    Send,
    SendLimits,
    Silent,
    Step,
    Unreachable,
    View,
)
from jobarranger.states import AgentKind, DispatchState, Method

#: Answers of an agent to a jobrun.
TAKEN, ALIVE = 0, 3

#: Pauses between connections that fail, doubling (ms).
CONNECT_FIRST, CONNECT_MOST = 100, 5_000
#: Pauses while an older attempt still lives on the agent, doubling (ms).
ALIVE_FIRST, ALIVE_MOST = 500, 5_000
#: Pauses between queries about a request without an answer, doubling (ms).
QUERY_FIRST, QUERY_MOST = 500, 30_000
#: A kill is repeated this long: a job just accepted cannot be killed before it is started (ms).
KILL_PATIENCE, KILL_PAUSE = 5_000, 1_000
#: An accepted job is asked after when it has been silent this long; then at its age (ms).
CHECK_FIRST, CHECK_MOST = 60_000, 600_000
#: So many queries closed without a word mean that the agent does not want this server.
CLOSED_MOST = 4


def pause(count: int, first: int, most: int) -> int:
    """Return the pause after the `count`th failure: doubles from `first` up to `most`."""
    return int(min(most, first * 2 ** min(max(count, 1) - 1, 20)))


def first_step(request: Request, *, oversized: bool) -> Step:
    """Decide about a request that is about to be sent for the first time.

    An oversized one is sent only to an agent that has just said that it is ours; what is
    remembered of the host may be out of date, and a 3.0.0 agent would run it cut short.
    """
    return Query() if oversized else Send()


def before_stop(run: DispatchState | None, kind: AgentKind, now: int) -> Step:
    """Decide about a stop or kill by the state of the run that it means.

    A run that was never sent is not sent any more (`Fail` is meant for the run). One without an
    answer is cleared up first where the agent can be asked, else it could be sent again after
    the kill found nothing.
    """
    match run:
        case None | DispatchState.DONE | DispatchState.UNKNOWN:
            return Finish()
        case DispatchState.NEW:
            return Fail(FailureReason.STOPPED)
        case DispatchState.SENDING:
            return Send() if kind is AgentKind.ORIGINAL else Later(now + KILL_PAUSE)
        case DispatchState.ACCEPTED:
            return Send()
    assert_never(run)


def after_sending(  # noqa: PLR0911 - one answer for each case
    request: Request, event: Event, view: View, limits: SendLimits, *, again: bool = False
) -> Step:
    """Decide after a jobrun was sent, or was to be sent.

    `again` shows that it had been sent before: then no connection does not mean that the agent
    has nothing of it.
    """
    match event:
        case Unreachable() | Held() if again:
            return when_due(request, view, limits, asked=True)
        case Held():
            return Later(view.now + CONNECT_FIRST)
        case Unreachable():
            return _unreachable(request, event, view, limits)
        case Silent():
            return _silent(request, event, view, limits)
        case Answered(retry=True):
            return _patient(request, Fail(FailureReason.REFUSED, event.message), view, limits)
        case Answered(result=result) if result == TAKEN:
            return _taken(request, view)
        case Answered() if is_older_alive(request, event):
            return Later(view.now + pause(request.tries, ALIVE_FIRST, ALIVE_MOST))
        case Answered():
            return _refused(request, event, view)
        case Reported() | Original():
            raise AssertionError("answers to a query belong to after_query")
    assert_never(event)


def is_older_alive(request: Request, event: Answered) -> bool:
    """Return whether an agent does not take a run because an older attempt of it still lives."""
    return event.result == ALIVE and request.attempt > 1 and request.method in RUNS


def after_query(  # noqa: PLR0911 - one answer for each case
    request: Request, event: Event, view: View, limits: SendLimits, *, oversized: bool = False
) -> Step:
    """Decide after the agent was asked about a request."""
    match event:
        case Reported():
            return _reported(request, event, view, limits)
        case Answered():
            raise AssertionError("a query is answered by Reported or Original")
        case Original():
            return _original(request, view, limits, oversized=oversized)
        case Held() if _unsent(request):
            return Later(view.now + CONNECT_FIRST)
        case Unreachable() if _unsent(request):
            return _unreachable(request, event, view, limits)
        case Unreachable() | Held():
            return when_due(request, view, limits, asked=True)
        case Silent(closed=closed):
            if _unsent(request):
                return _unreachable(request, Unreachable(event.text), view, limits)
            if closed and request.tries >= CLOSED_MOST and not _is_accepted(request):
                return Fail(FailureReason.NO_OUTCOME, event.text)
            return when_due(request, view, limits, asked=True)
    assert_never(event)


def when_due(request: Request, view: View, limits: SendLimits, *, asked: bool = False) -> Step:
    """Decide about a request that was sent and whose time for another look has come.

    `asked` shows that the agent has just been asked and could not be reached.
    """
    if _is_accepted(request):
        return Pursue(next_check(request, view.now)) if asked else Query()
    until = deadline(request, limits)
    if view.now >= until:
        return Fail(FailureReason.NO_OUTCOME)
    if request.method is Method.KILL and not asked:
        return Send()
    if view.kind is AgentKind.ORIGINAL and not asked:
        return Pursue(until)
    if not asked:
        return Query()
    return Pursue(min(until, view.now + pause(request.tries, QUERY_FIRST, QUERY_MOST)))


def deadline(request: Request, limits: SendLimits) -> int:
    """Return when the wait for an answer or a result ends (UTC ms).

    A server that was down has not waited: the time runs from its start at the earliest.
    """
    return max(request.sending_at or request.created_at, limits.started_at) + limits.unknown


def next_check(request: Request, now: int) -> int:
    """Return when to ask after an accepted job again: as long ahead as it is old, in limits."""
    age = now - (request.accepted_at or now)
    return now + min(max(age, CHECK_FIRST), CHECK_MOST)


def expired(created_at: int, down_since: int, now: int, limits: SendLimits) -> bool:
    """Tell whether a request has waited long enough for a host that cannot be connected."""
    return now >= max(created_at, down_since) + limits.connect_retry


def fails_icon(reason: FailureReason, method: Method, stop: FailedStop) -> bool:
    """Tell whether a failure takes the icon down, or is only reported.

    Args:
        reason: why the request has failed.
        method: of the request.
        stop: what the icon's type says of a stop that fails.
    """
    if method in RUNS or stop is FailedStop.FAILS_ICON:
        return True
    if stop is FailedStop.REPORTED:
        return False
    return reason not in {FailureReason.REFUSED, FailureReason.NO_OUTCOME}


def _is_accepted(request: Request) -> bool:
    return request.state is DispatchState.ACCEPTED


def _unsent(request: Request) -> bool:
    """Return whether the question comes before the first sending (see `first_step`)."""
    return request.state is DispatchState.NEW


def _unreachable(request: Request, event: Unreachable, view: View, limits: SendLimits) -> Step:
    return _patient(request, Fail(FailureReason.UNREACHABLE, event.text), view, limits)


def _patient(request: Request, failure: Fail, view: View, limits: SendLimits) -> Step:
    """Repeat for `JaConnectRetry`, counted while the host has been in this trouble."""
    since = view.down_since if view.down_since is not None else view.now
    if expired(request.created_at, since, view.now, limits):
        return failure
    return Later(view.now + pause(view.failures, CONNECT_FIRST, CONNECT_MOST))


def _silent(request: Request, event: Silent, view: View, limits: SendLimits) -> Step:
    """Ask at once what became of it; a kill is simply repeated.

    A 3.0.0 agent is asked only if it closed: then the question is whether it listens to us.
    """
    if request.method is Method.KILL:
        return when_due(request, view, limits, asked=True)
    if view.kind is AgentKind.ORIGINAL and not event.closed:
        until = deadline(request, limits)
        return Fail(FailureReason.NO_OUTCOME) if view.now >= until else Pursue(until)
    return Query()


def _taken(request: Request, view: View) -> Step:
    """The agent has it; only a run is followed further, and only our agent can be asked."""
    if request.method not in RUNS:
        return Finish()
    return Accept(view.now + CHECK_FIRST if view.kind is AgentKind.OURS else None)


def _refused(request: Request, event: Answered, view: View) -> Step:
    if request.method is not Method.KILL:
        return Fail(FailureReason.REFUSED, event.message)
    if view.now < request.created_at + KILL_PATIENCE:
        return Later(view.now + KILL_PAUSE)
    return Query() if view.kind is AgentKind.OURS else Fail(FailureReason.REFUSED, event.message)


def _reported(request: Request, event: Reported, view: View, limits: SendLimits) -> Step:
    """Our agent knows, or knows that it does not know."""
    if request.method is Method.KILL:
        over = event.standing in {JobStanding.ENDED, JobStanding.CLOSED}
        return Finish() if over else Fail(FailureReason.REFUSED, f"the job is {event.standing}")
    if _is_accepted(request):
        return _reported_of_accepted(request, event, view, limits)
    if event.standing is JobStanding.UNKNOWN:
        return Send()
    return _taken(request, view)


def _reported_of_accepted(
    request: Request, event: Reported, view: View, limits: SendLimits
) -> Step:
    """A job that the agent no longer knows, or has long reported, will send no result."""
    if event.standing is JobStanding.UNKNOWN:
        return Fail(FailureReason.NO_OUTCOME, "the agent does not know the job any more")
    age = view.now - max(request.accepted_at or 0, limits.started_at)
    if event.standing is JobStanding.CLOSED and age >= limits.unknown:
        return Fail(FailureReason.NO_OUTCOME, "the agent has reported a result that never counted")
    return Pursue(next_check(request, view.now))


def _original(request: Request, view: View, limits: SendLimits, *, oversized: bool) -> Step:
    """A 3.0.0 agent cannot be asked: what was sent is waited for."""
    if _unsent(request):
        return Fail(FailureReason.TOO_LARGE) if oversized else Send()
    if _is_accepted(request):
        return Fail(FailureReason.NO_OUTCOME, "the agent was replaced by one that cannot be asked")
    until = deadline(request, limits)
    return Fail(FailureReason.NO_OUTCOME) if view.now >= until else Pursue(until)
