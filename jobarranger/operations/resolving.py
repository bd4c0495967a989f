"""An operator decides what became of a job whose outcome is unknown (docs/requests.md).

Such an icon is RUNERR and its request UNKNOWN. The operator has looked on the host: either the
job ended with an exit code, which then counts as if its result had arrived, or it failed or never
ran, and the icon stays RUNERR, ready to be run again or skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from jobarranger.db.engine import Database, Unit
from jobarranger.errors import JobArrangerError, StateConflict
from jobarranger.flow.engine import Engine
from jobarranger.flow.results import ReportedResult, Verdict, complete
from jobarranger.operations.actor import Actor
from jobarranger.operations.rows import states
from jobarranger.requests.rows import outcomes
from jobarranger.requests.rows.outcomes import UnknownOutcome
from jobarranger.states import DispatchState

#: The word in `ja_ext_audit.action`.
ACTION = "icon resolve"


class NothingToResolve(JobArrangerError):
    """The icon has no request whose outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The job ran to an end."""

    exit_code: int
    std_out: str = ""
    std_err: str = ""


@dataclass(frozen=True, slots=True)
class NotDone:
    """The job failed, or never ran: the icon stays in error and can be run again."""


Decision = Ended | NotDone


def unknown_outcomes(db: Database) -> list[UnknownOutcome]:
    """Return all requests that wait for an operator's decision, the oldest first."""
    return db.read(lambda conn: outcomes.unknown(conn, None))


def resolve(db: Database, engine: Engine, *, actor: Actor, job_id: int, decision: Decision) -> None:
    """Carry out an operator's decision about an icon, and keep it in `ja_ext_audit`.

    Raises:
        NothingToResolve: its outcome is known (again), or there is no such icon that the actor may
            use.
        DatabaseUnavailable: nothing was changed.
    """
    found = db.read(lambda conn: _waiting(conn, actor, job_id))
    if not found:
        raise NothingToResolve(f"icon {job_id} has no request whose outcome is unknown")
    request = found[-1]
    if isinstance(decision, Ended):
        _ended(db, engine, actor, request, decision)
    else:
        _not_done(db, engine, actor, request)


def _waiting(conn: Connection, actor: Actor, job_id: int) -> list[UnknownOutcome]:
    """Return the icon's requests that wait for a decision, if the actor may use its run."""
    icon = actor.if_usable(conn, states.icon(conn, job_id))
    return outcomes.unknown(conn, job_id) if icon is not None else []


def _ended(
    db: Database, engine: Engine, actor: Actor, request: UnknownOutcome, decision: Ended
) -> None:
    """Work in a result as if the agent had sent it.

    The audit row is written first: should the server end in between, it shows what was meant, and
    the command can be repeated.
    """
    detail = f"{request.host_name}, attempt {request.attempt}: ended with {decision.exit_code}"
    at = engine.clock.now_ms()
    target = f"icon {request.job_id}"
    db.transaction(lambda unit: actor.note(unit, at, ACTION, target, detail))
    result = ReportedResult(
        job_id=request.job_id,
        attempt=request.attempt,
        host_name=request.host_name,
        peer="",
        result=0,
        return_code=decision.exit_code,
        signal=0,
        std_out=decision.std_out,
        std_err=decision.std_err,
        message=None,
        received_at=at,
    )
    (judged,) = complete(db, engine, [result], _Operator())
    if judged.verdict is not Verdict.STORED:
        raise NothingToResolve(judged.text)


def _not_done(db: Database, engine: Engine, actor: Actor, request: UnknownOutcome) -> None:
    """Close the request; a result that still comes is refused from now on."""
    detail = f"{request.host_name}, attempt {request.attempt}: failed or never ran"

    def work(unit: Unit) -> None:
        if not outcomes.close_unknown(unit.conn, request, DispatchState.DONE):
            raise StateConflict(f"the outcome of icon {request.job_id} is known by now")
        actor.note(unit, engine.clock.now_ms(), ACTION, f"icon {request.job_id}", detail)

    try:
        db.transaction(work)
    except StateConflict as error:
        raise NothingToResolve(str(error)) from error


class _Operator:
    """An operator's word comes from no address; it is believed."""

    def is_host(
        self, conn: Connection, host_name: str, recorded: str | None, peer: str
    ) -> bool | None:
        """Say yes."""
        del conn, host_name, recorded, peer
        return True
