"""The answering side of exchanges: one request, one reply, close.

`TelegramServer` serves listening sockets that it was given (several processes may share them) and
calls `handler(payload, peer)` for each request. The handler returns the payload of the reply, or
`Ending.CLOSE`, or `Ending.RESET`. The difference matters: an original agent takes a clean close
for "delivered" and throws its result away, while it repeats after a reset. So a handler that
raises, a request that did not arrive whole, and a connection that has to make room for others end
with a reset.

Who comes in is decided in `ipc.admission`. A connection that has said nothing is no more than a
socket here; it becomes an `Exchange` when it begins to speak and there is a place for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

from ipc.admission import Admission, Places
from ipc.budget import Budget, Claim, Shares
from ipc.crowds import AddressTurns
from ipc.descriptors import door_for
from ipc.exchange import (
    Answer,
    Ending,
    Exchange,
    Handler,
    Peer,
    Terms,
    reset_on_close,
)
from ipc.frames import FrameLimits
from ipc.turnstile import Farewells, accept_some, first_word, plain_address

__all__ = [
    "Answer",
    "Ending",
    "Handler",
    "Peer",
    "ServerSettings",
    "TelegramServer",
    "plain_address",
]

log = logging.getLogger(__name__)

#: Pause of accepting after the system refused a connection, in seconds.
ACCEPT_PAUSE = 1.0
#: Strangers that begin to speak in one turn of the loop; known addresses are heard at once.
HEARD_AT_ONCE = 20
#: Seconds between two lines that show how many had to make room for others.
REPORT_INTERVAL = 10.0


def nothing() -> None:
    """Do nothing; the default of hooks."""


def unchanged(size: int) -> int:
    """Return the size of a request: its handler builds nothing of it."""
    return size


def anybody(address: str) -> bool:
    """Welcome every address."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How much a peer may take of us; docs/security.md has the reasons."""

    request_timeout: float = 5.0  #: seconds for the whole request to arrive
    reply_timeout: float = 5.0  #: seconds for the reply to leave
    connections: int = 500  #: that have begun to speak, at one time
    per_address: int | None = None  #: of these for one address when they are short; None: all
    reserve: int = 0  #: of these for known addresses only
    memory: int = (
        256 << 20
    )  #: bytes that requests in progress may take, of all connections together
    becomes: Callable[[int], int] = unchanged  #: bytes that a request of so many takes in all
    limits: FrameLimits = field(default_factory=FrameLimits)
    welcome: Callable[[str], bool] = anybody  #: by address; others are closed before they speak
    before_reply: Callable[[], None] = nothing
    after_reply: Callable[[], None] = nothing

    def places(self) -> Places:
        """Return the room for connections."""
        return Places(
            total=self.connections,
            per_address=self.connections if self.per_address is None else self.per_address,
            reserve=self.reserve,
            door=door_for(self.connections),
        )


@dataclass(frozen=True, slots=True)
class _Guest:
    """A connection at the door."""

    connection: socket.socket
    peer: Peer
    timer: asyncio.TimerHandle


