"""A proxy before a database that loses the answers to some commits."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.proxy import Proxy


class LosingProxy(Proxy):
    """Carries every commit out, but closes the connection instead of answering some of them."""

    def __init__(self, target: int, commit: bytes, every: int) -> None:
        """Lose each `every`th answer to `commit`, over all connections; none before `begin`."""
        self._commit = commit
        self._every = every
        self._commits = 0
        self._on = False
        self._counting = threading.Lock()
        super().__init__(target)

    def begin(self) -> None:
        """Lose answers from now on."""
        self._on = True

    def end(self) -> None:
        """Lose no more."""
        self._on = False

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                if self._on and chunk.endswith(self._commit) and self._unlucky():
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)  # first: the answer finds nobody
                    server.sendall(chunk)
                    server.settimeout(2.0)
                    server.recv(65536)  # it has been carried out
                    break
                server.sendall(chunk)
        for sock in (client, server):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _unlucky(self) -> bool:
        with self._counting:
            self._commits += 1
            return self._commits % self._every == 0
