"""Slows down whoever tries passwords: each failure makes the next attempt wait longer.

Attempts with one key (peer address and user name) wait in a line. Once one of them has failed, a
line that is too long refuses at once; a burst of honest commands may be as long as it likes.
Other users and peers are not held up. Only failures are remembered; keys are digests, so that no
text from outside is kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

#: Waiting time after the first failure and at most, in seconds; it doubles.
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
#: Seconds without an attempt until failures are forgotten.
FORGET_AFTER = 900.0
#: Attempts with one key that may wait at a time.
LONGEST_LINE = 10
#: Keys that are remembered, about half a kilobyte each.
MOST_KEYS = 10_000


class TooManyAttempts(Exception):
    """So many attempts with this key wait already that this one is not looked at."""


@dataclass(slots=True)
class _Record:
    failures: int = 0
    open_at: float = 0.0  #: monotonic time from which the next attempt is allowed
    line: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Attempt:
    """One attempt in progress; call `failed` or `succeeded`."""

    def __init__(self, record: _Record, now: Callable[[], float]) -> None:
        self._record = record
        self._now = now

    def failed(self) -> None:
        """Count a failure: the next attempt waits twice as long."""
        record = self._record
        delay = min(FIRST_DELAY * 2 ** min(record.failures, 20), LONGEST_DELAY)
        record.failures += 1
        record.open_at = self._now() + delay

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self._record.failures = 0
        self._record.open_at = 0.0


def _refuse_if_too_long(record: _Record) -> None:
    if record.failures and record.line >= LONGEST_LINE:
        raise TooManyAttempts


class Throttle:
    """Remembers failures by key, in this process only."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Measure with the monotonic `now`."""
        self._now = now
        self._records: OrderedDict[bytes, _Record] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, key: bytes) -> AsyncIterator[Attempt]:
        """Wait for this key's turn; `key` is a digest.

        Raises:
            TooManyAttempts: the line is full.
        """
        record = self._record(key)
        _refuse_if_too_long(record)
        record.line += 1
        try:
            async with record.lock:
                _refuse_if_too_long(record)
                await asyncio.sleep(max(0.0, record.open_at - self._now()))
                yield Attempt(record, self._now)
        finally:
            record.line -= 1
            self._tidy(key, record)

    def _record(self, key: bytes) -> _Record:
        record = self._records.pop(key, None) or _Record()
        if record.failures and self._now() - record.open_at > FORGET_AFTER:
            record.failures = 0
        self._records[key] = record
        return record

    def _tidy(self, key: bytes, record: _Record) -> None:
        """Forget what means nothing, and the oldest failures when there are too many."""
        if not record.line and not record.failures and self._records.get(key) is record:
            del self._records[key]
        while len(self._records) > MOST_KEYS:
            self._records.popitem(last=False)
