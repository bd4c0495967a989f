"""The form in which messages are declared.

    JASERVER000006 = information("JASERVER000006 role number:int", "{role} #{number} has ended.")

The head names the id and the fields in their order; a field is text unless marked `:int`. What is
critical or an error notifies people, the rest does not, unless the declaration says otherwise.
"""

from __future__ import annotations

from jobarranger.messages.model import Kind, Message


def information(head: str, text: str, *, notify: bool = False) -> Message:
    """Declare something that happened as it should."""
    return _declare(Kind.INFORMATION, head, text, notify)


def critical(head: str, text: str, *, notify: bool = True) -> Message:
    """Declare what ends the daemon or keeps it from starting."""
    return _declare(Kind.CRITICAL, head, text, notify)


def error(head: str, text: str, *, notify: bool = True) -> Message:
    """Declare a failure that someone should look at."""
    return _declare(Kind.ERROR, head, text, notify)


def warning(head: str, text: str, *, notify: bool = False) -> Message:
    """Declare what may become a failure, or explains one."""
    return _declare(Kind.WARNING, head, text, notify)


def _declare(kind: Kind, head: str, text: str, notify: bool) -> Message:
    message_id, *names = head.split()
    fields: dict[str, type[int | str]] = {}
    for name in names:
        field, _, marked = name.partition(":")
        fields[field] = int if marked == "int" else str
    return Message(message_id, kind, notify, text, fields)
