"""Which signals the parent and its children listen to, and how a child takes over after a fork."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from jobarranger.daemon.signals import STOPPING, Signals

__all__ = ["PARENT_SIGNALS", "STOPPING", "Signals", "child_signals", "held_back"]

#: What the parent listens to.
PARENT_SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGCHLD,
)
#: What a child listens to.
CHILD_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
#: What a child leaves to its parent: a terminal sends these to the whole group.
CHILD_IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold back all signals, so that none falls between a fork and the child's own set-up."""
    before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def child_signals() -> Signals:
    """Set up the signals of a freshly forked child and let them through."""
    for number in CHILD_IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mine = Signals(CHILD_SIGNALS)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return mine
