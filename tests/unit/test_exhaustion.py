"""A process that cannot work says so once and ends; passing trouble ends nothing."""

from __future__ import annotations

import errno
import logging

import pytest

from jobarranger.errors import DatabaseUnavailable
from processes.exhaustion import HelperDied, Listener, exhausted

log = logging.getLogger("processes.test")


def caused(error, cause):
    """Return an error with a cause."""
    error.__cause__ = cause
    return error


def during(error, context):
    """Return an error that came while another one was handled."""
    error.__context__ = context
    return error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (MemoryError(), "out of memory"),
        (caused(DatabaseUnavailable("x"), MemoryError()), "out of memory"),
        (during(ValueError("x"), during(KeyError("y"), MemoryError())), "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (RuntimeError("can't start new thread"), "no thread can be started"),
        (HelperDied("the resolver has died"), "the resolver has died"),
        (RuntimeError("anything else"), None),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (OSError(errno.EMFILE, "Too many open files"), None),
        (ValueError("x"), None),
    ],
)
def test_what_ends_a_process(error, what):
    """Memory and threads do, wherever in a chain they are; a full disk or an error of ours not."""
    assert exhausted(error) == what


def test_descriptors_count_at_the_start_only():
    """Later strangers may hold them for a while; a process that cannot begin will not be better."""
    error = OSError(errno.EMFILE, "Too many open files")
    assert exhausted(error, starting=True) == "no file descriptors left"


def test_a_chain_that_bites_its_tail_ends():
    """Errors that name each other as their cause are looked at once each."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert exhausted(one) is None


def test_what_is_only_logged_is_heard():
    """Wherever work is given up so that the next gets its turn, the log shows what was met."""
    heard: list[BaseException] = []
    memory = MemoryError()
    with Listener(heard.append):
        log.error("a request failed", exc_info=memory)
        log.error("a request failed", exc_info=ValueError("x"))
        log.error("a request failed")
    log.error("a request failed", exc_info=MemoryError())
    assert heard == [memory]
