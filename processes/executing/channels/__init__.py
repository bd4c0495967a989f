"""How requests get out: one module for each channel, all with the same two questions.

Only requests to agents are sent in this release (`states.Channel`).
"""

from __future__ import annotations

from typing import Protocol

from jobarranger.requests.request import Request
from jobarranger.requests.steps import Event


class RequestCarrier(Protocol):
    """Carries requests. Whatever goes wrong on the way is an event, never an exception."""

    async def send(self, request: Request) -> Event:
        """Send a request, and return what came of it."""

    async def query(self, request: Request) -> Event:
        """Ask how far a request is, or whether anybody answers at all; does no harm."""
