"""The asking side of an exchange for commands and client programs: one thread, no event loop.

The rules are those of `ipc.client`; this module stands alone because commands are started often and
should not load an event loop.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ipc.errors import NoAnswer, NotConnected, ProtocolError
from ipc.frames import FrameLimits, FrameReader, encode

#: One answer of `getaddrinfo`.
_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    payload: bytes
    address: str  #: numeric address that was connected to


def exchange_sync(
    address: str,
    port: int,
    payload: bytes,
    *,
    source: str | None = None,
    timeout: float = 60.0,
    limits: FrameLimits | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Reply:
    """Send one request and return its reply, within `timeout` seconds for everything.

    Raises:
        NotConnected: no byte has been sent.
        NoAnswer: the request went out and no complete reply came.
    """
    deadline = _Deadline(monotonic, timeout)
    connection = _connect(address, port, source, deadline)
    with contextlib.closing(connection):
        reader = FrameReader(limits or FrameLimits(), plain=False)
        try:
            deadline.allow(connection)
            connection.sendall(encode(payload))
            return Reply(_receive(connection, reader, deadline), str(connection.getpeername()[0]))
        except TimeoutError:
            text = f"no reply from {address}:{port} within {timeout:g} s"
            raise NoAnswer(text, received=reader.received, timed_out=True) from None
        except (OSError, ProtocolError) as error:
            raise NoAnswer(str(error), received=reader.received) from error


def _connect(address: str, port: int, source: str | None, deadline: _Deadline) -> socket.socket:
    """Connect to the first address that answers; each gets its share of the time that is left.

    Raises:
        NotConnected: none does.
    """
    try:
        found = _resolve(address, port, deadline)
    except (OSError, UnicodeError) as error:
        raise not_connected(address, port, error) from error
    for number, (family, kind, protocol, _, target) in enumerate(found):
        connection = socket.socket(family, kind, protocol)
        try:
            deadline.allow(connection, 1 / (len(found) - number))
            if source:
                connection.bind((source, 0))
            connection.connect(target)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise not_connected(address, port, failure) from failure


def _resolve(address: str, port: int, deadline: _Deadline) -> Sequence[_Address]:
    """Return all addresses of a name.

    A resolver knows neither deadlines nor signals, so names are looked up in a thread that
    is left alone when the time is over.
    """
    if not address:
        raise OSError("the address is empty")
    with contextlib.suppress(socket.gaierror):
        flags = socket.AI_NUMERICHOST
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)
    outcome: list[Sequence[_Address] | OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            outcome.append(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            outcome.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.rest())
    if not outcome:
        raise TimeoutError("the name could not be resolved in time")
    if isinstance(outcome[0], (OSError, UnicodeError)):
        raise outcome[0]
    return outcome[0]


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

    def rest(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        rest = self._end - self._monotonic()
        if rest <= 0:
            raise TimeoutError
        return rest

    def allow(self, connection: socket.socket, share: float = 1.0) -> None:
        """Allow the next call on `connection` a share of what is left of the whole."""
        connection.settimeout(self.rest() * share)


def not_connected(address: str, port: int, error: BaseException) -> NotConnected:
    """Return the error that shows why there is no connection."""
    reason = str(error) or "time-out"
    text = f"cannot connect to {address}:{port}: {reason}"
    timed_out = isinstance(error, TimeoutError)
    return NotConnected(text, timed_out=timed_out)
