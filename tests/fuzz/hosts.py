"""Hosts that are ill: frozen ones take a connection and never answer, dead ones not even that.

They are sockets of this process and need no thread: a frozen host's connections wait in its
backlog, as with a stopped agent; a dead host's backlog is full, so the system drops what comes, as
if nobody were there.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import insert

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.states import AgentKind
from tests.fuzz.crowd import allow_files
from tests.fuzz.site import FuzzSite

#: Connections that wait for a frozen host.
BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host as the server knows it."""

    name: str
    address: str
    port: int


@contextmanager
def frozen(count: int) -> Iterator[list[Host]]:
    """Give so many hosts whose agents stand still."""
    with ExitStack() as stack:
        hosts = []
        for number in range(count):
            address = f"127.3.0.{number + 2}"
            listener = stack.enter_context(_listener(address, BACKLOG))
            hosts.append(_host(f"frozen{number}", listener))
        yield hosts


@contextmanager
def dead(count: int) -> Iterator[list[Host]]:
    """Give so many hosts that cannot be reached: a connection to them is never made."""
    allow_files(2 * count)
    with ExitStack() as stack:
        hosts = []
        for number in range(count):
            address = f"127.4.{number // 200}.{number % 200 + 2}"
            listener = stack.enter_context(_listener(address, 0))
            hosts.append(_host(f"dead{number}", listener))
            filler = stack.enter_context(socket.socket())
            filler.connect(listener.getsockname())
        yield hosts


def register(site: FuzzSite, hosts: list[Host]) -> None:
    """Add hosts to the server, as if their agents had been well before: ours may take more."""
    rows = [
        {"host_name": one.name, "address": one.address, "port": one.port, "enabled": 1}
        for one in hosts
    ]
    seen = [
        {"host_name": one.name, "agent_kind": AgentKind.OURS, "version": "3.1", "seen_at": 0}
        for one in hosts
    ]

    def work(unit: Unit) -> None:
        unit.execute(insert(t.ext_host), rows)
        unit.execute(insert(t.ext_agent), seen)

    site.db.transaction(work)


def jobnet(name: str, hosts: list[Host], jobs: int) -> str:
    """Return a jobnet that wants `jobs` jobs of each host, all at once."""
    icons = {f"J{n}-{host.name}": host.name for host in hosts for n in range(jobs)}
    text = "\n".join(
        f"  {icon}: {{type: job, host: {host}, command: 'true'}}" for icon, host in icons.items()
    )
    flows = "\n".join(f"  - FORK -> {icon} -> JOIN" for icon in icons)
    return f"""
jobnet: {name}
name: Jobs for hosts that are ill
icons:
  START: {{type: start}}
  FORK: {{type: parallel-start}}
{text}
  JOIN: {{type: parallel-end}}
  END-1: {{type: end}}
flows:
  - START -> FORK
  - JOIN -> END-1
{flows}
"""


def _listener(address: str, backlog: int) -> socket.socket:
    listener = socket.socket()
    listener.bind((address, 0))
    listener.listen(backlog)
    return listener


def _host(name: str, listener: socket.socket) -> Host:
    address, port = listener.getsockname()
    return Host(name=name, address=address, port=port)
