"""What can go wrong between a client and its server: one root, one class for each kind of answer.

ClientError
RequestRefused      the server has understood and says no
ServerUnreachable   no connection, or no answer
BadAnswer           an answer that makes no sense
StillRunning        only from `wait`: its time is over before the run's
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobarranger.errors import JobArrangerError

if TYPE_CHECKING:
    from jobarranger.client.status import RunStatus


class ClientError(JobArrangerError):
    """Root of the errors of this package; the text is one line for people."""


class RequestRefused(ClientError):
    """The server refuses the request; nothing has been done.

    Attributes:
        message: the server's words.
    """

    def __init__(self, message: str) -> None:
        """Keep the server's words."""
        super().__init__(f"the server refuses the request: message [{message}]")
        self.message = message


class ServerUnreachable(ClientError):
    """The server could not be reached, or it gave no complete answer.

    Attributes:
        sent: the request went out, at least in part, so the server may have acted on it.
        timed_out: the time limit ended it.
    """

    def __init__(self, text: str, *, sent: bool, timed_out: bool) -> None:
        """Keep what is known about the failure."""
        super().__init__(text)
        self.sent = sent
        self.timed_out = timed_out


class BadAnswer(ClientError):
    """The server's answer cannot be understood; whether it has acted is not known."""


class StillRunning(ClientError):
    """A run has not ended within the time that was given.

    Attributes:
        status: what was last seen; None if the server could not be reached at all.
    """

    def __init__(self, number: int | str, seconds: float, status: RunStatus | None) -> None:
        """Keep what was last seen."""
        super().__init__(f"run {number} has not ended within {seconds:g} s")
        self.status = status
