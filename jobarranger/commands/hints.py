"""CollectedHints of a command to the children of the server on the same machine.

They find what a command has changed by their sweeps; a hint spares them the wait. It is sent when
the command is over, and only if the server's runtime directory is here and may be entered.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobarranger.config import ServerConfig
from jobarranger.wakes import Role, Wake

#: Longest wait at the end of a command for a child to take its hint (ms).
LINGER_MS = 200


def receivers(config: ServerConfig) -> dict[Role, int]:
    """Return how many children there are of the roles that commands have hints for."""
    return {
        Role.LOADER: 1,
        Role.BOOT: 1,
        Role.RUN: config.ja_start_runs,
        Role.EXECUTOR: config.ja_start_executors,
    }


class CollectedHints:
    """Collects the wakes of committed transactions, and sends them at the end."""

    def __init__(self, config: ServerConfig) -> None:
        """Have nothing to send."""
        self._config = config
        self._wakes: list[Wake] = []

    def __call__(self, wakes: Sequence[Wake]) -> None:
        """Keep wakes; what `Database` calls after a commit."""
        self._wakes += wakes

    def send(self) -> None:
        """Send what was collected, if there is a server; lost hints harm nobody."""
        if not self._wakes or not self._is_server_here():
            return
        from ipc.queues import Sender
        from jobarranger.hint_sender import HintSender

        sender = Sender(self._config.ja_runtime_dir)
        HintSender(sender, receivers(self._config))(self._wakes)
        sender.close(LINGER_MS)

    def _is_server_here(self) -> bool:
        """Return whether children have queues that we may reach."""
        try:
            return any(self._config.ja_runtime_dir.glob("*.q"))
        except OSError:
            return False
