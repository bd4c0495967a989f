"""A flood of lines of one kind: the first are written, the rest is counted and reported as one."""

from __future__ import annotations

import logging
import os
import re
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger import logs
from jobarranger import messages as m
from jobarranger.clock import SystemClock
from jobarranger.floods import FIRST, MOST_KINDS, WINDOW, Floods, LineKind
from jobarranger.messages.outside import OUTSIDE

log = logging.getLogger("ipc.test")


class MovableClock(SystemClock):
    """A clock whose monotonic time stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        """Return the present."""
        return self.now


@pytest.fixture
def clock():
    """Return the clock by which floods are measured."""
    return MovableClock()


@pytest.fixture
def file(tmp_path, clock):
    """Return a log file; the root logger is put back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    path = tmp_path / "x.log"
    logs.setup(file=path, level=4, ident="x", zone=ZoneInfo("UTC"), clock=clock)
    yield path
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def lines(file):
    """Return the texts of the log's lines, without what each begins with."""
    return [line.partition("] ")[2] for line in file.read_text().splitlines()]


def test_a_flood_is_summed_up(file, clock):
    """4,233 refusals within 10 s are 20 lines and a sum; then the next window begins."""
    for number in range(FIRST + 4213):
        log.warning("request from %s refused: %s", f"192.0.2.{number}", "no telegram")
    assert len(lines(file)) == FIRST
    clock.now += WINDOW
    log.warning("request from %s refused: %s", "192.0.2.1", "again")
    reported = lines(file)
    assert reported[FIRST] == "... 4,213 more in 10 s of: request from %s refused: %s"
    assert reported[FIRST + 1 :] == ["request from 192.0.2.1 refused: again"]
    assert "[WARN] ... 4,213" in file.read_text()


def test_the_sum_needs_no_further_line(file, clock):
    """A daemon asks now and then: what is due is reported, what is not yet over is not."""
    for _ in range(FIRST + 1):
        log.warning("x")
    logs.report_floods()
    assert len(lines(file)) == FIRST
    clock.now += WINDOW
    logs.report_floods()
    assert lines(file)[FIRST:] == ["... 1 more in 10 s of: x"]
    logs.report_floods()
    assert len(lines(file)) == FIRST + 1


def test_the_end_shows_all(file, clock):
    """At its end a daemon shows what it has counted, however short the time was."""
    for _ in range(FIRST + 7):
        log.warning("x")
    clock.now += 3
    logs.report_floods(all_of_it=True)
    assert lines(file)[FIRST:] == ["... 7 more in 3 s of: x"]


def test_kinds_do_not_count_for_each_other(file):
    """Another text, level or logger is another kind."""
    for _ in range(FIRST + 1):
        log.warning("one %d", 1)
    log.warning("two %d", 1)
    log.error("one %d", 1)
    logging.getLogger("ipc.other").warning("one %d", 1)
    assert len(lines(file)) == FIRST + 3


def test_what_says_something_of_a_run_is_never_left_out(file):
    """Messages with an id, and lines of single jobs; only refusals are summed up, by their id."""
    for number in range(100):
        m.log_message(m.JATRAPPER300003, inner_job_id=number, host="h")
        log.info("job %d ended", number, extra=logs.KEEP)
    assert len(lines(file)) == 200
    for number in range(100):
        m.log_message(m.JATRAPPER200050, user_name=f"u{number}")
        m.log_message(m.JATRAPPER200008)
    assert len(lines(file)) == 200 + 2 * FIRST
    logs.report_floods(all_of_it=True)
    assert "... 80 more within a second of: JATRAPPER200008" in lines(file)


def test_all_refusals_of_requests_are_known():
    """Whatever a stranger's request is refused with may come in a flood."""
    declared = [one for one in vars(m).values() if isinstance(one, m.Message)]
    refusals = {one.id for one in declared if re.match(r"A (\w+ )?request was refused", one.text)}
    assert refusals
    assert refusals <= OUTSIDE
    assert {one.id for one in declared} >= OUTSIDE


