"""What the client commands read and write, apart from any server: options, values, formats."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.client import BadAnswer, JobStatus, LogEntry, RunState, RunStatus, RunType
from jobarranger.commands.clientline import port
from jobarranger.commands.exec import COMMAND, chosen, start_time
from jobarranger.commands.get import assignments, check_number, exit_code, fields, readable
from jobarranger.commands.options import BadValue, Option, UsageError, parse
from processes.trapping.operators import csv_line

OPTIONS = COMMAND.all_options
VALUED = [option for option in OPTIONS if option.value is not None]
CHARACTERS = "a1-=#, \"'\n٢é日"
FLAGS = [option for option in OPTIONS if option.value is None and not option.final]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], {}),
        (["-z", "h"], {"jobarranger-server": "h"}),
        (["-zh"], {"jobarranger-server": "h"}),
        (["-z=h"], {"jobarranger-server": "=h"}),
        (["-z", "-D"], {"jobarranger-server": "-D"}),
        (["--port", "1"], {"port": "1"}),
        (["--port=1"], {"port": "1"}),
        (["--port#1"], {"port": "1"}),
        (["--port=#1"], {"port": "#1"}),
        (["--port#=1"], {"port": "=1"}),
        (["--port="], {"port": ""}),
        (["--po=1", "--pa=2", "--u", "3"], {"port": "1", "password": "2", "user-name": "3"}),
        (["--password-file=f"], {"password-file": "f"}),
        (["-p1", "-p", "2", "--port=3"], {"port": "3"}),
        (["-Dp1"], {"deterrence": "", "port": "1"}),
        (["-Dp", "1"], {"deterrence": "", "port": "1"}),
        (["word", "-", "-p1", "more"], {"port": "1"}),
        (["-p1", "--", "-p2", "--nothing"], {"port": "1"}),
        (["-DhV", "-x", "--nothing"], {"deterrence": "", "help": ""}),
        (["--version", "-x"], {"version": ""}),
        (["-p", ""], {"port": ""}),
    ],
)
def test_option_forms(argv: list[str], expected: dict[str, str]) -> None:
    """All forms of the original's options are understood."""
    assert parse(OPTIONS, argv) == expected


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-x"], "option '-x' is not known"),
        (["-p"], "option '-p' needs a value"),
        (["-Dp"], "option '-p' needs a value"),
        (["--port"], "option '--port' needs a value"),
        (["--nothing=1"], "option '--nothing' is not known"),
        (["--p", "1"], "option '--p' is ambiguous"),
        (["--password-fil=f"], "option '--password-fil' is not known"),
        (["--deterrence=1"], "option '--deterrence' does not take a value"),
        (["--="], "option '--' is ambiguous"),
        (["-x", "-h"], "option '-x' is not known"),
        (["-U", "\udcff"], "the value of option '--user-name' is not UTF-8 text"),
    ],
)
def test_option_errors(argv: list[str], text: str) -> None:
    """The first thing that is wrong is named."""
    with pytest.raises(UsageError) as caught:
        parse(OPTIONS, argv)
    assert str(caught.value) == text


@given(st.data())
def test_every_form_means_the_same(data: st.DataObject) -> None:
    """However options are written and mixed with other words, the last value of each counts."""
    argv: list[str] = []
    expected: dict[str, str] = {}
    for option in data.draw(st.lists(st.sampled_from(VALUED + FLAGS), max_size=8)):
        value = "" if option.value is None else data.draw(st.text(alphabet=CHARACTERS, max_size=9))
        argv += written(option, value, data)
        argv += data.draw(st.lists(st.sampled_from(["word", "", "-", "a-b", "é"]), max_size=2))
        expected[option.long] = value
    assert parse(OPTIONS, argv) == expected
    assert parse(OPTIONS, [*argv, "--", *argv, "-x", "--nothing"]) == expected
    assert parse(OPTIONS, [*argv, "-h", "-x"]) == expected | {"help": ""}
    with pytest.raises(UsageError):
        parse(OPTIONS, [*argv, "-x"])


