"""The pure decisions of a flow: arrivals, judgement, numbers, variables, results."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.flow.judging import Fault, judge
from jobarranger.icons import Failure, Finished, icon_type, traits_of
from jobarranger.model.arrivals import Arrival, ArrivalRefusal, arrive, fires
from jobarranger.model.census import Census
from jobarranger.model.numbers import PatternError, jobnet_exit_code, matches
from jobarranger.model.variables import (
    UnknownVariable,
    VariableRows,
    environment,
    resolve,
    storable,
)
from jobarranger.states import FlowType, IconStatus, JobnetStatus, JobType


@pytest.mark.parametrize(
    ("value", "pattern", "hit"),
    [
        ("3", "3", True),
        ("3", "1,2", False),
        ("3", "1-5", True),
        ("3", " 1 - 5 ", True),
        ("-3", "-5--1", True),
        ("0", "-5--1", False),
        ("2.5", "2-3", True),
        ("2", "2.0", True),
        ("7", ",,7,", True),
        ("", "1", False),
        ("1", "", False),
        ("3", "3,bad", True),
    ],
)
def test_pattern(value: str, pattern: str, hit: bool) -> None:
    """A pattern lists numbers and ranges; the first match decides, before a bad element."""
    assert matches(value, pattern) is hit


@pytest.mark.parametrize(
    ("value", "pattern"),
    [("x", "1"), ("1", "bad"), ("1", "5-3"), ("1", ","), ("1\n2", "1"), ("9", "1,bad")],
)
def test_bad_pattern(value: str, pattern: str) -> None:
    """What is no number or no range is an error once it is reached."""
    with pytest.raises(PatternError):
        matches(value, pattern)


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(0, 500))
def test_ranges_are_inclusive(number: int, low: int, width: int) -> None:
    """A range covers both of its ends and everything between."""
    assert matches(str(number), f"{low}-{low + width}") is (low <= number <= low + width)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 0),
        ("7", 7),
        ("007", 7),
        ("255", 255),
        ("256", 255),
        ("1000", 255),
        ("-1", 0),
        ("4x", 0),
    ],
)
def test_exit_code_of_a_jobnet(text: str, code: int) -> None:
    """An END icon's text becomes 0..255."""
    assert jobnet_exit_code(text) == code


def test_whole_string_rule() -> None:
    """Only a text that is one reference is replaced; $$ stands for $."""
    values = {"A": "1", "B b": "2"}
    assert resolve("$A", values) == "1"
    assert resolve("$B b", values) == "2"
    assert resolve("$$A", values) == "$A"
    assert resolve("x$A", values) == "x$A"
    assert resolve("$", values) == "$"
    with pytest.raises(UnknownVariable):
        resolve("${A}", values)


