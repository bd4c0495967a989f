"""Batches of families: a bounded number of them is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from jobarranger import messages as m
from jobarranger.errors import in_short
from jobarranger.parking import FAILURES, Parking, together_or_alone

T = TypeVar("T")


def in_batches(
    families: Sequence[int], size: int, run: Callable[[Sequence[int]], T], parking: Parking
) -> list[T]:
    """Run a transaction for each batch of families; return what the successful ones yield.

    Parked families are left out; one that fails too often is parked, with a message.

    Raises:
        DatabaseUnavailable: the database itself is the trouble, no family is to blame.
    """
    parked = parking.parked()
    wanted = [family for family in families if family not in parked]
    results: list[T] = []

    def run_well(batch: Sequence[int]) -> T:
        result = run(batch)
        for family in batch:
            parking.succeeded(family)
        return result

    for start in range(0, len(wanted), size):
        batch = wanted[start : start + size]
        results += together_or_alone(batch, run_well, parking, _complain)
    return results


def _complain(family: int, error: Exception) -> None:
    """Report that a family was put aside."""
    m.log_message(
        m.JARUN300002,
        inner_jobnet_main_id=family,
        failures=FAILURES,
        error_text=f"{type(error).__name__}: {in_short(error)}",
    )
