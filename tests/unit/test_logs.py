"""The log: form of a line, what is shown, files that move."""

import logging
import logging.handlers
import os
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger import logs

log = logging.getLogger("jobarranger.test")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Return a log file that has been set up; the root logger is put back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    path = tmp_path / "x.log"
    logs.setup(file=path, level=3, ident="x", zone=ZoneInfo("Asia/Tokyo"))
    yield path
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_a_line_has_pid_time_level_and_text(file: Path) -> None:
    """The form that log watchers of the original know."""
    log.info("[JASERVER000003] %s", "up")
    (line,) = file.read_text().splitlines()
    assert re.fullmatch(r" *\d+:\d{8}:\d{6}\.\d{3} \[INFO\] \[JASERVER000003\] up", line)
    assert line.partition(":")[0] == f"{os.getpid():>6}"


def test_times_are_those_of_the_zone() -> None:
    """Milliseconds are cut, not rounded into the next second."""
    record = logging.makeLogRecord({"created": 1461284130.9996, "process": 4711, "msg": "x"})
    head = logs.Lines(ZoneInfo("Asia/Tokyo")).head(record)
    assert head.startswith("  4711:20160422:091530.999 [")


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (0, ["INFO"]),
        (1, ["INFO", "CRIT"]),
        (2, ["INFO", "ERROR", "CRIT"]),
        (3, ["INFO", "WARN", "ERROR", "CRIT"]),
        (4, ["DEBUG", "INFO", "WARN", "ERROR", "CRIT"]),
    ],
)
def test_information_is_always_shown_the_rest_by_level(
    file: Path, level: int, shown: list[str]
) -> None:
    """DebugLevel as operators know it, changed while running."""
    logs.set_level(level)
    for number in (10, 20, 30, 40, 50):
        log.log(number, "x")
    assert re.findall(r"\[(\w+)\]", file.read_text()) == shown


def test_of_other_libraries_only_trouble_is_shown(file: Path) -> None:
    """Their details may hold what is nobody's business."""
    logs.set_level(4)
    other = logging.getLogger("paramiko.transport")
    other.debug("s3cret")
    other.info("s3cret")
    other.warning("trouble")
    assert "s3cret" not in file.read_text()
    assert "[WARN] trouble" in file.read_text()


@given(st.text())
def test_a_text_never_breaks_its_line(text: str) -> None:
    """Line breaks and control characters become visible."""
    escaped = logs.escaped(text)
    assert len(escaped.splitlines()) <= 1
    assert not any(ord(sign) < 32 or ord(sign) == 127 for sign in escaped)


def test_every_line_of_a_traceback_has_the_head(file: Path) -> None:
    """So that a log can be cut by process."""
    try:
        raise ValueError("a\nb")
    except ValueError:
        log.exception("two\nlines")
    lines = file.read_text().splitlines()
    assert lines[0].endswith(r"two\nlines")
    assert len(lines) >= 4
    assert all("[ERROR] " in line for line in lines)


def test_a_record_goes_out_in_one_write(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long ones too, or lines of several processes would mix."""
    written: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda _fd, data: written.append(data))
    log.error("x" * 100_000)
    assert len(written) == 1
    assert file.read_bytes() == b""


def test_a_file_that_was_moved_away_is_left_at_the_next_line(file: Path) -> None:
    """Rotation by others needs no signal."""
    log.error("one")
    file.rename(f"{file}.1")
    log.error("two")
    assert "two" in file.read_text()
    assert "two" not in Path(f"{file}.1").read_text()


def test_rotation_keeps_one_old_file(file: Path) -> None:
    """Only above the limit, and never with a limit of 0."""
    log.error("x")
    with file.open("a") as stream:
        stream.write("x" * (1 << 20))
    assert not logs.rotate(file, 0)
    assert not logs.rotate(file, 2)
    assert logs.rotate(file, 1)
    assert not logs.rotate(file, 1)
    log.error("after")
    assert "after" in file.read_text()
    assert Path(f"{file}.old").stat().st_size > 1 << 20


def test_reopen_goes_on_in_a_new_file(file: Path) -> None:
    """After someone else has removed it."""
    file.unlink()
    logs.reopen()
    log.error("x")
    assert file.read_text().endswith("[ERROR] x\n")


def test_setting_up_again_replaces_the_first(file: Path, tmp_path: Path) -> None:
    """A forked child may want its own place."""
    other = tmp_path / "other.log"
    logs.setup(file=str(other), level=3, ident="x")
    log.error("x")
    assert file.read_text() == ""
    assert other.read_text().count("\n") == 1


def test_syslog_lines_name_program_and_process() -> None:
    """Time and level are syslog's own."""
    record = logging.makeLogRecord({"process": 4711, "msg": "a\nb", "levelno": logging.ERROR})
    line = logs.SyslogLines(ZoneInfo("UTC"), "Job Arranger Server").format(record)
    assert line == r"Job Arranger Server[4711]: a\nb"
