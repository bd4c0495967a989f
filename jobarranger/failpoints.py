"""Named places where a test may let a process die or stall.

Off unless the environment variable `JOBARG_FAILPOINTS` is set, e.g.
`trapper.before_reply=kill@3;run.claim=stall`: at the third passing of the first the process is
killed with SIGKILL; at the first passing of the second it stops (SIGSTOP). A directory in
`JOBARG_FAILPOINT_DIR` makes each entry act once only, over all processes and restarts: acting
creates the file named after the entry, and an existing file disarms it.
"""

from __future__ import annotations

import os
import signal

_SIGNALS = {"kill": signal.SIGKILL, "stall": signal.SIGSTOP}
_armed: dict[str, list[tuple[str, int]]] = {}
_passed: dict[str, int] = {}


def arm(text: str) -> None:
    """Arm the points listed in `text` (the form of `JOBARG_FAILPOINTS`)."""
    _armed.clear()
    _passed.clear()
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, action = entry.partition("=")
        what, _, count = action.partition("@")
        _armed.setdefault(name, []).append((what, int(count or 1)))


def failpoint(name: str) -> None:
    """Pass the point `name`; does nothing unless a test armed it."""
    if not _armed or name not in _armed:
        return
    _passed[name] = _passed.get(name, 0) + 1
    for what, count in _armed[name]:
        if _passed[name] == count and _first_time(f"{name}={what}@{count}"):
            os.kill(os.getpid(), _SIGNALS[what])


def _first_time(entry: str) -> bool:
    """Return whether the entry may still act (see the module's text on JOBARG_FAILPOINT_DIR)."""
    directory = os.environ.get("JOBARG_FAILPOINT_DIR")
    if not directory:
        return True
    try:
        os.close(os.open(os.path.join(directory, entry), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


arm(os.environ.get("JOBARG_FAILPOINTS", ""))