def test_environment_of_a_job() -> None:
    """Chosen variables first, own ones win, unknown ones are empty."""
    values = {"A": "1", "B": "2"}
    assert environment(["A", "NONE"], [("B", "$B"), ("A", "own"), ("C", "$X")], values) == {
        "A": "own",
        "NONE": "",
        "B": "2",
        "C": "",
    }


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3)), max_size=12))
def test_the_newest_row_of_a_name_counts(pairs: list[tuple[str, str]]) -> None:
    """Settling keeps one row per name, the last one, and deletes stored rows only."""
    stored = pairs[: len(pairs) // 2]
    rows = VariableRows.stored((i, name, value) for i, (name, value) in enumerate(stored))
    for name, value in pairs[len(stored) :]:
        rows.append(name, value)
    assert rows.settle() == dict(pairs)
    assert len(rows.rows) == len(dict(pairs))
    kept = {row.seq for row in rows.rows if row.seq is not None}
    assert kept.isdisjoint(rows.deleted)
    assert kept | set(rows.deleted) == set(range(len(stored)))


@given(st.text(), st.integers(0, 40))
def test_stored_text_fits(text: str, limit: int) -> None:
    """Stored text has no NUL and no CR and is never longer than the limit."""
    kept = storable(text, limit)
    assert "\0" not in kept
    assert "\r" not in kept
    assert len(kept.encode("utf-8", "replace")) <= limit


def reach(
    job_type: JobType, status: IconStatus, end_count: int, boot_count: int, *, test: bool
) -> Arrival | ArrivalRefusal:
    """Let an arrow arrive at an icon of a type."""
    traits = traits_of(job_type)
    return arrive(
        status, end_count, boot_count,
        at_first=traits.first_arrival, ends_jobnet=traits.ends_jobnet, test=test,
    )  # fmt: skip


def test_an_icon_waits_for_all_its_arrows() -> None:
    """Each arrival counts; the last one makes it ready."""
    first = reach(JobType.W, IconStatus.BEGIN, 0, 2, test=False)
    assert first == Arrival(IconStatus.BEGIN, 1)
    assert reach(JobType.W, IconStatus.BEGIN, 1, 2, test=False) == Arrival(IconStatus.READY, 2)


@pytest.mark.parametrize("job_type", [JobType.IFEND, JobType.L])
def test_first_arrival_suffices(job_type: JobType) -> None:
    """IFEND and loop icons start at the first arrival."""
    assert reach(job_type, IconStatus.BEGIN, 0, 3, test=False) == Arrival(IconStatus.READY, 1)


def test_an_ended_icon_begins_anew_except_end() -> None:
    """A loop reaches an ended icon again; a finished END icon refuses."""
    again = Arrival(IconStatus.READY, 1, anew=True)
    assert reach(JobType.JOB, IconStatus.END, 1, 1, test=False) == again
    assert reach(JobType.END, IconStatus.END, 1, 1, test=False) is ArrivalRefusal.ENDED
    assert reach(JobType.JOB, IconStatus.END, 1, 1, test=True) is ArrivalRefusal.TEST


@pytest.mark.parametrize("job_type", [JobType.IFEND, JobType.L])
def test_a_first_arrival_not_yet_used_takes_others_in(job_type: JobType) -> None:
    """IFEND and L that are ready already, perhaps on hold, are not refused: nothing is lost."""
    assert reach(job_type, IconStatus.READY, 1, 2, test=False) == Arrival(IconStatus.READY, 1)
    assert reach(job_type, IconStatus.READY, 1, 2, test=True) is ArrivalRefusal.TEST


@pytest.mark.parametrize(
    "status", [IconStatus.READY, IconStatus.RUN, IconStatus.ENDERR, IconStatus.ABORT]
)
def test_a_busy_icon_refuses(status: IconStatus) -> None:
    """An arrow into an icon at work is not taken."""
    assert reach(JobType.JOB, status, 0, 1, test=False) is ArrivalRefusal.BUSY


def test_which_arrows_fire() -> None:
    """A normal end fires every arrow, a condition only those of its outcome."""
    fired = {(flow, kind) for flow, kind in product(FlowType, FlowType) if fires(flow, kind)}
    assert fired == {(flow, FlowType.NORMAL) for flow in FlowType} | {
        (FlowType.TRUE, FlowType.TRUE),
        (FlowType.FALSE, FlowType.FALSE),
    }


def census(**counts: int) -> Census:
    """Return a census of START, one more icon and END, changed as given."""
    base = {
        "total": 3, "ready": 0, "run": 0, "failed": 0, "ended": 1, "fatal": 0,
        "finished_ends": 0, "starts": 1, "ends": 1, "stopping": 0, "overdue": 0,
    }  # fmt: skip
    return Census(**{**base, **counts})


def state(status: JobnetStatus = JobnetStatus.RUN, *, over: bool = False, **counts: int) -> object:
    """Return status and fault of a judgement."""
    verdict = judge(status, census(**counts), test=False, patience_over=over)
    return (verdict.status, verdict.fault) if verdict.fault else verdict.status


def test_judgement() -> None:
    """An instance follows its icons: error, recovery, end, and the abnormal ends."""
    assert state(run=1) is JobnetStatus.RUN
    assert state(failed=1) is JobnetStatus.RUNERR
    assert state(JobnetStatus.RUNERR) is JobnetStatus.RUN
    assert state(finished_ends=1, ended=3) is JobnetStatus.END
    assert state(fatal=1) == (JobnetStatus.ENDERR, Fault.ICON)
    assert state(finished_ends=2) == (JobnetStatus.ENDERR, Fault.ENDS)
    assert state(starts=2) == (JobnetStatus.ENDERR, Fault.STARTS)
    assert state(ends=0) == (JobnetStatus.ENDERR, Fault.NO_END)


@pytest.mark.parametrize("active", ["ready", "run", "failed"])
def test_end_waits_for_others_for_a_while(active: str) -> None:
    """A reached END is patient with active icons, but not for ever."""
    counts: dict[str, Any] = {"finished_ends": 1, active: 1}
    assert state(**counts) is JobnetStatus.RUN
    assert state(over=True, **counts) == (JobnetStatus.ENDERR, Fault.ACTIVE)


@pytest.mark.parametrize("waits", ["ready", "run", "failed", "stopping", "finished_ends", "no"])
def test_a_jobnet_stands_still_when_nothing_can_move_it(waits: str) -> None:
    """Nothing ready, running, failed, being stopped, and no END: nothing will ever happen."""
    counts: dict[str, Any] = {} if waits == "no" else {waits: 1}
    verdict = judge(JobnetStatus.RUN, census(**counts), test=False, patience_over=False)
    assert verdict.drained is (waits == "no")


def test_a_test_run_ends_when_every_icon_has() -> None:
    """Several END icons may finish in a test run; it waits for all icons."""
    partly = judge(
        JobnetStatus.RUN, census(finished_ends=2, ends=2), test=True, patience_over=False
    )
    wholly = judge(
        JobnetStatus.RUN, census(finished_ends=2, ends=2, ended=3), test=True, patience_over=False
    )
    assert (partly.status, wholly.status) == (JobnetStatus.RUN, JobnetStatus.END)


def verdict(**changes: object) -> Failure | None:
    """Return why a result fails, if it does."""
    result = {
        "result": 0, "aborted": False, "signal": 0, "return_code": 0, "message": None,
        "stop_code": "",
    }  # fmt: skip
    done = Finished(**{**result, **changes})  # type: ignore[arg-type]
    found = icon_type(JobType.JOB).judge(done)
    return found[0] if found else None


def test_results_of_a_job() -> None:
    """An exit code fails a job only if it is listed; a bad list counts as a hit."""
    assert verdict() is None
    assert verdict(return_code=1) is None
    assert verdict(return_code=3, stop_code="1-5") is Failure.STOP_CODE
    assert verdict(return_code=3, stop_code="nonsense") is Failure.STOP_CODE
    assert verdict(signal=1, return_code=9) is Failure.ERROR
    assert verdict(aborted=True) is Failure.ERROR
    assert verdict(result=1, message="no such user") is Failure.ERROR
