"""How a host's agent is, and how much may be asked of it: pure rules (docs/requests.md, Hosts).

What is known of a host is a `Health`. `after` says what an exchange makes of it, the other
functions what follows: how many requests and connections at once, and when a request has waited
long enough. A host that does not answer gets one connection at a time, and it only asks: nothing
is sent to such a host, so nothing new comes into doubt there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from jobarranger.requests.decide import CONNECT_FIRST, CONNECT_MOST, expired, pause
from jobarranger.requests.steps import (
    Answered,
    Event,
    Fail,
    FailureReason,
    Held,
    Original,
    Reported,
    SendLimits,
    Silent,
    Unreachable,
)
from jobarranger.states import AgentKind

#: An exchange that takes longer than this makes its host slow (seconds).
SLOW_AFTER = 2.0
#: A host that has been slow for so long is reported (ms).
SLOW_REPORTED = 10_000

#: Requests in progress, and connections, to one of our agents that answers.
MOST_IN_FLIGHT, MOST_TO_HOST = 200, 16


class HostState(Enum):
    """What the last exchanges with a host have shown."""

    UNKNOWN = "nothing is known, or it closes without a word"
    ANSWERING = "it answers"
    SLOW = "it takes connections and does not answer"
    DOWN = "it cannot be connected"
    BUSY = "it answers that it takes no jobs for now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is known of one host; instants are UTC milliseconds."""

    state: HostState = HostState.UNKNOWN
    since: int = 0  #: when the state began
    silent_since: int | None = None  #: not one answer since; None: it answers, or nothing is known
    failures: int = 0  #: exchanges in a row that ended in this trouble
    failed_at: int = 0  #: when the last of them ended
    not_before: int = 0  #: no other attempt before
    text: str = ""  #: what the last failure said
    reported: bool = False  #: operators have a report of the trouble

    @property
    def is_silent(self) -> bool:
        """Return whether the host does not answer."""
        return self.state is HostState.SLOW or self.state is HostState.DOWN

    @property
    def is_troubled(self) -> bool:
        """Return whether nothing new is sent but what finds out whether the trouble is over."""
        return self.is_silent or self.state is HostState.BUSY

    @property
    def answers(self) -> bool:
        """Return whether the last exchange was answered."""
        return self.state is HostState.ANSWERING or self.state is HostState.BUSY


def after(  # noqa: PLR0911 - one answer for each case
    health: Health, event: Event, now: int, *, run: bool
) -> Health:
    """Return what is known after an exchange.

    Args:
        health: what was known before.
        event: how it ended.
        now: UTC milliseconds.
        run: it was to start a job. Only that ends BUSY: such a host answers everything else.
    """
    match event:
        case Held():
            return health
        case Unreachable(text):
            return _worse(health, HostState.DOWN, now, text)
        case Silent(text, timed_out=late) if late or health.state is HostState.SLOW:
            return _worse(health, HostState.SLOW, now, text)
        case Answered(message=text, retry=True):
            return _worse(health, HostState.BUSY, now, text)
        case Silent():
            return _changed(health, HostState.UNKNOWN, now)
        case Answered() if run:
            return _changed(health, HostState.ANSWERING, now)
        case Answered() | Reported() | Original():
            busy = health.state is HostState.BUSY
            return health if busy else _changed(health, HostState.ANSWERING, now)


def overdue(health: Health, now: int) -> Health:
    """Return what is known when an exchange has taken `SLOW_AFTER` seconds and goes on."""
    if health.is_silent:
        return health
    began = now - int(SLOW_AFTER * 1000)
    return Health(state=HostState.SLOW, since=began, silent_since=began)


def _changed(health: Health, state: HostState, now: int) -> Health:
    return health if health.state is state else Health(state=state, since=now)


def _worse(health: Health, state: HostState, now: int, text: str) -> Health:
    """Count a failure; several at once count as one."""
    if health.state is not state:
        silent_since = now if health.silent_since is None else health.silent_since
        silent = state is not HostState.BUSY
        health = Health(state=state, since=now, silent_since=silent_since if silent else None)
    health = replace(health, failed_at=now, text=text)
    if now < health.not_before:
        return health
    failures = health.failures + 1
    at = now + pause(failures, CONNECT_FIRST, CONNECT_MOST)
    return replace(health, failures=failures, not_before=at)


# -- how much at once ---------------------------------------------------------------------------


def most_requests(health: Health, kind: AgentKind, now: int, *, run: bool) -> int:
    """Return how many requests to a host may be in progress: one unless it is ours and answers.

    What was committed as SENDING to a 3.0.0 agent can never be repeated, so a crash should catch
    as few as possible. Stops go to a busy host as ever.
    """
    if health.is_silent or (health.state is HostState.BUSY and run):
        return int(now >= health.not_before)
    return MOST_IN_FLIGHT if health.answers and kind is AgentKind.OURS else 1


def most_connections(health: Health, kind: AgentKind, now: int) -> int:
    """Return how many connections to a host may be open at once."""
    if health.is_silent:
        return int(now >= health.not_before)
    return MOST_TO_HOST if health.answers and kind is AgentKind.OURS else 1


# -- the end of patience ------------------------------------------------------------------------


def failure(health: Health, created_at: int, now: int, limits: SendLimits) -> Fail | None:
    """Return how a request that was never sent fails by the state of its host; None: it waits.

    It has patience with a host that is down or takes no jobs for `JaConnectRetry`, and with one
    that does not answer for `JaUnknownTimeout`, like what was sent there before. The host has
    been tried at least once in that time.
    """
    if not health.is_troubled or health.failed_at < created_at:
        return None
    over = health.state is not HostState.SLOW and expired(created_at, health.since, now, limits)
    if not over and health.silent_since is not None:
        patience = max(limits.connect_retry, limits.unknown)
        over = now >= max(created_at, health.silent_since) + patience
    if not over:
        return None
    reason = FailureReason.REFUSED if health.state is HostState.BUSY else FailureReason.UNREACHABLE
    return Fail(reason, health.text or health.state.value)


# -- what is reported to operators --------------------------------------------------------------


def is_worth_reporting(health: Health, now: int, limits: SendLimits) -> bool:
    """Tell whether operators should hear of a trouble now: once, and not of every hesitation."""
    if health.reported or not health.is_troubled:
        return False
    if health.state is HostState.SLOW:
        return bool(health.failures) or now - health.since >= SLOW_REPORTED
    return limits.connect_retry > 0
