"""Who may come in: decisions about connections, without sockets and clocks. Pure.

A connection stays at the *door* until it says its first word; that costs next to nothing, so the
door is wide. Then it needs one of the *places*. It keeps the place until it is answered, unless its
request is slow to arrive and others need the room. So whoever only stands there, or sends a byte
now and then, shuts nobody out:

* When the door is full, the oldest silent connection of the address that has most of them goes.
* When the places are taken, the oldest slow one of the address that has most of them goes. If all
  are at work the newcomer waits at the door for a place; there addresses take turns.
* Some places are a reserve for addresses that are known: those that logged in, or whose results
  were taken. Their silent and slow connections make room for strangers only where one address has
  more of them than is modest.
* While no more places than the reserve are free, no address gets more than its limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from itertools import count

from ipc.crowds import Crowd


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How much room there is."""

    total: int  #: places: requests that arrive, are worked on, or are being answered
    per_address: int  #: of these for one address, when they are short
    reserve: int  #: of these for known addresses only
    door: int  #: connections that are silent, or wait for a place


@dataclass(frozen=True, slots=True)
class Ruling:
    """What follows from a connection's step."""

    enters: bool  #: it is let to the door, or has its place
    refused: int | None = None  #: this other connection is to be reset


class Admission:
    """The connections of one server, by number."""

    def __init__(self, places: Places, known: Container[str]) -> None:
        """Begin with nobody inside; `known` grows as others learn who is known."""
        self._places = places
        self._known = known
        self._numbers = count(1)
        self._addresses: dict[int, str] = {}
        self._silent = Crowd()  # at the door, nothing said yet
        self._waiting = Crowd()  # at the door, would speak if it had a place
        self._slow = Crowd()  # placed, and its request did not come in one piece
        self._placed: dict[int, bool] = {}  # whether it took its place as a stranger
        self._strangers = 0
        self._per_address: Counter[str] = Counter()

    @property
    def placed(self) -> int:
        """Return the number of places that are taken."""
        return len(self._placed)

    @property
    def at_door(self) -> int:
        """Return the number of connections at the door."""
        return len(self._silent) + len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Return whether nobody more should be let to the door: all there are known, and wait."""
        if self.at_door < self._places.door or self._silent:
            return False
        return self._waiting.largest(self._is_stranger) is None

    def arrives(self, address: str) -> tuple[int, Ruling]:
        """Let a new connection to the door, if there is room; return its number."""
        number, refused = next(self._numbers), None
        if self.at_door >= self._places.door:
            refused = self.give_way(address)
            if refused is None and self._is_stranger(address):
                return number, Ruling(enters=False)
        self._addresses[number] = address
        self._silent.add(number, address)
        return number, Ruling(enters=True, refused=refused)

    def speaks(self, number: int) -> Ruling:
        """Give a connection at the door a place; without one it waits until `leaves` names it."""
        address = self._addresses[number]
        self._silent.discard(number, address)
        refused = None
        if not self._has_room(address):
            refused = self._slow_one(address)
            if refused is None:
                self._waiting.add(number, address)
                return Ruling(enters=False)
            self._forget(refused)
        self._place(number, address)
        return Ruling(enters=True, refused=refused)

    def is_slow(self, number: int) -> None:
        """Note that a placed connection's request did not come in one piece."""
        self._slow.add(number, self._addresses[number])

    def works(self, number: int) -> None:
        """Note that a placed connection's request is complete: it keeps its place."""
        self._slow.discard(number, self._addresses[number])

    def leaves(self, number: int) -> int | None:
        """Forget a connection; return one that waited and has a place now."""
        was_placed = number in self._placed
        self._forget(number)
        return self._next() if was_placed else None

    def give_way(self, address: str) -> int | None:
        """Forget and return the one at the door that goes first to make room for `address`.

        A silent one goes before one that waits for a place, and a known address is not sent away
        for a stranger. None: nobody has to go.
        """
        crowd, found = self._silent, self._modest_last(self._silent, address, self._at_most())
        if found is not None:
            number = crowd.oldest(found)
        else:
            crowd, found = self._waiting, self._waiting.largest(self._is_stranger)
            if found is None or found == address:
                return None
            number = crowd.newest(found)
        self._forget(number)
        return number

    def _at_most(self) -> int:
        """Return how many silent connections of a known address are modest."""
        return self._places.door // 4

    def _is_stranger(self, address: str) -> bool:
        return address not in self._known

    def _modest_last(self, crowd: Crowd, address: str, modest: int) -> str | None:
        """Return the address that should give one up for `address`."""

        def is_open(one: str) -> bool:
            return self._is_stranger(one) or crowd.of(one) > modest

        found = crowd.largest(is_open)
        if found is None and not self._is_stranger(address):
            return crowd.largest(lambda _: True)
        return found

    def _has_room(self, address: str) -> bool:
        free = self._places.total - self.placed
        if free <= 0 or (self._is_stranger(address) and self._strangers_full()):
            return False
        return free > self._places.reserve or not self._has_its_share(address)

    def _strangers_full(self) -> bool:
        return self._strangers >= self._places.total - self._places.reserve

    def _has_its_share(self, address: str) -> bool:
        return self._per_address[address] >= self._places.per_address

    def _slow_one(self, address: str) -> int | None:
        """Return the slow connection that makes room for `address`."""
        if self._has_its_share(address):
            found = address if self._slow.of(address) else None
        elif self._is_stranger(address) and self._strangers_full():
            found = self._slow.largest(self._is_stranger)
        else:
            found = self._modest_last(self._slow, address, self._places.reserve)
        return None if found is None else self._slow.oldest(found)

    def _place(self, number: int, address: str) -> None:
        stranger = self._is_stranger(address)
        self._placed[number] = stranger
        self._strangers += stranger
        self._per_address[address] += 1

    def _next(self) -> int | None:
        """Place one that waits: known addresses first, then whoever has the fewest places."""
        found = min(
            filter(self._has_room, self._waiting),
            key=lambda one: (
                self._is_stranger(one),
                self._per_address[one],
                self._waiting.oldest(one),
            ),
            default=None,
        )
        if found is None:
            return None
        number = self._waiting.oldest(found)
        self._waiting.discard(number, found)
        self._place(number, found)
        return number

    def _forget(self, number: int) -> None:
        address = self._addresses.pop(number, None)
        if address is None:
            return
        for crowd in (self._silent, self._waiting, self._slow):
            crowd.discard(number, address)
        if number in self._placed:
            self._strangers -= self._placed.pop(number)
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]
