"""What can happen to a request, and what can be done next: plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from jobarranger.states import AgentKind

# -- what happened ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection: not one byte has left, whatever was to be said."""

    text: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Sent at least in part, and no usable answer came."""

    text: str
    closed: bool = False  #: the peer closed in good order without a word
    timed_out: bool = False  #: it was waited for as long as an answer may take


@dataclass(frozen=True, slots=True)
class Answered:
    """The agent answered a jobrun."""

    result: int
    message: str = ""
    agent: str | None = None  #: the name and version that our agent announces
    retry: bool = False  #: refused for now only: it has not taken it, and wants to be asked again


class JobStanding(StrEnum):
    """What our agent says about an attempt when it is asked."""

    UNKNOWN = "unknown"  #: it has never taken it, or has lost its journal
    ACCEPTED = "accepted"
    RUNNING = "running"
    ENDED = "ended"  #: over, the result is not delivered yet
    CLOSED = "closed"  #: over, the server has acknowledged the result


@dataclass(frozen=True, slots=True)
class Reported:
    """Our agent answered a query."""

    standing: JobStanding
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """A query met a 3.0.0 agent, which does not know queries."""


@dataclass(frozen=True, slots=True)
class Held:
    """No connection was tried: the host does not answer, and somebody else is finding out."""


Event = Unreachable | Silent | Answered | Reported | Original | Held

# -- what to do ---------------------------------------------------------------------------------


class FailureReason(Enum):
    """Why a request has failed."""

    UNKNOWN_HOST = "the host is not in the directory"
    DISABLED_HOST = "the host is disabled and the icon is not forced"
    UNREACHABLE = "the agent cannot be connected"
    REFUSED = "the agent refused"
    TOO_LARGE = "the request exceeds what a 3.0.0 agent can take"
    NO_OUTCOME = "sent, never answered, never reported"
    STOPPED = "stopped before it was sent"


class FailedStop(Enum):
    """What a stop or kill that fails does to its icon; it is reported in any case."""

    FAILS_ICON = "the icon fails"
    FAILS_ICON_UNSENT = "the icon fails if the agent has not got the stop"
    REPORTED = "the icon stays as it is"


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now."""


@dataclass(frozen=True, slots=True)
class Query:
    """Ask the agent about it now."""


@dataclass(frozen=True, slots=True)
class Accept:
    """The agent has it. ACCEPTED, or DONE if nothing further is expected."""

    check_at: int | None = None  #: when to ask after it if no result has come


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to do for it: DONE."""


@dataclass(frozen=True, slots=True)
class Later:
    """The agent certainly does not have it: NEW again, to be sent at `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class Pursue:
    """The agent may have it: keeps its state and is looked at again at `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class Fail:
    """It has failed for good."""

    reason: FailureReason
    text: str = ""


Step = Send | Query | Accept | Finish | Later | Pursue | Fail


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLimits:
    """The rules that an operator sets, and the life of this executor; milliseconds."""

    connect_retry: int  #: `JaConnectRetry`: how long connecting is repeated
    unknown: int  #: `JaUnknownTimeout`: how long an answer or result is waited for
    started_at: int = 0  #: since when this executor has been looking (UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the executor knows beside the row when it decides."""

    now: int  #: UTC milliseconds
    kind: AgentKind = AgentKind.UNKNOWN  #: what is known to answer at the host
    down_since: int | None = None  #: since when the host is down, or takes no jobs
    failures: int = 0  #: failures of the host in a row
