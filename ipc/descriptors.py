"""How many connections may stand at the door: as many as open files allow."""

from __future__ import annotations

import resource
from contextlib import suppress

#: Connections at the door at least and at most, whatever the system allows.
NARROWEST, WIDEST = 64, 4096
#: Part of the open files that are not needed for places.
_SHARE = 2


def allow_most() -> None:
    """Allow this process as many open files as it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def door_for(places: int) -> int:
    """Return how many connections may stand at the door beside so many places."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WIDEST
    return max(NARROWEST, min(WIDEST, (soft - places) // _SHARE))
