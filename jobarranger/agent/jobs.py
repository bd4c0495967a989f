"""What a job is to the agent, and the rule that decides what to do with a request for one.

Everything here is pure: no files, no processes, no time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from jobarranger.states import Method


class JobState(IntEnum):
    """How far a job has come; the numbers are those of the original's table."""

    ACCEPTED = 0  #: safe on disk; its wrapper may or may not have begun
    RUNNING = 1  #: a wrapper owns it
    ENDED = 2  #: outcome known, not delivered yet
    CLOSED = 3  #: delivered, given up, or nothing to deliver


class AcceptVerdict(Enum):
    """The answer to a request to run a job."""

    NEW = "new"  #: not known: store and run it
    REPEATED = "repeated"  #: the very same attempt: answer as before, do not run it again
    UNFINISHED = "unfinished"  #: another attempt (or, without attempts, the job) still lives
    OUTDATED = "outdated"  #: an attempt older than one already known


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A valid request to run something (method 0, 1 or 2)."""

    job_id: int
    attempt: int | None  #: None: the server does not count attempts (an original one)
    method: Method
    type: str
    script: str  #: text to run; already empty for a test and built for an extended job
    env: dict[str, str]
    run_user: str  #: "" = none asked for
    server_id: str
    version: int
    peer: str  #: address of the server that sent it; results go there first


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """What the journal knows about a job id: its newest row."""

    attempt: int | None
    state: JobState


@dataclass(slots=True, kw_only=True)
class Job:
    """A job in the agent's hands, from its journal row to its closing."""

    row: int  #: key in the journal
    order: Order
    directory: str  #: where its files are
    accepted_at: int  #: UTC ms
    boot_id: str  #: boot of the machine during which it was accepted
    state: JobState = JobState.ACCEPTED
    outcome: Outcome | None = None
    tries: int = field(default=0)  #: failed deliveries in this life of the agent
    ended_at: int | None = None  #: UTC ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a job."""

    result: int  #: 0 it ran to an end; 1 it could not be run or its end is not known
    return_code: int = 0  #: exit code, or the number of the signal that ended it
    signal: int = 0  #: 1 if a signal ended it
    std_out: str = ""
    std_err: str = ""
    message: str = ""  #: only with result 1


def judge(attempt: int | None, known: KnownJob | None) -> AcceptVerdict:
    """Decide on a request, given the newest row of the same job id.

    A server that counts attempts may repeat a request as often as it likes: the same attempt
    never runs twice. From one that does not, a closed job runs again, as with the original.
    """
    if known is None:
        return AcceptVerdict.NEW
    if attempt is not None and known.attempt is not None:
        if attempt == known.attempt:
            return AcceptVerdict.REPEATED
        if attempt < known.attempt:
            return AcceptVerdict.OUTDATED
    return AcceptVerdict.NEW if known.state is JobState.CLOSED else AcceptVerdict.UNFINISHED


def outcome_of_wait_status(status: int) -> tuple[int, int]:
    """Return `(return_code, signal)` of a wait status as in the telegram `jobresult`."""
    if status & 0x7F == 0:
        return (status >> 8) & 0xFF, 0
    return status & 0x7F, 1
