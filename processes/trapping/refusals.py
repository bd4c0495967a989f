"""A request that is answered with a reason instead of what was asked for."""

from __future__ import annotations

import logging
from typing import Self

from jobarranger import messages as m
from jobarranger.errors import JobArrangerError
from jobarranger.messages import Message

log = logging.getLogger(__name__)


class Refused(JobArrangerError):
    """The request is refused; the text is for the asking person.

    Neither text nor log line quotes the request: it holds a password.

    Attributes:
        reported: the message for the log, or None if the reply alone is enough.
        fields: of the message.
        listed: the reply carries its list, empty, beside the text.
    """

    def __init__(self, text: str, reported: Message | None = None, /, **fields: object) -> None:
        """Keep the text of the reply, and the message for the log with its fields."""
        super().__init__(text)
        self.reported = reported
        self.fields = fields
        self.listed = False

    def with_list(self) -> Self:
        """Mark the reply as one with an empty list in it, and return the error."""
        self.listed = True
        return self


#: The one reply to a wrong password, an unknown or disabled user, and to a start of a jobnet that
#: does not exist or may not be used.
NOT_AUTHENTICATED = "authentication failure"

#: The one reply when too many log-ins wait, whoever asks.
TOO_MANY = "too many attempts; try again later"
#: The one reply to a run that does not exist and to one that the user may not use.
NO_SUCH_RUN = "there is no run with this registry number"

#: Characters of one thing from outside in a log line.
_QUOTED = 100


def report(refused: Refused, address: str) -> None:
    """Write the one log line of a refusal; the request itself is never in it."""
    if refused.reported is None:
        log.info("request from %s refused: %.200s", address, refused)
        return
    fields = {key: _cut(value) for key, value in refused.fields.items()}
    raised = m.render(refused.reported, **fields)
    log.log(raised.kind.level, "%.500s (from %s)", raised.line, address)


def _cut(value: object) -> object:
    return value[:_QUOTED] if isinstance(value, str) else value
