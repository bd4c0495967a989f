"""Addresses, and the connections of each. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator


class Known:
    """Addresses that have shown who they are; the latest ones, in a bounded number."""

    def __init__(self, most: int = 10_000) -> None:
        """Remember up to `most` addresses."""
        self._most = most
        self._addresses: OrderedDict[str, None] = OrderedDict()

    def add(self, address: str) -> None:
        """Remember an address as seen just now."""
        self._addresses[address] = None
        self._addresses.move_to_end(address)
        while len(self._addresses) > self._most:
            self._addresses.popitem(last=False)

    def __contains__(self, address: str) -> bool:
        return address in self._addresses


class Crowd:
    """Connections by address, the oldest of each address first; they are numbered as they come."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._by_address: dict[str, dict[int, None]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_address)

    def add(self, number: int, address: str) -> None:
        """Add a connection that is not here."""
        self._by_address.setdefault(address, {})[number] = None
        self._size += 1

    def discard(self, number: int, address: str) -> None:
        """Take a connection out if it is here."""
        numbers = self._by_address.get(address, {})
        if number in numbers:
            del numbers[number]
            self._size -= 1
            if not numbers:
                del self._by_address[address]

    def of(self, address: str) -> int:
        """Return how many connections of an address are here."""
        return len(self._by_address.get(address, ()))

    def oldest(self, address: str) -> int:
        """Return the first connection of an address that is here."""
        return next(iter(self._by_address[address]))

    def newest(self, address: str) -> int:
        """Return the last connection of an address that is here."""
        return next(reversed(self._by_address[address]))

    def largest(self, counts: Callable[[str], bool]) -> str | None:
        """Return the address with most connections of those that count; of equals the oldest."""
        return max(
            filter(counts, self._by_address),
            key=lambda address: (self.of(address), -self.oldest(address)),
            default=None,
        )
