"""A memory of bounded size: keys are digests, entries fade, the longest unused makes room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """Remembers a value for each key for some time."""

    def __init__(self, now: Callable[[], float], seconds: float, most: int) -> None:
        """Measure with the monotonic `now`; keep `most` entries for `seconds`."""
        self._now = now
        self._seconds = seconds
        self._most = most
        self._kept: OrderedDict[bytes, tuple[T, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> T | None:
        """Return what is remembered, or None."""
        value, until = self._kept.get(key, (None, 0.0))
        if value is not None and self._now() >= until:
            del self._kept[key]
            return None
        return value

    def put(self, key: bytes, value: T) -> None:
        """Remember from now on."""
        self._kept.pop(key, None)
        self._kept[key] = (value, self._now() + self._seconds)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
