"""Memory that requests in progress may take, and who holds how much of it.

A claim begins with the first byte of a request and ends when the last piece of work on it is over:
not with the connection, and not with the handler if that has handed something to a thread. Whoever
hands a request's work on calls `keep` and gives the claim back when that work is done.

Strangers have a share of the whole, and their large requests a share of that one, so that they can
shut out nothing but each other, and large requests nothing small.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

#: Requests up to this many bytes are small: they are decoded at once, on the event loop.
SMALL = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Bytes that requests in progress may take together."""

    total: int
    strangers: int  #: of addresses that nothing good is known of
    strangers_large: int  #: of these, for requests that are not small

    @classmethod
    def of(cls, total: int) -> Shares:
        """Divide `total`: three quarters for strangers, a third of them for large requests."""
        return cls(total=total, strangers=total * 3 // 4, strangers_large=total // 4)


class Budget:
    """All claims of one server; used from the event loop only."""

    def __init__(self, shares: Shares) -> None:
        """Begin with nothing claimed."""
        self._shares = shares
        self.held = 0  #: bytes claimed now
        self._strangers = 0
        self._strangers_large = 0

    def count(self, claimed: Claimed, sign: int) -> None:
        """Add (1) or take back (-1) what one request has claimed."""
        size = sign * claimed.size
        self.held += size
        if claimed.stranger:
            self._strangers += size
            self._strangers_large += size if claimed.large else 0

    def allows(self, claimed: Claimed) -> bool:
        """Return whether all shares that a claim is counted in are kept."""
        shares = self._shares
        if self.held > shares.total:
            return False
        if not claimed.stranger:
            return True
        fits = self._strangers_large <= shares.strangers_large
        return self._strangers <= shares.strangers and (fits or not claimed.large)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one request takes."""

    size: int  #: bytes
    stranger: bool
    large: bool = False


class Claim:
    """One request's part of the budget."""

    def __init__(self, budget: Budget, *, stranger: bool) -> None:
        """Begin with no bytes and one keeper."""
        self._budget = budget
        self._claimed = Claimed(0, stranger)
        self._keepers = 1

    def resize(self, size: int, *, large: bool = False) -> bool:
        """Claim `size` bytes from now on; return whether the budget allows it."""
        self._budget.count(self._claimed, -1)
        self._claimed = Claimed(size, self._claimed.stranger, large)
        self._budget.count(self._claimed, 1)
        return self._budget.allows(self._claimed)

    def keep(self) -> None:
        """Note one more piece of work that the claim lasts for."""
        self._keepers += 1

    def release(self) -> None:
        """Note that a piece of work is over; the last one ends the claim."""
        self._keepers -= 1
        if self._keepers == 0:
            self.resize(0)


#: The claim of the request that the present handler answers.
current: ContextVar[Claim | None] = ContextVar("current", default=None)


def keep() -> Callable[[], None]:
    """Let the present request's claim last until the returned function is called, on the loop."""
    claim = current.get()
    if claim is None:
        return _no_claim
    claim.keep()
    return claim.release


def _no_claim() -> None:
    """Release nothing: the work belongs to no request."""
