"""The line between the parent and one child.

A pair of connected sockets that keep record boundaries. The child says on it that it is ready, that
it lives, and what went wrong; the parent passes orders down. When one side is gone the other reads
end-of-file: so a child whose parent was killed ends itself, and the parent hears of a dead
child at once. No end ever waits: a record that does not fit is dropped, and the next one follows.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum

#: Longest record in bytes; longer texts are cut.
RECORD_LIMIT = 4096


class RecordKind(Enum):
    """What a record says."""

    READY = "r"  #: child: open and about to do its first turn
    BEAT = "b"  #: child: its main loop turns; the text holds its figures (JSON)
    FAULT = "f"  #: child: why it is about to end, one line
    ROTATED = "o"  #: child: the log file was renamed, all should open the new one
    REOPEN = "h"  #: parent: open the log file anew
    LEVEL = "l"  #: parent: show log lines up to this level (0..4)
    FIGURES = "g"  #: parent to the monitor: the figures of one child (JSON)


@dataclass(frozen=True, slots=True)
class LifelineRecord:
    """One message on a lifeline."""

    kind: RecordKind
    text: str = ""


class Lifeline:
    """One end of the line."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self.gone = False  #: the other side has closed or died

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._end.fileno()

    def send(self, kind: RecordKind, text: str = "") -> bool:
        """Send a record without waiting; return whether it was taken."""
        data = (kind.value + text).encode()[:RECORD_LIMIT]
        try:
            self._end.send(data, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            return False  # the other side is gone; `receive` will find that
        return True

    def receive(self) -> list[LifelineRecord]:
        """Return the records that have arrived; sets `gone` at the end of the line."""
        records: list[LifelineRecord] = []
        while not self.gone:
            try:
                data = self._end.recv(RECORD_LIMIT)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.gone = True
                break
            text = data.decode(errors="replace")
            try:
                records.append(LifelineRecord(RecordKind(text[0]), text[1:]))
            except ValueError:
                continue  # not one of ours: a damaged child must not hurt the parent
        return records

    def close(self) -> None:
        """Close this end."""
        self._end.close()


def lifeline() -> tuple[Lifeline, Lifeline]:
    """Return both ends of a new line: the parent's and the child's."""
    parent, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Lifeline(parent), Lifeline(child)
