"""What can go wrong on the wire. The package stands alone, so it has its own small tree."""

from __future__ import annotations


class WireError(Exception):
    """Root of the errors of this package; the text is one line for people.

    Attributes:
        timed_out: a time limit ended the exchange.
    """

    timed_out = False


class ProtocolError(WireError):
    """A frame or telegram cannot be understood.

    The text names keys and lengths only: requests carry passwords, so they are never quoted.
    """


class FrameTooLarge(ProtocolError):
    """A frame announces more bytes than its limit allows."""


class ShapeTooLarge(ProtocolError):
    """A text would become more than is taken: it nests too deep or has too many parts."""


class NotConnected(WireError):
    """The connection could not be made: not one byte of the request has left."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        """Keep what is known about the failure."""
        super().__init__(text)
        self.timed_out = timed_out


class NoAnswer(WireError):
    """The request was sent, at least in part, and no complete reply came: the outcome is unknown.

    Attributes:
        received: bytes of the reply that did arrive.
        closed: the peer closed in good order (as an agent does that refuses our address);
            False after a time-out or a reset.
    """

    def __init__(
        self, text: str, *, received: int = 0, closed: bool = False, timed_out: bool = False
    ) -> None:
        """Keep what is known about the failure."""
        super().__init__(text)
        self.received = received
        self.closed = closed
        self.timed_out = timed_out
