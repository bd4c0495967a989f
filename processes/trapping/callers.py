"""Who counts as one caller when turns are given. Pure."""

from __future__ import annotations

import ipaddress


def lane_of(peer: str) -> str:
    """Return the lane of a peer: its IPv4 address, or its IPv6 network of 64 bits.

    Whoever has one IPv6 address has all of its network.
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "?"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))
