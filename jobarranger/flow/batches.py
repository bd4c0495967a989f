"""Batches of families, and what becomes of a family whose step keeps failing.

A batch that fails is repeated family by family, so that one bad family cannot hold up the others.
A family that fails three times is parked: left alone for a minute, with a message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.errors import DatabaseUnavailable

T = TypeVar("T")

_logger = logging.getLogger(__name__)

#: Failures in a row after which a family is parked, and for how long (seconds).
FAILURES = 3
PARKED_SECONDS = 60.0


class Parking:
    """Remembers families that fail, in this process only."""

    def __init__(self, clock: Clock) -> None:
        """Measure time on `clock`."""
        self._clock = clock
        self._failures: dict[int, int] = {}
        self._until: dict[int, float] = {}

    def allowed(self, families: Iterable[int]) -> list[int]:
        """Return the families that are not parked now."""
        if not self._until:
            return list(families)
        now = self._clock.monotonic()
        for family in [f for f, until in self._until.items() if until <= now]:
            del self._until[family]
        return [family for family in families if family not in self._until]

    def failed(self, family: int, error: Exception) -> None:
        """Count a failure; the third in a row parks the family."""
        count = self._failures.get(family, 0) + 1
        self._failures[family] = count
        _logger.error("run %s: step failed", family, exc_info=error)
        if count >= FAILURES:
            self._until[family] = self._clock.monotonic() + PARKED_SECONDS
            del self._failures[family]
            m.say(
                m.JARUN300002,
                inner_jobnet_main_id=family,
                failures=count,
                seconds=int(PARKED_SECONDS),
                reason=f"{type(error).__name__}: {error}",
            )

    def succeeded(self, families: Iterable[int]) -> None:
        """Forget earlier failures."""
        if self._failures:
            for family in families:
                self._failures.pop(family, None)


def in_batches(
    families: Sequence[int],
    size: int,
    run: Callable[[Sequence[int]], T],
    parking: Parking,
) -> list[T]:
    """Run a transaction for each batch of families; return what the successful ones yield.

    Raises:
        DatabaseUnavailable: the database itself is the trouble, no family is to blame.
    """
    results: list[T] = []
    for start in range(0, len(families), size):
        batch = families[start : start + size]
        try:
            results.append(run(batch))
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one row in a pass: logged, counted, parked
            if len(batch) == 1:
                parking.failed(batch[0], error)
            else:
                results += in_batches(batch, 1, run, parking)
        else:
            parking.succeeded(batch)
    return results
