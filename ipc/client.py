"""The asking side of an exchange: connect, send one frame, read one frame, close.

`exchange` is for asyncio processes, `ipc.blocking.exchange_sync` for commands. Both distinguish
what a sender must know: `NotConnected` (no byte has left, it may be tried again) and `NoAnswer`
(the peer may have acted). The reply is returned as bytes; it is not judged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ipc.blocking import Reply, not_connected
from ipc.errors import NoAnswer, ProtocolError
from ipc.frames import FrameLimits, FrameReader, encode
from ipc.resolver import Resolver


async def exchange(
    address: str,
    port: int,
    payload: bytes,
    *,
    source: str | None = None,
    connect_timeout: float = 5.0,
    reply_timeout: float = 20.0,
    limits: FrameLimits | None = None,
    resolver: Resolver | None = None,
) -> Reply:
    """Send one request and return its reply.

    Args:
        address: numeric address or name, IPv4 or IPv6; all addresses of a name are tried.
        port: TCP port.
        payload: the request without its frame.
        source: own numeric address to connect from.
        connect_timeout: seconds to resolve and connect.
        reply_timeout: seconds to send the request and receive the whole reply.
        limits: the longest reply that is taken.
        resolver: looks names up; who connects to many hosts keeps one for all.

    Raises:
        NotConnected: no byte has been sent.
        NoAnswer: the request went out and no complete reply came.
    """
    try:
        transport, asking = await _connect(
            resolver or Resolver(),
            (address, port),
            lambda: _Asking(limits or FrameLimits()),
            source=source,
            until=asyncio.get_running_loop().time() + connect_timeout,
        )
    except (OSError, ValueError) as error:
        raise not_connected(address, port, error) from error
    try:
        async with asyncio.timeout(reply_timeout):
            name = transport.get_extra_info("peername") or (address, port)
            transport.write(encode(payload))
            return Reply(await asking.reply, str(name[0]))
    except TimeoutError:
        text = f"no reply from {address}:{port} within {reply_timeout:g} s"
        raise NoAnswer(text, received=asking.reader.received, timed_out=True) from None
    finally:
        transport.abort()  # the reply is complete, or nothing more is wanted


async def _connect(
    resolver: Resolver,
    place: tuple[str, int],
    make: Callable[[], _Asking],
    *,
    source: str | None,
    until: float,
) -> tuple[asyncio.Transport, _Asking]:
    """Connect to the first address that answers; each gets its share of the time that is left.

    Raises:
        OSError: none does, or the name is not known; ValueError: it cannot be a name.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout_at(until):
        found = await resolver.addresses(*place)
    local = (source, 0) if source else None
    for number, (family, _, _, _, target) in enumerate(found):
        share = (until - loop.time()) / (len(found) - number)
        try:
            async with asyncio.timeout(share):
                return await loop.create_connection(
                    make, target[0], target[1], family=family, local_addr=local
                )
        except OSError as error:
            failure = error
    raise failure


class _Asking(asyncio.Protocol):
    """Waits for one frame."""

    def __init__(self, limits: FrameLimits) -> None:
        self.reader = FrameReader(limits, plain=False)
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if self.reply.done():
            return
        self.reader.feed(data)
        try:
            payload = self.reader.next()
        except ProtocolError as error:
            self._fail(str(error))
            return
        if payload is not None:
            self.reply.set_result(payload)

    def eof_received(self) -> bool:
        self._fail("connection closed without a complete reply", closed=True)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}" if exc else "connection lost")

    def _fail(self, text: str, *, closed: bool = False) -> None:
        if not self.reply.done():
            error = NoAnswer(text, received=self.reader.received, closed=closed)
            self.reply.set_exception(error)
            self.reply.exception()  # whoever asked may have given up just before
