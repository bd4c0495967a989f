"""Hints from process to process over ZeroMQ: "look at these ids".

The only module that knows ZeroMQ. A receiver binds one PULL socket, a sender keeps one PUSH socket
for each receiver it has ever spoken to. Nothing here ever waits: a full queue drops the hint and
counts it, since the receiver's sweep finds the same work a moment later. Sockets and contexts
are made after the fork, never before it.

ZeroMQ's descriptor is edge-triggered: it becomes readable when something happens inside the
socket and stays silent afterwards even though messages are left. Hence the one rule for
callers: call `drain` before each wait, and `drain` always reads until nothing is left.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import zmq

#: Messages that a queue holds before hints are dropped.
HIGH_WATER = 1000
#: Ids in one message at most; longer lists are cut into several messages.
IDS_PER_MESSAGE = 1000
#: Bytes of one message at most; a peer that sends more is disconnected.
MESSAGE_LIMIT = 64 << 10
#: Ids that one `drain` returns at most; what is beyond is dropped, like the hints of a full queue.
MOST_IDS = 10_000
#: A Unix socket's path may have this many bytes (Linux: 108 with the final zero).
PATH_LIMIT = 107
#: Milliseconds between attempts to reach a receiver that is not there: first and longest.
RECONNECT_MS, RECONNECT_MAX_MS = 20, 1000


#: What a key in the database can be.
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Hint(msgspec.Struct, array_like=True, frozen=True):
    """One hint: the receiver should look at `ids` (no ids: at everything)."""

    ids: Annotated[list[Id], msgspec.Meta(max_length=IDS_PER_MESSAGE)]


def queue_path(runtime_dir: Path, role: str, number: int) -> Path:
    """Return the socket file of receiver `role` #`number` (numbers begin with 1).

    Raises:
        ValueError: the path is too long for a Unix socket.
    """
    path = runtime_dir / f"{role}-{number}.q"
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        raise ValueError(f"socket path {path} has {length} bytes, more than {PATH_LIMIT}")
    return path


class Receiver:
    """The receiving end of one child's queue."""

    def __init__(self, runtime_dir: Path, role: str, number: int) -> None:
        path = queue_path(runtime_dir, role, number)
        self._path = path
        runtime_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.linger = 0
        self._socket.rcvhwm = HIGH_WATER
        self._socket.maxmsgsize = MESSAGE_LIMIT
        self._decode = msgspec.msgpack.Decoder(Hint).decode
        self.bad = 0  #: messages that could not be understood
        try:
            self._socket.bind(f"ipc://{path}")
        except zmq.ZMQError as error:
            self.close()
            raise OSError(error.errno, f"cannot bind {path}: {error}") from error

    def fileno(self) -> int:
        """Return the descriptor to wait on; wait only after `drain` (see the module's text)."""
        return int(self._socket.fd)

    def drain(self) -> set[int]:
        """Return the ids that have arrived, without waiting; `MOST_IDS` of them."""
        ids: set[int] = set()
        while True:
            try:
                message = self._socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                return ids
            try:
                hinted = self._decode(message).ids
            except msgspec.DecodeError:
                self.bad += 1
            else:
                if len(ids) + len(hinted) <= MOST_IDS:
                    ids.update(hinted)

    def mend(self) -> bool:
        """Make the socket's file again if somebody has removed it; return whether it was missing.

        Raises:
            OSError: it cannot be made; those who connect from now on reach nobody.
        """
        if self._path.exists():
            return False
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # what was bound before stays: giving it up would remove the new file a moment later
            self._socket.bind(f"ipc://{self._path}")
        except zmq.ZMQError as error:
            raise OSError(error.errno, f"cannot bind {self._path}: {error}") from error
        return True

    def close(self) -> None:
        """Give up the socket and remove its file."""
        self._socket.close(linger=0)
        self._context.term()
        self._path.unlink(missing_ok=True)


class Sender:
    """Sends hints to any receiver; usable from several threads."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._sockets: dict[tuple[str, int], zmq.Socket[bytes]] = {}
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self.sent = 0  #: messages handed to ZeroMQ
        self.drops = 0  #: messages dropped because a queue was full

    def send(self, role: str, number: int, ids: Iterable[int]) -> bool:
        """Send a hint without waiting; return whether all of it was taken."""
        wanted = list(ids)
        with self._lock:
            socket = self._sockets.get((role, number)) or self._connect(role, number)
            taken = [
                self._put(socket, wanted[start : start + IDS_PER_MESSAGE])
                for start in range(0, max(len(wanted), 1), IDS_PER_MESSAGE)
            ]
        return all(taken)

    def close(self, linger_ms: int = 0) -> None:
        """Give up all sockets; what is still queued after so many milliseconds is lost."""
        with self._lock:
            for socket in self._sockets.values():
                socket.close(linger=linger_ms)
            self._sockets.clear()
            if self._context is not None:
                self._context.term()
                self._context = None

    def _put(self, socket: zmq.Socket[bytes], ids: list[int]) -> bool:
        try:
            socket.send(self._encode(Hint(ids)), zmq.DONTWAIT)
        except zmq.Again:
            self.drops += 1
            return False
        self.sent += 1
        return True

    def _connect(self, role: str, number: int) -> zmq.Socket[bytes]:
        path = queue_path(self._runtime_dir, role, number)
        if self._context is None:
            self._context = zmq.Context()
        socket = self._context.socket(zmq.PUSH)
        socket.linger = 0
        socket.sndhwm = HIGH_WATER
        socket.reconnect_ivl = RECONNECT_MS
        socket.reconnect_ivl_max = RECONNECT_MAX_MS
        socket.connect(f"ipc://{path}")
        self._sockets[role, number] = socket
        return socket
