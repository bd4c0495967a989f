"""The monitor child: health of all others, and rotation of the log file.

The parent passes on the figures that each child sends with its signs of life. The monitor keeps
the last of each and writes them to `status.json` in the runtime directory, whole or not at all, for
whoever wants to look. It alone renames the log file when it has grown beyond `LogFileSize`.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from jobarranger import logs
from jobarranger import messages as m
from processes.context import ChildContext
from processes.worker import Turn

log = logging.getLogger(__name__)

#: Seconds between two writings of the status file at least.
STATUS_INTERVAL = 5.0


class Entry(msgspec.Struct):
    """The last figures of one child."""

    name: str
    pid: int
    turns: int
    done: int
    errors: int
    drops: int
    busy: float
    status: str
    heard_at: int = 0  #: UTC milliseconds


class MonitorDuty:
    """Watches figures and the log file."""

    def __init__(self) -> None:
        self._known: dict[str, Entry] = {}
        self._changed = True
        self._write_at = float("-inf")
        self._rotation_fails = False

    def open(self, context: ChildContext) -> None:
        """Begin to listen to the parent's figures."""
        self._context = context
        self._status_file = context.runtime_dir / "status.json"
        context.link.on_figures = self.heard

    def heard(self, text: str) -> None:
        """Take the figures of one child."""
        try:
            entry = msgspec.json.decode(text, type=Entry)
        except msgspec.DecodeError:
            log.debug("figures that cannot be read: %.100s", text)
            return
        entry.heard_at = self._context.clock.now_ms()
        before = self._known.get(entry.name)
        if before is not None and before.pid == entry.pid:
            _compare(before, entry)
        self._known[entry.name] = entry
        self._changed = True

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Rotate the log if it is due, and write the status file if anything is new."""
        self._rotate()
        now = self._context.clock.monotonic()
        if self._changed and now >= self._write_at:
            self._write_status()
            self._changed = False
            self._write_at = now + STATUS_INTERVAL
        return Turn(len(self._known), "processes")

    def close(self) -> None:
        """Remove the status file: it would soon be untrue."""
        self._status_file.unlink(missing_ok=True)

    def _rotate(self) -> None:
        config = self._context.config
        if not config.ja_log_file:
            return
        try:
            moved = logs.rotate(Path(config.ja_log_file), config.log_file_size)
        except OSError as error:
            if not self._rotation_fails:
                log.error("the log file cannot be rotated: %s", error)  # noqa: TRY400
            self._rotation_fails = True
            return
        self._rotation_fails = False
        if moved:
            self._context.link.rotated()

    def _write_status(self) -> None:
        context = self._context
        content = {
            "server_id": context.server_id,
            "written_at": context.clock.now_ms(),
            "processes": sorted(self._known.values(), key=lambda entry: entry.name),
        }
        draft = self._status_file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(content))
        os.replace(draft, self._status_file)


def _compare(before: Entry, after: Entry) -> None:
    """Tell the log when a child loses hints or meets errors."""
    if after.drops > before.drops:
        m.say(m.JASERVER300006, role=after.name, dropped=after.drops - before.drops)
    if after.errors > before.errors:
        log.warning("%s: %s turns failed", after.name, after.errors - before.errors)


def duty() -> MonitorDuty:
    """Return the duty of this child."""
    return MonitorDuty()
