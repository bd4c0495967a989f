"""The asking side of an exchange: connect, send one frame, read one frame, close.

`exchange` is for the server's asyncio processes, `exchange_sync` for commands. Both tell apart
what a sender must know: `NotConnected` (no byte has left, it may be tried again) and `NoAnswer`
(the peer may have acted). The reply is returned as bytes; it is not judged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from ipc.errors import NoAnswer, NotConnected, ProtocolError
from ipc.frames import FrameReader, Limits, encode


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    payload: bytes
    address: str  #: numeric address that was connected to


async def exchange(
    address: str,
    port: int,
    payload: bytes,
    *,
    source: str | None = None,
    connect_timeout: float = 5.0,
    reply_timeout: float = 20.0,
    limits: Limits | None = None,
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

    Raises:
        NotConnected: no byte has been sent.
        NoAnswer: the request went out and no complete reply came.
    """
    loop = asyncio.get_running_loop()
    local = (source, 0) if source else None
    try:
        async with asyncio.timeout(connect_timeout):
            transport, asking = await loop.create_connection(
                lambda: _Asking(limits or Limits()), address, port, local_addr=local
            )
    except (OSError, UnicodeError) as error:
        raise NotConnected(_cannot_connect(address, port, error)) from error
    try:
        async with asyncio.timeout(reply_timeout):
            name = transport.get_extra_info("peername") or (address, port)
            transport.write(encode(payload))
            return Reply(await asking.reply, str(name[0]))
    except TimeoutError:
        text = f"no reply from {address}:{port} within {reply_timeout:g} s"
        raise NoAnswer(text, received=asking.reader.received) from None
    finally:
        transport.abort()  # the reply is complete, or nothing more is wanted


class _Asking(asyncio.Protocol):
    """Waits for one frame."""

    def __init__(self, limits: Limits) -> None:
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


def exchange_sync(
    address: str,
    port: int,
    payload: bytes,
    *,
    source: str | None = None,
    timeout: float = 60.0,
    limits: Limits | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Reply:
    """Send one request and return its reply, within `timeout` seconds for everything.

    Raises:
        NotConnected: no byte has been sent.
        NoAnswer: the request went out and no complete reply came.
    """
    deadline = _Deadline(monotonic, timeout)
    local = (source, 0) if source else None
    try:
        connection = socket.create_connection((address, port), timeout, source_address=local)
    except (OSError, UnicodeError) as error:
        raise NotConnected(_cannot_connect(address, port, error)) from error
    with contextlib.closing(connection):
        reader = FrameReader(limits or Limits(), plain=False)
        try:
            deadline.allow(connection)
            connection.sendall(encode(payload))
            return Reply(_receive(connection, reader, deadline), str(connection.getpeername()[0]))
        except TimeoutError:
            text = f"no reply from {address}:{port} within {timeout:g} s"
            raise NoAnswer(text, received=reader.received) from None
        except (OSError, ProtocolError) as error:
            raise NoAnswer(str(error), received=reader.received) from error


def _receive(connection: socket.socket, reader: FrameReader, deadline: _Deadline) -> bytes:
    while (payload := reader.next()) is None:
        deadline.allow(connection)
        data = connection.recv(65536)
        if not data:
            text = "connection closed without a complete reply"
            raise NoAnswer(text, received=reader.received, closed=True)
        reader.feed(data)
    return payload


class _Deadline:
    """The end of an exchange, whatever its parts take."""

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def allow(self, connection: socket.socket) -> None:
        """Allow the next call on `connection` what is left of the whole."""
        rest = self._end - self._monotonic()
        if rest <= 0:
            raise TimeoutError
        connection.settimeout(rest)


def _cannot_connect(address: str, port: int, error: BaseException) -> str:
    reason = str(error) or "time-out"
    return f"cannot connect to {address}:{port}: {reason}"
