"""The log of a daemon: one line format, one place, one write per line.

    <pid, 6 wide>:<YYYYMMDD>:<HHMMSS>.<mmm> [LEVEL] text

Everything is logged through the standard library; `setup` decides where it goes and how much of
it. Information is always shown, the rest by `DebugLevel`. Of other people's libraries only
warnings and worse are shown: their details may hold what is nobody's business. Line breaks and
control characters in a text are escaped, so a line of the log is always one event or one line of
a traceback. A file that was moved away by rotation is left at the next line.

A line has an end, and so has a traceback; of a flood of lines of one kind the first are written and
the others counted (`floods`). `report_floods` writes the sums; a daemon calls it now and then.
"""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from jobarranger.clock import Clock, SystemClock, local_time, zone_named
from jobarranger.floods import NAME_LIMIT, Floods, LineKind, Sum

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

#: Characters of a line, and lines of a traceback: its beginning and its end.
LINE_LIMIT: Final = 2000
TRACEBACK_HEAD, TRACEBACK_TAIL = 40, 60

#: Attribute of a record that names its kind for `floods`; None: it is written in any case.
_KIND = "flood_kind"
#: `log.info(..., extra=KEEP)`: what is said of one job or one run is never left out.
KEEP: Final[Mapping[str, str | None]] = {_KIND: None}

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


def kept_as(kind: str | None) -> Mapping[str, str | None]:
    """Return the `extra` of a line whose kind is not its text; None: it is never left out."""
    return KEEP if kind is None else {_KIND: kind}


def setup(
    *,
    file: str | Path | None,
    level: int,
    ident: str,
    zone: tzinfo | None = None,
    clock: Clock | None = None,
) -> None:
    """Send the log to a file, or to syslog without one (standard error where there is no syslog).

    Args:
        file: absolute path; None or '' for syslog.
        level: `DebugLevel`, 0 to 4.
        ident: what the lines in syslog are marked with.
        zone: of the times; the system's if None.
        clock: by which floods are measured; the system's if None.

    Raises:
        OSError: the file cannot be opened.
    """
    handler = _handler(file, ident, zone or zone_named(None))
    handler.addFilter(Shown(level))
    handler.addFilter(Summed(handler, clock or SystemClock()))
    root = logging.getLogger()
    for old in [old for old in root.handlers if any(isinstance(f, Shown) for f in old.filters)]:
        _report(old, all_of_it=True)
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


def report_floods(*, all_of_it: bool = False) -> None:
    """Write the sums of floods whose window is over; with `all_of_it` of all, as at the end."""
    for handler in logging.getLogger().handlers:
        _report(handler, all_of_it=all_of_it)


def reopen() -> None:
    """Open the log file anew, after someone else has moved it away."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineFile):
            handler.reopen()


def rotate(file: Path, limit_mib: int) -> bool:
    """Move a log file that is larger than the limit to `<file>.old`; return whether it was moved.

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
        """Return whether the record is to be written."""
        if record.levelno < logging.WARNING and record.name.partition(".")[0] not in _OWN:
            return False
        return record.levelno == logging.INFO or record.levelno >= self.threshold


class Summed(logging.Filter):
    """Counts what comes in a flood, and writes the sums itself."""

    def __init__(self, handler: logging.Handler, clock: Clock) -> None:
        super().__init__()
        self._handler = handler
        self._clock = clock
        self._floods = Floods()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written; before it come sums that are due."""
        kind = _kind(record)
        if kind is None:
            return True
        with _held(self._handler):
            now = self._clock.monotonic()
            if now >= self._floods.due_at:
                self._write(self._floods.due(now))
            return self._floods.admits(kind, now)

    def report(self, *, all_of_it: bool) -> None:
        """Write what is due, or all."""
        with _held(self._handler):
            now = self._clock.monotonic()
            if all_of_it or now >= self._floods.due_at:
                self._write(self._floods.due(now, all_of_it=all_of_it))

    def forget(self) -> None:
        """Leave what was counted to the process that this one was forked from."""
        self._floods = Floods()

    def _write(self, sums: list[Sum]) -> None:
        for one in sums:
            kind = one.kind
            record = logging.LogRecord(kind.logger, kind.level, "", 0, "%s", (one.text,), None)
            self._handler.emit(record)


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
            lines += _in_bounds(self.formatException(record.exc_info).splitlines())
        if record.stack_info:
            lines += _in_bounds(record.stack_info.splitlines())
        return "\n".join(head + escaped(_cut(line)) for line in lines)

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


def _cut(line: str) -> str:
    """Return a line with its end replaced by the number of characters that it had."""
    if len(line) <= LINE_LIMIT:
        return line
    return f"{line[: LINE_LIMIT - 40]}... ({len(line):,} characters)"


def _in_bounds(lines: list[str]) -> list[str]:
    """Return a traceback without its middle if it is long: where it began and where it ended."""
    left_out = len(lines) - TRACEBACK_HEAD - TRACEBACK_TAIL
    if left_out <= 0:
        return lines
    middle = f"  ... {left_out:,} lines left out ..."
    return [*lines[:TRACEBACK_HEAD], middle, *lines[-TRACEBACK_TAIL:]]


def _kind(record: logging.LogRecord) -> LineKind | None:
    """Return what makes a record like others; None for one that is never left out."""
    name = getattr(record, _KIND, record.msg)
    if name is None:
        return None
    return LineKind(record.name, record.levelno, str(name)[:NAME_LIMIT])


@contextmanager
def _held(handler: logging.Handler) -> Iterator[None]:
    """Hold a handler's lock: records of other threads wait, also for what is counted."""
    handler.acquire()
    try:
        yield
    finally:
        handler.release()


def _summed(handler: logging.Handler) -> list[Summed]:
    return [one for one in handler.filters if isinstance(one, Summed)]


def _report(handler: logging.Handler, *, all_of_it: bool) -> None:
    for summed in _summed(handler):
        summed.report(all_of_it=all_of_it)


def _forget() -> None:
    """Forget in a forked child what its parent has counted: the parent reports it."""
    for handler in logging.getLogger().handlers:
        for summed in _summed(handler):
            summed.forget()


os.register_at_fork(after_in_child=_forget)
atexit.register(report_floods, all_of_it=True)


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