class TelegramServer:
    """Accepts connections on given sockets and answers one request on each."""

    def __init__(
        self,
        handler: Handler,
        settings: ServerSettings | None = None,
        known: Container[str] | None = None,
    ) -> None:
        """Prepare; `start` begins to accept. `known` are preferred; the handler may add to them."""
        self.settings = settings or ServerSettings()
        self._known: Container[str] = frozenset() if known is None else known
        self.served = 0  #: replies and endings so far
        self.turned_out = 0  #: connections that had to make room for others so far
        self._loop = asyncio.get_running_loop()
        self._terms = _terms(handler, self.settings)
        self._budget = Budget(Shares.of(self.settings.memory))
        self._admission = Admission(self.settings.places(), self._known)
        self._farewells = Farewells(self._loop)
        self._sockets: list[socket.socket] = []
        self._door: dict[int, _Guest] = {}
        self._turns = AddressTurns()
        self._open: dict[int, Exchange] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._stopping = False
        self._all_done = asyncio.Event()
        self._report: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """Return the number of connections that have a place now."""
        return self._admission.placed

    @property
    def held(self) -> int:
        """Return the bytes that requests in progress take now."""
        return self._budget.held

    def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept on listening sockets; they stay the caller's."""
        self._sockets = list(sockets)
        for listener in self._sockets:
            listener.setblocking(False)
        self._resume()

    async def stop(self, grace: float) -> None:
        """Accept no more, let exchanges in progress end for `grace` seconds, reset the others."""
        self._stopping = True
        self._pause()
        self._farewells.close()
        for number in list(self._door):
            self._reset(number)
        for exchange in list(self._open.values()):
            exchange.give_up_if_idle()
        await self._wait_for_exchanges(grace)
        if self._report is not None:
            self._report.cancel()
            self._report_turned_out(self.turned_out)

    async def _wait_for_exchanges(self, grace: float) -> None:
        if not self.connections:
            return
        self._all_done.clear()
        try:
            async with asyncio.timeout(grace):
                await self._all_done.wait()
        except TimeoutError:
            for exchange in list(self._open.values()):
                exchange.finish(Ending.RESET)

    # -- what exchanges report --------------------------------------------------------------

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has its transport."""
        self._open[exchange.number] = exchange

    def slow(self, number: int) -> None:
        """Note that a request did not come in one piece."""
        self._admission.is_slow(number)

    def works(self, number: int) -> None:
        """Note that a request is complete."""
        self._admission.works(number)

    def ended(self, exchange: Exchange) -> None:
        """Note that a connection is gone."""
        self._open.pop(exchange.number, None)
        self._left(exchange.number)

    def _left(self, number: int) -> None:
        self.served += 1
        following = self._admission.leaves(number)
        if following is not None:
            self._place(following, self._loop.time() + self.settings.request_timeout)
        self._resume()
        if not self.connections:
            self._all_done.set()

    # -- accepting --------------------------------------------------------------------------

    def _resume(self) -> None:
        if self._accepting or self._stopping or self._admission.is_full:
            return
        self._accepting = True
        for listener in self._sockets:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _pause(self) -> None:
        self._accepting = False
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())

    def _accept(self, listener: socket.socket) -> None:
        """Take those that wait; another process may have been faster."""
        try:
            for connection, peer in accept_some(listener):
                self._greet(connection, peer)
                if self._admission.is_full:
                    self._pause()
                    return
        except OSError as error:
            self._short_of_descriptors(error)

    def _short_of_descriptors(self, error: OSError) -> None:
        """Send somebody away who says nothing; if there is nobody, wait."""
        number = self._admission.give_way("")
        if number is not None:
            self._turn_out(number)
            return
        log.warning("cannot accept a connection: %s", error)
        self._pause()
        self._loop.call_later(ACCEPT_PAUSE, self._resume)

    def _greet(self, connection: socket.socket, peer: Peer) -> None:
        """Let a connection to the door if it is welcome and there is room."""
        if not self.settings.welcome(peer.address):
            self._farewells.bid(connection)
            return
        number, ruling = self._admission.arrives(peer.address)
        self._turn_out(ruling.refused)
        if not ruling.enters:
            self._count_turned_out()
            _reset(connection)
            return
        connection.setblocking(False)
        timer = self._loop.call_later(self.settings.request_timeout, self._close_silent, number)
        self._door[number] = _Guest(connection, peer, timer)
        if first_word(connection):
            self._listen_to(number, peer.address)
        else:
            self._loop.add_reader(connection.fileno(), self._spoke, number)

    def _close_silent(self, number: int) -> None:
        """End a connection that has said nothing, in good order."""
        guest = self._from_door(number)
        guest.connection.close()
        self._left(number)

    def _spoke(self, number: int) -> None:
        """Listen to a connection that has something to read, or close it if it is at its end."""
        guest = self._door[number]
        word = first_word(guest.connection)
        if word:
            self._loop.remove_reader(guest.connection.fileno())
            self._listen_to(number, guest.peer.address)
        elif word is not None:
            self._close_silent(number)

    def _listen_to(self, number: int, address: str) -> None:
        """Hear a connection at once if its address is known, else in its turn."""
        if address in self._known:
            self._hear(number)
            return
        if not self._turns:
            self._loop.call_soon(self._hear_strangers)
        self._turns.add(number, address)

    def _hear_strangers(self) -> None:
        """Hear some of those that wait, and the others in the next turns of the loop."""
        for _ in range(HEARD_AT_ONCE):
            if not self._turns:
                return
            number = self._turns.take()
            if number in self._door:
                self._hear(number)
        if self._turns:
            self._loop.call_soon(self._hear_strangers)

    def _hear(self, number: int) -> None:
        """Give a connection a place, or let it wait for one."""
        guest = self._door[number]
        ruling = self._admission.speaks(number)
        self._turn_out(ruling.refused)
        if ruling.enters:
            self._place(number, guest.timer.when())
        guest.timer.cancel()

    def _place(self, number: int, until: float) -> None:
        """Make an exchange of a connection that has its place."""
        guest = self._from_door(number)
        task = self._loop.create_task(self._connect(number, guest, until))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, number: int, guest: _Guest, until: float) -> None:
        stranger = guest.peer.address not in self._known
        claim = Claim(self._budget, stranger=stranger)
        exchange = Exchange(self, self._terms, number, guest.peer, claim, until=until)
        try:
            await self._loop.connect_accepted_socket(lambda: exchange, guest.connection)
        except OSError as error:
            log.warning("connection lost while it began: %s", error)
            if not exchange.began:
                self._left(number)

    def _from_door(self, number: int) -> _Guest:
        guest = self._door.pop(number)
        guest.timer.cancel()
        self._loop.remove_reader(guest.connection.fileno())
        return guest

    # -- sending away -----------------------------------------------------------------------

    def _turn_out(self, number: int | None) -> None:
        """Reset a connection that has to make room for another."""
        if number is not None:
            self._count_turned_out()
            self._reset(number)

    def _reset(self, number: int) -> None:
        if number in self._door:
            _reset(self._from_door(number).connection)
            self._left(number)
        elif number in self._open:
            self._open[number].finish(Ending.RESET)

    def _count_turned_out(self) -> None:
        if self._report is None:
            before = self.turned_out
            self._report = self._loop.call_later(REPORT_INTERVAL, self._report_turned_out, before)
        self.turned_out += 1

    def _report_turned_out(self, before: int) -> None:
        """Report in one line what happened since the last one."""
        self._report = None
        if self.turned_out > before:
            many = self.turned_out - before
            log.warning("connections are short: %d silent or slow ones were reset", many)


def _terms(handler: Handler, settings: ServerSettings) -> Terms:
    return Terms(
        handler=handler,
        limits=settings.limits,
        reply_timeout=settings.reply_timeout,
        becomes=settings.becomes,
        before_reply=settings.before_reply,
        after_reply=settings.after_reply,
    )


def _reset(connection: socket.socket) -> None:
    reset_on_close(connection)
    connection.close()