def written(option: Option, value: str, data: st.DataObject) -> list[str]:
    """Return an option in one of its forms."""
    length = len(option.long)
    if option.abbreviable:
        length = data.draw(st.integers(shortest(option), length))
    long = f"--{option.long[:length]}"
    if option.value is None:
        return [data.draw(st.sampled_from([f"-{option.short}", long]))]
    forms = [[long, value], [f"{long}={value}"], [f"{long}#{value}"]]
    if option.short:
        forms += [[f"-{option.short}", value]] + [[f"-{option.short}{value}"]] * bool(value)
    return data.draw(st.sampled_from(forms))


def shortest(option: Option) -> int:
    """Return how many letters distinguish an option's long name from all others."""
    others = [one.long for one in OPTIONS if one is not option and one.abbreviable]
    return next(
        n
        for n in range(1, len(option.long) + 1)
        if not any(other.startswith(option.long[:n]) for other in others)
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, 10061),
        ("0", 10061),
        ("", 10061),
        ("x", 10061),
        ("- 2000", 10061),
        ("65536", 10061),
        ("1024", 1024),
        ("65535", 65535),
        ("70000", 4464),
        ("-1", 65535),
        ("2000x", 2000),
        (" \t+2000", 2000),
        ("2000.9", 2000),
        ("٢٠٠٠", 10061),
    ],
)
def test_port_is_converted_like_the_original(text: str | None, value: int) -> None:
    """Leading blanks, sign and digits, 16 bits; 0 stands for the default in two commands."""
    assert port(text, zero_is_default=True) == value
    if value == 10061 and text is not None:
        with pytest.raises(BadValue, match="out of range"):
            port(text, zero_is_default=False)
    else:
        assert port(text, zero_is_default=False) == value


@pytest.mark.parametrize("text", ["1", "80", "1023", "65537", "-65535"])
def test_ports_of_the_system_are_refused(text: str) -> None:
    """1 to 1023, in whatever way they are written."""
    for zero_is_default in (True, False):
        with pytest.raises(BadValue, match=r"is out of range \(1024-65535\)"):
            port(text, zero_is_default=zero_is_default)


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001
def test_every_minute_is_a_start_time(at: datetime) -> None:
    """What is a time is taken as it stands."""
    text = f"{at.year:04}{at.month:02}{at.day:02}{at.hour:02}{at.minute:02}"
    assert start_time(text) == text


@given(
    st.one_of(
        st.text(alphabet=CHARACTERS, max_size=14),
        st.text(alphabet="0123456789", min_size=12, max_size=12),
        st.text(alphabet="0123456789-+. _", min_size=12, max_size=12),
    )
)
def test_nothing_else_is_a_start_time(text: str) -> None:
    """Twelve digits that make a real time of day on a real day; anything else is an error."""
    try:
        assert start_time(text) == text
    except BadValue as error:
        assert str(error) == f"start time [{text}] is not a time of the form YYYYMMDDHHMM"
        return
    assert len(text) == 12
    assert set(text) <= set("0123456789")
    assert 1 <= int(text[4:6]) <= 12
    assert int(text[8:10]) < 24
    assert int(text[10:]) < 60


@pytest.mark.parametrize(
    "wrong", ["203001312360", "203001312459", "203013010000", "203002290000", "20300131235", ""]
)
def test_impossible_start_times(wrong: str) -> None:
    """Minute, hour, month, day and length are checked."""
    with pytest.raises(BadValue):
        start_time(wrong)
    assert start_time("202802290000") == "202802290000"


