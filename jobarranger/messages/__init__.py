"""Messages for operators: each has an id, a kind, a wording, and may be notified.

    from jobarranger import messages as m
    m.log_message(m.JASERVER000004, number=3, role="run", process_number=1)

`render` fills a message in, `log_message` also writes the log line `[id] text`. All messages are
declared in `catalogue`; the file named by `JaLogMessageFile` (`use`) changes kind, notification and
wording while the daemon runs. Passwords and the bodies of telegrams never become fields.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from jobarranger import logs
from jobarranger.messages.catalogue import *  # noqa: F403
from jobarranger.messages.edits import Edits
from jobarranger.messages.model import Kind as Kind
from jobarranger.messages.model import Message as Message
from jobarranger.messages.model import Raised as Raised
from jobarranger.messages.model import fill
from jobarranger.messages.outside import OUTSIDE

_log = logging.getLogger(__name__)
_current = [Edits()]


def use(path: Path | None) -> None:
    """Take edits from this catalogue file from now on; a file that is missing edits nothing."""
    _current[0] = Edits(path)


def render(message: Message, /, **fields: object) -> Raised:
    """Return the message with its fields filled in, as it is to be raised now."""
    edit = _current[0].of(message)
    known = {"function": __package__, **fields}
    return Raised(message.id, edit.kind, edit.notify, fill(edit.text, message, known))


def log_message(message: Message, /, **fields: object) -> Raised:
    """Fill the message in and write its log line."""
    raised = render(message, **fields)
    _write(raised)
    return raised


def write_all(raised: Iterable[Raised]) -> None:
    """Write the log lines of messages that were rendered earlier, in a transaction as a rule."""
    for one in raised:
        _write(one)


def _write(raised: Raised) -> None:
    kind = raised.id if raised.id in OUTSIDE else None
    _log.log(raised.kind.level, "%s", raised.line, extra=logs.kept_as(kind))
