"""Taking connections off a listening socket, and seeing off those that are not welcome."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress

from ipc.exchange import Peer

#: Connections taken in one turn of the loop: many, but others have their turn, too.
AT_ONCE = 100
#: Seconds for which a connection that was closed before its request is still listened to.
FAREWELL = 1.0
#: Connections that are seen off at one time; beyond it the oldest is forgotten at once.
MOST_FAREWELLS = 64
_READ_AT_ONCE = 64 << 10


def accept_some(listener: socket.socket) -> Iterator[tuple[socket.socket, Peer]]:
    """Give the connections that wait, up to `AT_ONCE`.

    Raises:
        OSError: the system refuses one, for want of descriptors as a rule.
    """
    for _ in range(AT_ONCE):
        try:
            connection, name = listener.accept()
        except BlockingIOError:
            return
        except (InterruptedError, ConnectionAbortedError):
            continue
        yield connection, Peer(plain_address(str(name[0])), int(name[1]))


def first_word(connection: socket.socket) -> bytes | None:
    """Return the next byte, which stays unread; None if there is none yet, empty at the end."""
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Farewells:
    """Closes connections so that the other end sees a clean close, even if it is sending.

    A socket that is closed with unread bytes in it resets its peer. So our half is closed first,
    what arrives is thrown away for a moment, and then all of it is closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure time with `loop`."""
        self._loop = loop
        self._leaving: dict[socket.socket, asyncio.TimerHandle] = {}

    def bid(self, connection: socket.socket) -> None:
        """Close a connection in good order."""
        connection.setblocking(False)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        self._leaving[connection] = self._loop.call_later(FAREWELL, self._close, connection)
        if len(self._leaving) > MOST_FAREWELLS:
            self._close(next(iter(self._leaving)))

    def close(self) -> None:
        """Close all that are left."""
        for connection in list(self._leaving):
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        self._leaving.pop(connection).cancel()
        with suppress(OSError):
            connection.recv(_READ_AT_ONCE)
        connection.close()


def plain_address(address: str) -> str:
    """Return an IPv4 address that is mapped into IPv6 as IPv4, without a zone index."""
    plain = address.partition("%")[0]
    return plain[7:] if plain.startswith("::ffff:") and "." in plain else plain
