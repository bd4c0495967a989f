"""When a process cannot work any more: it says so once and ends, and the parent pauses longer.

Out of memory, or unable to start a thread: whatever it tries next would fail as well, each time
with another traceback. Such errors are met anywhere, often where one piece of work is given up so
that the next gets its turn; all those places log what they have met, so that is where we listen.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from typing import Self

#: What the system says when it has no more to give.
_NOTHING_LEFT = frozenset({errno.ENOMEM})
#: At the start of a process these mean the same: it has opened next to nothing yet.
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})


class HelperDied(Exception):
    """A thread that this process cannot do without has ended."""


def exhausted(error: BaseException, *, starting: bool = False) -> str | None:
    """Return in words what a process has run out of, None if the error means something else.

    With `starting`, having no descriptors left counts: later, strangers may hold them for a while.
    """
    for one in _chain(error):
        if isinstance(one, MemoryError):
            return "out of memory"
        if isinstance(one, HelperDied):
            return str(one)
        if isinstance(one, RuntimeError) and "can't start new thread" in str(one):
            return "no thread can be started"
        if isinstance(one, OSError) and one.errno in _NOTHING_LEFT:
            return "out of memory"
        if starting and isinstance(one, OSError) and one.errno in _NO_DESCRIPTORS:
            return "no file descriptors left"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what caused it, each once."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


class Listener(logging.Handler):
    """Listens to the log for errors that mean that the process cannot work."""

    def __init__(self, heard: Callable[[BaseException], None]) -> None:
        """Call `heard`, on whatever thread logs it."""
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the error that a record brings, if it brings one."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and exhausted(error) is not None:
            self._heard(error)

    def __enter__(self) -> Self:
        """Begin to listen."""
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *raised: object) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self)
