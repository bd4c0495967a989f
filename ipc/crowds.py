"""Addresses, and the connections of each. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator


class KnownAddresses:
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

    def __contains__(self, address: object) -> bool:
        return address in self._addresses


class Everybody:
    """All addresses are known: where none but known ones are let in."""

    def __contains__(self, address: object) -> bool:
        return True


class Crowd:
    """Connections by address, the oldest of each address first; they are numbered as they come.

    Whoever has most of them is found without looking at all addresses.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._by_address: dict[str, dict[int, None]] = {}
        self._by_count: dict[int, dict[str, None]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_address)

    def add(self, number: int, address: str) -> None:
        """Add a connection."""
        numbers = self._by_address.setdefault(address, {})
        before = len(numbers)
        numbers[number] = None
        self._moved(address, before, len(numbers))

    def discard(self, number: int, address: str) -> None:
        """Take a connection out if it is here."""
        numbers = self._by_address.get(address, {})
        before = len(numbers)
        numbers.pop(number, None)
        self._moved(address, before, len(numbers))
        if before and not numbers:
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
        """Return the address with most connections of those that count.

        Of equals it is the one that has had so many for longest.
        """
        for many in sorted(self._by_count, reverse=True):
            found = next(filter(counts, self._by_count[many]), None)
            if found is not None:
                return found
        return None

    def _moved(self, address: str, before: int, now: int) -> None:
        """Keep the addresses sorted by how many connections they have."""
        self._size += now - before
        if before == now:
            return
        if before:
            del self._by_count[before][address]
            if not self._by_count[before]:
                del self._by_count[before]
        if now:
            self._by_count.setdefault(now, {})[address] = None


class AddressTurns:
    """Connections that wait to be heard: one of each address, then the next of each."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lines: OrderedDict[str, deque[int]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, number: int, address: str) -> None:
        """Put a connection at the end of its address' line."""
        self._lines.setdefault(address, deque()).append(number)

    def take(self) -> int:
        """Take out the first of the address whose turn it is.

        Raises:
            KeyError: nobody is there.
        """
        address, line = self._lines.popitem(last=False)
        number = line.popleft()
        if line:
            self._lines[address] = line
        return number
