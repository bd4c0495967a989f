"""Runs that keep failing are left alone for a while, so that they do not block the others.

The memory is the process' own; a restart forgets it and tries again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from jobarranger.clock import Clock
from jobarranger.errors import DatabaseUnavailable, JobArrangerError, in_short

log = logging.getLogger(__name__)

#: So many failures in a row park a run ...
FAILURES = 3
#: ... for so many seconds.
PARKED_SECONDS = 60.0

T = TypeVar("T")


@dataclass(slots=True)
class Parking:
    """Counts the failures of runs and knows which are to be left alone now."""

    clock: Clock
    _failures: dict[int, int] = field(default_factory=dict)
    _until: dict[int, float] = field(default_factory=dict)

    def parked(self) -> frozenset[int]:
        """Return the runs to be left alone at present."""
        now = self.clock.monotonic()
        for run in [run for run, until in self._until.items() if until <= now]:
            del self._until[run]
        return frozenset(self._until)

    def failed(self, run: int) -> bool:
        """Note a failure; return whether the run is parked by it."""
        count = self._failures[run] = self._failures.get(run, 0) + 1
        if count < FAILURES:
            return False
        del self._failures[run]
        self._until[run] = self.clock.monotonic() + PARKED_SECONDS
        return True

    def succeeded(self, run: int) -> None:
        """Forget the failures of a run."""
        self._failures.pop(run, None)


def together_or_alone(
    runs: Sequence[int],
    work: Callable[[Sequence[int]], T],
    parking: Parking,
    complain: Callable[[int, Exception], None],
) -> list[T]:
    """Call `work` for all runs at once; if that fails, for each run alone.

    Args:
        runs: ids of main runs.
        work: one transaction for the given runs.
        parking: where failures of single runs are counted.
        complain: called once when a run has failed often enough to be parked.

    Raises:
        DatabaseUnavailable: nothing is wrong with the runs.
    """
    try:
        return [work(runs)] if runs else []
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if len(runs) > 1:
            log.warning(
                "a batch of %d runs failed and is done one by one: %s", len(runs), in_short(error)
            )
            parts = (together_or_alone([run], work, parking, complain) for run in runs)
            return [result for part in parts for result in part]
        expected = isinstance(error, SQLAlchemyError | JobArrangerError)
        detail = None if expected else error
        log.warning("run %d failed: %s", runs[0], in_short(error), exc_info=detail)
        if parking.failed(runs[0]):
            complain(runs[0], error)
        return []