def test_chosen_variables() -> None:
    """Empty names are skipped, blanks are not stripped, every name must exist and be text."""
    assert chosen("A,,B,", {"A": "1", "B": "", "C": "3"}) == {"A": "1", "B": ""}
    assert chosen("", {}) == chosen(",", {}) == {}
    with pytest.raises(BadValue, match=r"^environment variable \[ A\] does not exist$"):
        chosen("A, A", {"A": "1"})
    with pytest.raises(BadValue, match=r"^environment variable \[A\] is not UTF-8 text$"):
        chosen("A", {"A": "\udcff"})


def test_registry_numbers() -> None:
    """Digits, or nothing."""
    check_number("1600000000000000042")
    check_number("")
    for wrong in ("1x", "-1", " 1", "1.0", "٢"):
        with pytest.raises(BadValue):
            check_number(wrong)


STATUS = RunStatus(
    jobnet_id="NET",
    jobnet_name="net",
    scheduled_time=0,
    start_time=20260101000000,
    end_time=0,
    run_type=RunType.IMMEDIATE,
    state=RunState.RUN,
    job_status=JobStatus.TIMEOUT,
    stdout='a"$(id)`\\',
)


def test_get_formats() -> None:
    """Labels are padded; the shell format cannot execute what a job wrote."""
    lines = readable(fields(STATUS)).splitlines()
    assert lines[:3] == ["", "", "jobnetid                 : NET"]
    assert lines[8] == "Status of a jobnet       : RUN"
    shell = assignments(fields(STATUS)).splitlines()
    assert shell[5] == 'export JA_JOBNETRUNTYPE="IMMEDIATE"'
    assert shell[9] == 'export JA_LASTSTDOUT="a\\"\\$(id)\\`\\\\"'


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("job", JobStatus)
def test_get_exit_codes(state: RunState, job: JobStatus) -> None:
    """The code is the state of the run; 21 and 22 show trouble in a running one."""
    code = exit_code(replace(STATUS, state=state, job_status=job))
    assert code == {(2, 1): 21, (2, 2): 22}.get((state.value, job.value), state.value)


def test_status_properties() -> None:
    """Times without zone, and the questions that programs ask."""
    assert STATUS.started_at == datetime(2026, 1, 1)  # noqa: DTZ001
    assert STATUS.ended_at is None
    minute = datetime(2030, 1, 31, 23, 59)  # noqa: DTZ001
    assert replace(STATUS, scheduled_time=203001312359).scheduled_at == minute
    reported = (STATUS.has_ended, STATUS.ended_well, STATUS.has_error, STATUS.is_late)
    assert reported == (False, False, False, True)
    failed = replace(STATUS, job_status=JobStatus.ERROR)
    assert (failed.has_ended, failed.has_error, failed.is_late) == (False, True, False)
    ended = replace(failed, state=RunState.END)
    assert (ended.has_ended, ended.ended_well, ended.has_error) == (True, True, False)
    assert replace(ended, state=RunState.ENDERR).has_error


TEXT = st.text(alphabet=CHARACTERS + "\r", max_size=12)


@given(st.lists(TEXT, min_size=9, max_size=9))
def test_log_lines_are_read_as_they_were_written(texts: list[str]) -> None:
    """Whatever stands in the fields: quotes, commas, line ends."""
    line = csv_line(("2024/01/05 10:15:04.120", "16", "17", "4", "1", *texts))
    entry = LogEntry.from_line(line)
    assert [getattr(entry, name) for name in LogEntry.__slots__[5:]] == texts
    assert (entry.main_number, entry.number, entry.run_type) == (16, 17, RunType.TIME)
    assert entry.is_public
    assert entry.at == datetime(2024, 1, 5, 10, 15, 4, 120_000)  # noqa: DTZ001


@pytest.mark.parametrize("line", ["", "x", '"a', csv_line(("no time", *["1"] * 13))])
def test_lines_that_are_no_log_entry(line: str) -> None:
    """They are reported with their beginning."""
    with pytest.raises(BadAnswer, match="a line of the log cannot be read"):
        LogEntry.from_line(line)
