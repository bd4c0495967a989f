"""The trapper's listening sockets: bound by the parent, so a trapper may die and keep its port."""

from __future__ import annotations

import socket
from collections.abc import Sequence

#: Connections that may wait to be accepted; a full queue makes clients try again.
BACKLOG = 4096


def bind(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Return one non-blocking listening socket for each address; none given: all addresses.

    Raises:
        OSError: naming the address that cannot be bound.
    """
    if not addresses:
        return [_bind_all(port)]
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sockets.append(_bind(family, address, port))
    except OSError:
        for bound in sockets:
            bound.close()
        raise
    return sockets


def _bind_all(port: int) -> socket.socket:
    """Bind all addresses of both families with one socket if the system can, else IPv4's."""
    if socket.has_dualstack_ipv6():
        return _bind(socket.AF_INET6, "::", port, both=True)
    return _bind(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - that is what ListenIP unset means


def _bind(
    family: socket.AddressFamily, address: str, port: int, *, both: bool = False
) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{address} port {port}: {error.strerror}") from error
    return listener
