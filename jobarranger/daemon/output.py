"""Where standard output and error of a daemon's processes go: into the log file.

Whatever a library, an interpreter crash or a started program writes there is found in the log.
After the log file has been renamed both are pointed at the new one, together with the log itself.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from jobarranger import logs

_target: str | None = None  # None: left as they were (foreground)


def redirect(path: str | None) -> None:
    """Point standard output and error at the file `path`, or at nothing for None."""
    global _target  # noqa: PLW0603 - a process has one standard output
    _target = path or os.devnull
    _point()


def reopen() -> None:
    """Open the log anew, and with it standard output and error if they go there."""
    logs.reopen()
    with suppress(OSError):
        _point()


def _point() -> None:
    if _target is None:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = logs.open_log(_target)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
