"""What can go wrong when a process becomes a daemon."""

from __future__ import annotations

from jobarranger.errors import JobArrangerError


class DaemonError(JobArrangerError):
    """The process cannot become a daemon: names the file or user and the reason."""
