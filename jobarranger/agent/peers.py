"""Who may give orders: the entries of `Server`, as addresses, networks and names.

Names are resolved off the event loop, all their addresses count, and what was found is used for a
while; an address that does not match makes the names be looked up again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from ipc.server import plain_address
from jobarranger.clock import Clock

#: How long resolved names are believed.
RESOLVED_SECONDS = 60.0
#: Unknown callers make us resolve again at most this often.
AGAIN_SECONDS = 1.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Peers:
    """The allowed servers."""

    def __init__(self, entries: Sequence[str], clock: Clock) -> None:
        """Sort the entries into networks (an address is one of one host) and names."""
        self._clock = clock
        self._networks: list[Network] = []
        self._names: list[str] = []
        self._resolved: set[str] = set()
        self._resolved_at: float | None = None
        #: where results can be sent besides their own server: all entries but real networks
        self.destinations: list[str] = []
        for entry in filter(None, (each.strip() for each in entries)):
            network = _network(entry)
            if network is None:
                self._names.append(entry)
            else:
                self._networks.append(network)
            if network is None or network.num_addresses == 1:
                self.destinations.append(entry.partition("/")[0])

    async def allowed(self, address: str) -> bool:
        """Tell whether a caller with this numeric address may give orders."""
        try:
            numeric = ipaddress.ip_address(plain_address(address))
        except ValueError:
            return False
        if any(numeric in network for network in self._networks):
            return True
        if not self._names:
            return False
        if str(numeric) in self._resolved and not self._older_than(RESOLVED_SECONDS):
            return True
        if self._older_than(AGAIN_SECONDS):
            await self._resolve()
        return str(numeric) in self._resolved

    def _older_than(self, seconds: float) -> bool:
        at = self._resolved_at
        return at is None or self._clock.monotonic() - at > seconds

    async def _resolve(self) -> None:
        self._resolved_at = self._clock.monotonic()
        found = await asyncio.gather(*(asyncio.to_thread(_addresses, name) for name in self._names))
        self._resolved = set().union(*found)


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _addresses(name: str) -> set[str]:
    try:
        infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {plain_address(str(info[4][0])) for info in infos}
