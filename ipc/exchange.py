"""One connection that has a place: read a request, call the handler, write the reply, close.

The handler ends with its connection: it is cancelled when the peer resets, or when a write fails. A
peer that half-closes after its request is served. So is one that has closed altogether, because the
two look the same until something is written; its connection keeps its place and its share of the
memory until the handler is done, so nothing is won by that.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ipc import budget
from ipc.budget import SMALL, Claim
from ipc.errors import ProtocolError
from ipc.frames import FrameLimits, FrameReader, encode

log = logging.getLogger(__name__)

_LINGER_RESET = struct.pack("ii", 1, 0)


class Ending(Enum):
    """How a connection ends without a reply."""

    CLOSE = "close"  #: in good order: an agent counts its result as delivered
    RESET = "reset"  #: an agent keeps its result and comes again


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    address: str  #: numeric; an IPv4 address mapped into IPv6 is given as IPv4
    port: int


Answer = bytes | Ending
Handler = Callable[[bytes, Peer], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an exchange is held."""

    handler: Handler
    limits: FrameLimits
    reply_timeout: float  #: seconds for the reply to leave
    becomes: Callable[[int], int]  #: bytes that a request of so many takes while it is answered
    before_reply: Callable[[], None]
    after_reply: Callable[[], None]


class Watcher(Protocol):
    """Who hears how an exchange goes on."""

    def opened(self, exchange: Exchange) -> None:
        """Note that the exchange has its transport."""

    def slow(self, number: int) -> None:
        """Note that a request did not come in one piece."""

    def works(self, number: int) -> None:
        """Note that a request is complete."""

    def ended(self, exchange: Exchange) -> None:
        """Note that the connection is gone."""


class Exchange(asyncio.Protocol):
    """The protocol of one connection."""

    def __init__(
        self, watcher: Watcher, terms: Terms, number: int, peer: Peer, claim: Claim, *, until: float
    ) -> None:
        """Prepare; the request must be complete at the loop's time `until`."""
        self.number = number
        self.began = False
        self._watcher = watcher
        self._terms = terms
        self._peer = peer
        self._claim = claim
        self._until = until
        self._reader = FrameReader(terms.limits)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_asked = False  # the request is complete
        self._surplus = 0
        self._released = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.began = True
        self._watcher.opened(self)
        self._timer = asyncio.get_running_loop().call_at(self._until, self._request_late)

    def data_received(self, data: bytes) -> None:
        """Take a part of the request."""
        if self._is_asked:
            self._throw_away(data)
            return
        self._reader.feed(data)
        received = self._reader.received
        if self._claims(received, large=received > SMALL):
            self._look()

    def eof_received(self) -> bool:
        """Take the end of what the peer sends; it may still be waiting for its reply."""
        if not self._is_asked:
            self._reader.end()
            self._look()
            if not self._is_asked:
                self.finish(Ending.CLOSE)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End the handler with its connection."""
        self._stop_timer()
        self._transport = None
        self._reader.rest()
        if self._task is not None:
            self._task.cancel()
        self._release_if_over()
        self._watcher.ended(self)

    def give_up_if_idle(self) -> None:
        """Reset a connection whose request has not arrived."""
        if not self._is_asked:
            self.finish(Ending.RESET)

    def finish(self, answer: Answer) -> None:
        """Send the reply, if it is one, and end the connection."""
        transport = self._transport
        if transport is None:
            return
        self._stop_timer()
        if answer is Ending.RESET:
            reset_on_close(transport.get_extra_info("socket"))
            transport.abort()
            return
        if isinstance(answer, bytes):
            transport.write(encode(answer))
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._terms.reply_timeout, transport.abort)
        transport.close()

    def _look(self) -> None:
        """Start the handler if the request is complete."""
        try:
            payload = self._reader.next()
        except ProtocolError as error:
            log.warning("request from %s refused: %s", self._peer.address, error)
            self.finish(Ending.RESET)
            return
        if payload is None:
            self._watcher.slow(self.number)
        elif not payload:
            self.finish(Ending.CLOSE)
        elif self._claims(self._terms.becomes(len(payload)), large=len(payload) > SMALL):
            self._begin(payload)

    def _begin(self, payload: bytes) -> None:
        self._stop_timer()
        self._watcher.works(self.number)
        self._is_asked = True
        self._task = asyncio.get_running_loop().create_task(self._answer(payload))
        self._task.add_done_callback(self._answered)

    async def _answer(self, payload: bytes) -> None:
        budget.current.set(self._claim)
        try:
            answer = await self._terms.handler(payload, self._peer)
        except Exception:
            log.exception("request from %s failed", self._peer.address)
            answer = Ending.RESET
        self._terms.before_reply()
        self.finish(answer)
        self._terms.after_reply()
        self._claim.resize(len(answer) if isinstance(answer, bytes) else 0)

    def _answered(self, _: asyncio.Task[None]) -> None:
        """Forget the handler: if it was cancelled it holds its request through its traceback."""
        self._task = None
        self._release_if_over()

    def _release_if_over(self) -> None:
        """Give the claim back, once, when both the connection and the handler are gone."""
        if self._transport is None and self._task is None and not self._released:
            self._released = True
            self._claim.release()

    def _claims(self, size: int, *, large: bool) -> bool:
        """Claim memory, or end the connection."""
        if self._claim.resize(size, large=large):
            return True
        log.warning("request from %s refused: too much has arrived", self._peer.address)
        self.finish(Ending.RESET)
        return False

    def _throw_away(self, data: bytes) -> None:
        """Read what follows a request, to notice a reset, but not for ever."""
        self._surplus += len(data)
        if self._surplus > SMALL:
            self.finish(Ending.RESET)

    def _request_late(self) -> None:
        if self._reader.received:
            log.warning("request from %s did not arrive in time", self._peer.address)
        self.finish(Ending.RESET if self._reader.received else Ending.CLOSE)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def reset_on_close(connection: socket.socket) -> None:
    """Let the end of a connection be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
