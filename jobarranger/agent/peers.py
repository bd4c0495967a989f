"""Who may give orders: the entries of `Server`, as addresses, networks and names.

Callers are looked at before they have sent a byte, so the answer is there at once: names are looked
up in the background, all their addresses count, and what was found is used until there is a newer
answer. An address that is not known makes the names be looked up again, and has to come again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress

from ipc.server import plain_address
from jobarranger.clock import Clock

#: Seconds after which names are looked up again.
RESOLVED_SECONDS = 60.0
#: Unknown callers make us look up again at most this often.
AGAIN_SECONDS = 1.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class Peers:
    """The allowed servers."""

    def __init__(self, entries: Sequence[str], clock: Clock) -> None:
        """Sort the entries into networks (an address is one of one host) and names."""
        self._clock = clock
        self._networks: list[Network] = []
        self._resolved: dict[str, frozenset[str]] = {}
        self._resolved_at: float | None = None
        self._looking: asyncio.Task[None] | None = None
        #: where results can be sent besides their own server: all entries but real networks
        self.destinations: list[str] = []
        for entry in filter(None, (each.strip() for each in entries)):
            network = _network(entry)
            if network is None:
                self._resolved[entry] = frozenset()
            else:
                self._networks.append(network)
            if network is None or network.num_addresses == 1:
                self.destinations.append(entry.partition("/")[0])

    def allowed(self, address: str) -> bool:
        """Return whether a caller with this numeric address may give orders, as far as is known."""
        try:
            numeric = ipaddress.ip_address(plain_address(address))
        except ValueError:
            return False
        if any(numeric in network for network in self._networks):
            return True
        known = any(str(numeric) in found for found in self._resolved.values())
        self.keep_fresh(RESOLVED_SECONDS if known else AGAIN_SECONDS)
        return known

    def keep_fresh(self, seconds: float = RESOLVED_SECONDS) -> None:
        """Begin to look the names up if that was so many seconds ago."""
        if not self._resolved or self._looking is not None:
            return
        at = self._resolved_at
        if at is None or self._clock.monotonic() - at > seconds:
            self._looking = asyncio.ensure_future(self._look_up())

    async def settle(self, seconds: float) -> None:
        """Look the names up and wait for it, but not for longer than `seconds`."""
        self.keep_fresh()
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=seconds)

    def admits_this_host(self) -> bool:
        """Return whether programs on this host may give orders, as far as is known."""
        if any(mine.overlaps(one) for one in self._networks for mine in _loopback_like(one)):
            return True
        return any(
            ipaddress.ip_address(address).is_loopback
            for found in self._resolved.values()
            for address in found
        )

    async def _look_up(self) -> None:
        names = list(self._resolved)
        try:
            answers = await asyncio.gather(*(asyncio.to_thread(_addresses, one) for one in names))
            for name, found in zip(names, answers, strict=True):
                if found is not None:
                    self._resolved[name] = found
        finally:
            self._resolved_at = self._clock.monotonic()
            self._looking = None


def _loopback_like(network: Network) -> list[Network]:
    """Return the loopback networks of a network's family."""
    return [mine for mine in _LOOPBACK if mine.version == network.version]


def _network(entry: str) -> Network | None:
    with suppress(ValueError):
        return ipaddress.ip_network(entry, strict=False)
    return None


def _addresses(name: str) -> frozenset[str] | None:
    """Return the addresses of a name; None if the name servers cannot be asked now."""
    try:
        infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return None if getattr(error, "errno", 0) == socket.EAI_AGAIN else frozenset()
    return frozenset(plain_address(str(info[4][0])) for info in infos)
