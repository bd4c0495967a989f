"""A TCP proxy that can cut a connection at a chosen moment.

It stands between a database and its client. `cut_before(word)` loses the first request that holds
the word; `cut_after(word)` lets the server carry it out and loses the answer.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Forwards connections from `port` to `target` until asked to cut."""

    def __init__(self, target: int) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._word: bytes | None = None
        self._forward = False
        self.cuts = 0
        self.trips = 0  #: times that a client had an answer and asked again
        self._answered = True
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut_before(self, word: bytes) -> None:
        """Lose the next request that holds `word`."""
        self._forward, self._word = False, word

    def cut_after(self, word: bytes) -> None:
        """Lose the answer to the next request that holds `word`."""
        self._forward, self._word = True, word

    def close(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        for sock in self._open:
            _close(sock)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for work in (self._requests, self._answers):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        """Forward what the client says, until it is to be cut."""
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                self.trips += self._answered
                self._answered = False
                if self._word is not None and self._word in chunk:
                    forward, self._word = self._forward, None
                    self.cuts += 1
                    if forward:
                        _close(client)  # first: the answer finds nobody
                        server.sendall(chunk)
                        server.recv(65536)  # it has been carried out
                    break
                server.sendall(chunk)
        _close(client)
        _close(server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := server.recv(65536):
                self._answered = True
                client.sendall(chunk)
        _close(client)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
