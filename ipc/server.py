"""The answering side of an exchange: one request, one reply, close.

`TelegramServer` serves listening sockets that it was given (several processes may share them) and
calls `handler(payload, peer)` for each request. The handler returns the payload of the reply, or
`Ending.CLOSE`, or `Ending.RESET`. The difference matters: an original agent takes a clean close
for "delivered" and throws its result away, while it repeats after a reset. So a handler that
raises, and a request that did not arrive whole, end with a reset.

When the limit of connections is reached nothing is accepted until one has ended; what waits in
the sockets' backlog is free for the other processes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ipc.errors import ProtocolError
from ipc.frames import FrameReader, Limits, encode

log = logging.getLogger(__name__)

#: Pause of accepting after the system refused a connection, in seconds.
ACCEPT_PAUSE = 1.0
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


def nothing() -> None:
    """Do nothing; the default of hooks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How much a peer may take of us."""

    request_timeout: float = 5.0  #: seconds for the whole request to arrive
    reply_timeout: float = 5.0  #: seconds for the reply to leave
    connections: int = 500  #: open at one time
    memory: int = 256 << 20  #: bytes of requests in hand, of all connections together
    limits: Limits = field(default_factory=Limits)
    before_reply: Callable[[], None] = nothing
    after_reply: Callable[[], None] = nothing


class TelegramServer:
    """Accepts connections on given sockets and answers one request on each."""

    def __init__(self, handler: Handler, settings: ServerSettings | None = None) -> None:
        """Prepare; `start` begins to accept."""
        self.handler = handler
        self.settings = settings or ServerSettings()
        self.served = 0  #: replies and endings so far
        self.held = 0  #: bytes of requests in hand
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._open: set[_Exchange] = set()
        self._pending = 0
        self._connecting: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._stopping = False
        self._all_done = asyncio.Event()

    @property
    def connections(self) -> int:
        """Return the number of connections that are open now."""
        return len(self._open) + self._pending

    def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept on listening sockets; they stay the caller's."""
        self._sockets = list(sockets)
        for listener in self._sockets:
            listener.setblocking(False)
        self._resume()

    async def stop(self, grace: float) -> None:
        """Accept no more, let exchanges in hand end for `grace` seconds, reset the others."""
        self._stopping = True
        self._pause()
        for exchange in list(self._open):
            exchange.give_up_if_idle()
        if self.connections:
            self._all_done.clear()
            try:
                async with asyncio.timeout(grace):
                    await self._all_done.wait()
            except TimeoutError:
                for exchange in list(self._open):
                    exchange.finish(Ending.RESET)

    def opened(self, exchange: _Exchange) -> None:
        """Note a connection that begins (called by it)."""
        self._open.add(exchange)
        self._pending -= 1

    def ended(self, exchange: _Exchange) -> None:
        """Note a connection that is gone (called by it)."""
        self._open.discard(exchange)
        self.served += 1
        self._resume()
        if not self.connections:
            self._all_done.set()

    def _resume(self) -> None:
        if self._accepting or self._stopping or self.connections >= self.settings.connections:
            return
        self._accepting = True
        for listener in self._sockets:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _pause(self) -> None:
        self._accepting = False
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())

    def _accept(self, listener: socket.socket) -> None:
        """Take one connection; another process may have been faster."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            log.warning("cannot accept a connection: %s", error)
            self._pause()
            self._loop.call_later(ACCEPT_PAUSE, self._resume)
            return
        connection.setblocking(False)
        self._pending += 1
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        if self.connections >= self.settings.connections:
            self._pause()

    async def _connect(self, connection: socket.socket) -> None:
        exchange = _Exchange(self)
        try:
            await self._loop.connect_accepted_socket(lambda: exchange, connection)
        except OSError as error:
            log.warning("connection lost while it began: %s", error)
            if not exchange.began:
                self._pending -= 1


class _Exchange(asyncio.Protocol):
    """One connection: read a request, call the handler, write the reply, close."""

    def __init__(self, server: TelegramServer) -> None:
        self._server = server
        self._settings = server.settings
        self._reader = FrameReader(server.settings.limits)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._peer = Peer("", 0)
        self._held = 0
        self.began = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = transport.get_extra_info("peername") or ("", 0)
        self._peer = Peer(plain_address(str(name[0])), int(name[1]))
        self.began = True
        self._server.opened(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._settings.request_timeout, self._request_late)

    def data_received(self, data: bytes) -> None:
        if self._task is not None:
            return
        self._reader.feed(data)
        self._count(self._reader.received)
        if self._server.held > self._settings.memory:
            log.warning("request from %s refused: too much has arrived", self._peer.address)
            self.finish(Ending.RESET)
            return
        self._look()

    def eof_received(self) -> bool:
        if self._task is None:
            self._reader.end()
            self._look()
            if self._task is None:
                self.finish(Ending.CLOSE)
        return True  # a peer that half-closes after its request is still served

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._count(0)
        self._transport = None
        self._server.ended(self)

    def give_up_if_idle(self) -> None:
        """Reset a connection whose request has not arrived."""
        if self._task is None:
            self.finish(Ending.RESET)

    def finish(self, answer: Answer) -> None:
        """Send the reply, if it is one, and end the connection."""
        transport = self._transport
        if transport is None:
            return
        self._stop_timer()
        if answer is Ending.RESET:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            transport.abort()
            return
        if isinstance(answer, bytes):
            transport.write(encode(answer))
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._settings.reply_timeout, transport.abort)
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
            return
        self._stop_timer()
        if not payload:
            self.finish(Ending.CLOSE)
            return
        self._task = asyncio.get_running_loop().create_task(self._answer(payload))

    async def _answer(self, payload: bytes) -> None:
        try:
            answer = await self._server.handler(payload, self._peer)
        except Exception:
            log.exception("request from %s failed", self._peer.address)
            answer = Ending.RESET
        self._settings.before_reply()
        self.finish(answer)
        self._settings.after_reply()

    def _count(self, held: int) -> None:
        """Tell the server how many bytes are kept for this connection."""
        self._server.held += held - self._held
        self._held = held

    def _request_late(self) -> None:
        if self._reader.received:
            log.warning("request from %s did not arrive in time", self._peer.address)
        self.finish(Ending.RESET if self._reader.received else Ending.CLOSE)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def plain_address(address: str) -> str:
    """Return an IPv4 address that is mapped into IPv6 as IPv4, without a zone index."""
    plain = address.partition("%")[0]
    return plain[7:] if plain.startswith("::ffff:") and "." in plain else plain
