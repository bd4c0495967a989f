"""What a step means for the row of its request: pure."""

from __future__ import annotations

from jobarranger.model.change import Change
from jobarranger.requests.steps import Accept, Fail, Finish, Later, Pursue
from jobarranger.states import DispatchState
from processes.executing.work import Record


def writes(record: Record) -> bool:
    """Return whether a record changes a row before the engine has its turn."""
    return record.learnt is not None or not isinstance(record.step, Fail)


def of_row(record: Record) -> Change | None:
    """Return what a step means for its row; a failure is the engine's to write."""
    request = record.request
    from_sending = int(DispatchState.SENDING)
    match record.step:
        case Accept(check_at=at):
            values = {"accepted_at": record.at, "next_try_at": at, "state": DispatchState.ACCEPTED}
            kind = record.learnt[0] if record.learnt else request.agent_kind
            return Change(0, from_sending, {**values, "agent_kind": kind})
        case Finish():
            values = {"accepted_at": record.at, "next_try_at": None, "state": DispatchState.DONE}
            return Change(0, int(DispatchState.ACCEPTED), values)
        case Later(at=at):
            values = {"sending_at": None, "next_try_at": _rounded(at), "tries": request.tries}
            return Change(0, from_sending, {**values, "state": DispatchState.NEW})
        case Pursue(at=at):
            values = {"next_try_at": _rounded(at), "tries": request.tries + 1}
            return Change(0, int(DispatchState.ACCEPTED), values)
        case _:
            return None


def _rounded(at: int) -> int:
    """Round an instant up a little, so that many rows can be written with one statement."""
    return -(-at // 50) * 50
