"""The log of a daemon: one line format, one place, one write per line.

    <pid, 6 wide>:<YYYYMMDD>:<HHMMSS>.<mmm> [LEVEL] text

Everything is logged through the standard library; `setup` decides where it goes and how much of
it. Information is always shown, the rest by `DebugLevel`. Of other people's libraries only
warnings and worse are shown: their details may hold what is nobody's business. Line breaks and
control characters in a text are escaped, so a line of the log is always one event or one line of
a traceback. A file that was moved away by rotation is left at the next line.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from datetime import tzinfo
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from jobarranger.clock import local_time, zone_named

_SYSLOG = "/dev/log"
_OWN = ("jobarranger", "processes", "ipc", "benchmarks", "__main__")
_WORDS = {
    logging.CRITICAL: "CRIT",
    logging.ERROR: "ERROR",
    logging.WARNING: "WARN",
    logging.INFO: "INFO",
    logging.DEBUG: "DEBUG",
}
_MIB = 1 << 20
#: Of a log file that is made here, whatever the umask; an existing one keeps its own.
FILE_MODE: Final = 0o640
_DIRECTORY_MODE: Final = 0o750

#: DebugLevel -> the least level shown beside information.
THRESHOLDS: Final = {
    0: logging.CRITICAL + 1,
    1: logging.CRITICAL,
    2: logging.ERROR,
    3: logging.WARNING,
    4: logging.DEBUG,
}

_ESCAPES = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def setup(*, file: str | Path | None, level: int, ident: str, zone: tzinfo | None = None) -> None:
    """Send the log to a file, or to syslog without one (standard error where there is no syslog).

    Args:
        file: absolute path; None or '' for syslog.
        level: `DebugLevel`, 0 to 4.
        ident: what the lines in syslog are marked with.
        zone: of the times; the system's if None.

    Raises:
        OSError: the file cannot be opened.
    """
    handler = _handler(file, ident, zone or zone_named(None))
    handler.addFilter(Shown(level))
    root = logging.getLogger()
    for old in [old for old in root.handlers if any(isinstance(f, Shown) for f in old.filters)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    set_level(level)
    logging.logThreads = logging.logMultiprocessing = False  # no line shows them


def set_level(level: int) -> None:
    """Change what is shown (`DebugLevel`, 0 to 4) while the daemon runs."""
    root = logging.getLogger()
    root.setLevel(min(logging.INFO, THRESHOLDS[level]))
    for handler in root.handlers:
        for shown in handler.filters:
            if isinstance(shown, Shown):
                shown.threshold = THRESHOLDS[level]


def reopen() -> None:
    """Open the log file anew, after someone else has moved it away."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineFile):
            handler.reopen()


def rotate(file: Path, limit_mib: int) -> bool:
    """Move a log file that is larger than the limit to `<file>.old`; tell whether it was moved.

    Every process that logs to it finds the new file at its next line. A limit of 0 moves nothing.
    """
    try:
        if limit_mib == 0 or file.stat().st_size <= limit_mib * _MIB:
            return False
        file.replace(f"{file}.old")
    except FileNotFoundError:
        return False
    return True


class Shown(logging.Filter):
    """Lets information pass always, the rest by level, and of other libraries only trouble."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.threshold = THRESHOLDS[level]

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be written."""
        if record.levelno < logging.WARNING and record.name.partition(".")[0] not in _OWN:
            return False
        return record.levelno == logging.INFO or record.levelno >= self.threshold


class Lines(logging.Formatter):
    """Formats a record as one line, and a traceback as one line each."""

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self._zone = zone
        self._second = (0, "")  #: the last second that was written, and its text

    def format(self, record: logging.LogRecord) -> str:
        """Return the line or lines, without a final line break."""
        head = self.head(record)
        lines = [record.getMessage()]
        if record.exc_info and record.exc_info[0] is not None:
            lines += self.formatException(record.exc_info).splitlines()
        if record.stack_info:
            lines += record.stack_info.splitlines()
        return "\n".join(head + escaped(line) for line in lines)

    def head(self, record: logging.LogRecord) -> str:
        """Return what every line begins with."""
        second, milliseconds = divmod(int(record.created * 1000), 1000)
        known = self._second
        if second != known[0]:  # making the text costs more than the rest of the line
            known = (second, f"{local_time(second * 1000, self._zone):%Y%m%d:%H%M%S}")
            self._second = known
        stamp = f"{known[1]}.{milliseconds:03d}"
        return f"{record.process or 0:>6}:{stamp} [{_word(record.levelno)}] "


class SyslogLines(Lines):
    """The same for syslog, which adds time and level itself."""

    def __init__(self, zone: tzinfo, ident: str) -> None:
        super().__init__(zone)
        self._ident = ident

    def head(self, record: logging.LogRecord) -> str:
        """Return what every line begins with."""
        return f"{self._ident}[{record.process or 0}]: "


class LineFile(logging.handlers.WatchedFileHandler):
    """A log file that several processes append to: each record goes out in one write."""

    _has_been_open = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; what cannot be written is reported on standard error."""
        try:
            self.reopenIfNeeded()
            stream = self.stream or self._open()
            text = self.format(record) + "\n"
            os.write(stream.fileno(), text.encode("utf-8", "backslashreplace"))
        except Exception:  # noqa: BLE001 - a log that fails must not take its daemon down
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        """Open the file; make it, and a directory that was removed under the daemon, if needed."""
        try:
            descriptor = open_log(self.baseFilename)
        except FileNotFoundError:
            if not self._has_been_open:
                raise
            os.mkdir(os.path.dirname(self.baseFilename), _DIRECTORY_MODE)
            descriptor = open_log(self.baseFilename)
        self._has_been_open = True
        return open(descriptor, "a", encoding="utf-8")

    def reopen(self) -> None:
        """Open the file anew whatever has become of it."""
        self.acquire()
        try:
            if self.stream is not None:
                self.stream.close()
            self.stream = self._open()
            self._statstream()
        finally:
            self.release()


def open_log(path: str | Path) -> int:
    """Return a descriptor that appends to a log file, which is made with its mode if need be.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_EXCL, FILE_MODE)
    except FileExistsError:
        return os.open(path, flags, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return descriptor


def escaped(text: str) -> str:
    """Return the text with line breaks and control characters made visible."""
    return text.translate(_ESCAPES)


def _word(level: int) -> str:
    return _WORDS.get(level, logging.getLevelName(level))


def _handler(file: str | Path | None, ident: str, zone: tzinfo) -> logging.Handler:
    handler: logging.Handler
    if file:
        handler = LineFile(file, encoding="utf-8")
        handler.setFormatter(Lines(zone))
    elif Path(_SYSLOG).exists():
        handler = logging.handlers.SysLogHandler(
            _SYSLOG, facility=logging.handlers.SysLogHandler.LOG_DAEMON
        )
        handler.append_nul = False
        handler.setFormatter(SyslogLines(zone, ident))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines(zone))
    return handler
