"""Memory that large requests took goes back to the system when they are over.

Left alone, the C library keeps a freed block of megabytes for the next one, and pieces of it for
small things, so that a process stays as large as it has ever been.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
#: Blocks from this many bytes on are taken from the system one by one, and given back so.
LARGE = 128 << 10


def return_large_blocks() -> None:
    """Let this process give large blocks back, where its C library can be set so."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE)
