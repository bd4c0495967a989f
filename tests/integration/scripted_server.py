"""A peer that answers one connection after another by a script, also as no server ever would."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ipc.frames import HEADER, PREFIX_BYTES, encode

#: Beside bytes that are sent as they are.
CLOSE, RESET, SILENCE = "close", "reset", "silence"
#: What is done with one connection: bytes to send, then perhaps one of the words above.
Step = Sequence[bytes | str]


@dataclass
class Scripted:
    """The server's address, and what it was asked."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)  #: a request has come
    over: threading.Event = field(default_factory=threading.Event)

    def data(self, number: int = 0) -> Any:
        """Return the data of a request that came."""
        return json.loads(self.requests[number])["data"]


@contextmanager
def scripted(*steps: Step) -> Iterator[Scripted]:
    """Serve one connection for each step, then refuse."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Scripted(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, steps, server))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            with contextlib.suppress(OSError):  # it has refused since the last step
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listener: socket.socket, steps: Sequence[Step], server: Scripted) -> None:
    for step in steps:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            server.requests.append(_request(connection))
            server.asked.set()
            for part in step:
                if isinstance(part, bytes):
                    connection.sendall(part)
                elif part == SILENCE:
                    server.over.wait(10)
                elif part == RESET:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    listener.close()


def _request(connection: socket.socket) -> bytes:
    """Receive one frame."""
    received = b""
    while len(received) < PREFIX_BYTES or len(received) < PREFIX_BYTES + _length(received):
        received += connection.recv(65536)
    return received[PREFIX_BYTES:]


def _length(received: bytes) -> int:
    return int.from_bytes(received[len(HEADER) : PREFIX_BYTES], "little")


def reply(kind: str, data: object, **head: object) -> bytes:
    """Return the frame of a reply."""
    message = {"kind": kind, "version": 1, "serverid": "20240105101500123", "data": data} | head
    return encode(json.dumps(message, ensure_ascii=False).encode())
