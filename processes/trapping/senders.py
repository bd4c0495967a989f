"""Finds whether a result comes from the host it names.

The peer's address is compared with the one the request was sent to and with the one the directory
has now; a host disabled since does not matter. Names are resolved in a small pool, remembered for a
minute, and waited for only briefly: the database thread must not hang on a name server.
"""

from __future__ import annotations

import socket
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from sqlalchemy import Connection

from jobarranger.clock import Clock
from jobarranger.directory import Directory
from jobarranger.flow.results import same_address

#: Seconds for which the addresses of a name are remembered.
REMEMBERED = 60.0
#: Seconds that one look-up may hold up the others.
PATIENCE = 1.0
#: Seconds after a look-up that took too long in which none is waited for.
IMPATIENT = 10.0
_MOST_NAMES = 10_000


class DirectorySenders:
    """Compares with the recorded and the present address."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        """Take present addresses from `directory`."""
        self._directory = directory
        self._clock = clock
        self._names: dict[str, tuple[float, Future[frozenset[str]]]] = {}
        self._impatient_until = float("-inf")
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="resolver")

    def is_host(
        self, conn: Connection, host_name: str, recorded: str | None, peer: str
    ) -> bool | None:
        """Return whether `peer` is the host; None if a name cannot be resolved now."""
        if recorded is not None and same_address(recorded, peer):
            return True
        host = self._directory.host(conn, host_name)
        wanted = {address for address in (recorded, host.address if host else None) if address}
        answers = [self._is_at(address, peer) for address in sorted(wanted)]
        if True in answers:
            return True
        return None if None in answers else False

    def close(self) -> None:
        """End the pool."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_at(self, address: str, peer: str) -> bool | None:
        """Compare one address or name; None if the name cannot be resolved now."""
        if _is_numeric(address):
            return same_address(address, peer)
        now = self._clock.monotonic()
        until, found = self._names.get(address, (0.0, None))
        if found is None or now >= until:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            found = self._pool.submit(_resolve, address)
            self._names[address] = (now + REMEMBERED, found)
        try:
            patience = PATIENCE if now >= self._impatient_until else 0.0
            return any(same_address(one, peer) for one in found.result(patience))
        except NotYet:
            if patience:
                self._impatient_until = now + IMPATIENT
            return None
        except (OSError, UnicodeError):
            self._names.pop(address, None)
            return None


def _resolve(name: str) -> frozenset[str]:
    return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None))


def _is_numeric(address: str) -> bool:
    try:
        return same_address(address, address)
    except ValueError:
        return False
