"""The catalogue file, in which an administrator may change kind, notification and wording.

    message-id,type,notify,text

Lines beginning with `#` and empty lines do not count; the first line of an id wins; the text may
hold commas and takes `{field}` or, as in the original's files, `%s`, `%d` and `%lu` in turn.
A line that makes no sense is reported and the built-in message is used: no message is ever lost
because of this file.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from jobarranger.messages.model import Kind, Message

_log = logging.getLogger(__name__)
_KINDS = {str(kind.value): kind for kind in Kind}
_NOTIFY = {"0": False, "1": True}
_UNREADABLE = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of the file."""

    kind: Kind
    notify: bool
    text: str


class Edits:
    """The lines of a catalogue file, read again whenever the file has changed."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._lines: dict[str, Edit] = {}

    def of(self, message: Message) -> Edit:
        """Return how the message is to be raised now."""
        self._refresh()
        built_in = Edit(message.kind, message.notify, message.text)
        return self._lines.get(message.id, built_in)

    def _refresh(self) -> None:
        """Read the file if it is another one than before; without a file nothing is edited."""
        if self._path is None:
            return
        seen = _UNREADABLE
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._lines = parse(self._path.read_text("utf-8", "replace"), self._path)
        except FileNotFoundError:
            self._lines = {}
        except OSError as error:
            if seen != self._seen:
                _log.warning("%s cannot be read: %s; built-in messages are used", self._path, error)
            self._lines = {}
        self._seen = seen


def parse(content: str, path: Path) -> dict[str, Edit]:
    """Return the edits of a file's content by message id; lines in error are logged."""
    edits: dict[str, Edit] = {}
    for number, line in enumerate(content.split("\n"), start=1):
        text = line.rstrip("\r")
        if not text.strip() or text.startswith("#"):
            continue
        parts = text.split(",", 3)
        kind = _KINDS.get(parts[1].strip()) if len(parts) == 4 else None
        notify = _NOTIFY.get(parts[2].strip()) if len(parts) == 4 else None
        if kind is None or notify is None or not parts[3]:
            _log.warning(
                "%s:%d: a line must have the form id,type 0-4,notify 0-1,text; it is ignored",
                path,
                number,
            )
            continue
        edits.setdefault(parts[0].strip(), Edit(kind, notify, parts[3]))
    return edits