def test_a_flood_over_a_rotation(file, clock):
    """The sum goes to the file that is there when it is reported."""
    for _ in range(FIRST + 5):
        log.warning("x")
    file.rename(f"{file}.old")
    clock.now += WINDOW
    logs.report_floods()
    assert lines(file) == ["... 5 more in 10 s of: x"]
    assert len(lines(Path(f"{file}.old"))) == FIRST


def test_a_new_place_for_the_log_leaves_no_sum_behind(file, clock, tmp_path):
    """Setting up again reports at the old place what it did not write."""
    for _ in range(FIRST + 5):
        log.warning("x")
    logs.setup(file=tmp_path / "other.log", level=3, ident="x", clock=clock)
    assert lines(file)[FIRST:] == ["... 5 more within a second of: x"]


def test_many_threads_lose_no_count(file, clock):
    """What is written and what is reported add up to what was logged."""

    def shout():
        for _ in range(500):
            log.warning("x")

    threads = [threading.Thread(target=shout) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    logs.report_floods(all_of_it=True)
    assert lines(file)[FIRST:] == [f"... {8 * 500 - FIRST:,} more within a second of: x"]


def test_a_child_does_not_repeat_its_parents_sums(file, clock):
    """What was counted before a fork is reported once, by the one who counted it."""
    for _ in range(FIRST + 5):
        log.warning("x")
    pid = os.fork()
    if pid == 0:
        logs.report_floods(all_of_it=True)
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(lines(file)) == FIRST
    logs.report_floods(all_of_it=True)
    assert lines(file)[FIRST:] == ["... 5 more within a second of: x"]


def test_a_million_kinds_have_a_bound(file):
    """Texts that were made before they were logged are many kinds: they share what is left."""
    for number in range(3 * MOST_KINDS):
        log.warning("text " + str(number))  # noqa: G003 - what a careless library does
    assert len(lines(file)) == MOST_KINDS + FIRST
    logs.report_floods(all_of_it=True)
    assert lines(file)[-1].endswith(
        f"{2 * MOST_KINDS - FIRST:,} more within a second of: other lines"
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 30)), max_size=300))
def test_written_and_reported_add_up(steps):
    """Whatever comes when: nothing is counted twice or lost, and a window has its bound."""
    floods, now, written, reported = Floods(), 0.0, 0, 0
    for number, pause in steps:
        now += pause
        if now >= floods.due_at:
            reported += sum(one.left_out for one in floods.due(now))
        written += floods.admits(LineKind("l", 30, str(number)), now)
    reported += sum(one.left_out for one in floods.due(now, all_of_it=True))
    assert written + reported == len(steps)


# -- long lines


def test_a_line_has_an_end(file):
    """16 MiB that somebody sends are at most 2,000 characters of log."""
    log.warning("request from %s refused: %s", "peer", "x" * (16 << 20))
    (text,) = lines(file)
    assert len(text) <= logs.LINE_LIMIT
    assert text[-40:].endswith("x... (16,777,243 characters)")
    log.warning("%s", "\0" * 5000)
    assert len(lines(file)[1]) <= 4 * logs.LINE_LIMIT


def deeper(depth):
    """Go down, alternating, so that the traceback cannot be shortened by the interpreter."""
    return deepest(depth) if depth % 2 else [deepest(depth)]


def deepest(depth):
    """Go down."""
    return deeper(depth + 1) if depth % 3 else (deeper(depth + 1),)


def test_a_traceback_has_an_end(file):
    """Of a RecursionError's thousand frames the beginning and the end are shown."""
    try:
        deeper(0)
    except RecursionError:
        log.exception("too deep")
    text = lines(file)
    assert len(text) == 1 + logs.TRACEBACK_HEAD + 1 + logs.TRACEBACK_TAIL
    assert text[1] == "Traceback (most recent call last):"
    assert re.search(r"\.\.\. [\d,]+ lines left out \.\.\.", text[1 + logs.TRACEBACK_HEAD])
    assert text[-1].startswith("RecursionError")
    assert file.stat().st_size < 20_000
