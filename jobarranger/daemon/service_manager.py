"""A word to the service manager (systemd's notify protocol), if there is one."""

from __future__ import annotations

import os

import sdnotify


class ServiceManager:
    """The service manager's socket; hidden from all that this process starts."""

    def __init__(self) -> None:
        """Take the socket's name out of the environment."""
        self._notifier = sdnotify.SystemdNotifier() if "NOTIFY_SOCKET" in os.environ else None
        os.environ.pop("NOTIFY_SOCKET", None)

    def ready(self) -> None:
        """Say that the daemon works."""
        self._notify("READY=1")

    def stopping(self) -> None:
        """Say that the daemon has begun to end."""
        self._notify("STOPPING=1")

    def _notify(self, state: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(state)
