"""Turns wakes into queue messages to the server's children after a commit.

An instance is what `Database` calls with the wakes of a committed transaction. A wake goes to
child number `slot % count + 1` of its role; children are numbered from 1 as in their titles.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ipc.queues import Sender
from jobarranger.wakes import Role, Wake

log = logging.getLogger(__name__)


class HintSender:
    """Sends wakes to the children that they concern."""

    def __init__(self, sender: Sender, counts: Mapping[Role, int]) -> None:
        self._sender = sender
        self._counts = counts

    def __call__(self, wakes: Sequence[Wake]) -> None:
        """Send `wakes`, those for one child as one message; never fails and never waits."""
        for (role, number), ids in self._sorted(wakes).items():
            try:
                self._sender.send(role.value, number, ids)
            except (OSError, ValueError):
                log.warning("a hint for %s #%s could not be sent", role, number, exc_info=True)

    def _sorted(self, wakes: Sequence[Wake]) -> dict[tuple[Role, int], dict[int, None]]:
        batches: dict[tuple[Role, int], dict[int, None]] = {}
        for wake in wakes:
            count = self._counts.get(wake.role, 0)
            if count:
                address = wake.role, wake.slot % count + 1
                batches.setdefault(address, {}).update(dict.fromkeys(wake.ids))
        return batches
