"""What an operation is refused with, and the names of states that refusals use."""

from __future__ import annotations

from typing import Any

from jobarranger.errors import JobArrangerError


class NotPossible(JobArrangerError):
    """The operation does not fit the state of the run or icon; the text says why."""


def state_name(kind: Any, number: int) -> str:
    """Return the name of a number, or the number if it has none."""
    return kind(number).name if number in set(kind) else str(number)
