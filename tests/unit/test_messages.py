"""Messages: declarations, texts, and the catalogue file that edits them."""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger import messages as m
from jobarranger.messages.edits import parse
from jobarranger.messages.model import MAX_BYTES, Kind, Message, fill

EXAMPLE = Message("X200001", Kind.ERROR, notify=True, text="{b} {a}", fields={"a": str, "b": int})
ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Path]:
    """Return the path of a catalogue file in use."""
    path = tmp_path / "catalogue.txt"
    m.use(path)
    yield path
    m.use(None)


@pytest.mark.parametrize("message", list(m.declared().values()), ids=lambda message: message.id)
def test_declarations_are_sound(message: Message) -> None:
    """Variable and id agree, places are fields, texts are one line without printf signs."""
    assert getattr(m, message.id) is message
    assert re.fullmatch(r"JA[A-Z]+[0-3]0\d{4}", message.id)
    assert set(re.findall(r"\{(\w+)\}", message.text)) <= set(message.fields)
    assert not re.search(r"[%\n\r]|^\s|\s$|  ", message.text)
    assert not any("password" in field or "telegram" in field for field in message.fields)


def test_places_are_filled_by_name() -> None:
    """In whatever order they stand."""
    assert fill("{b}/{a}/{b}", EXAMPLE, {"a": "x", "b": 2}) == "2/x/2"


@pytest.mark.parametrize("sign", ["%lu", "%llu", "%qu", "%d", "%5d"])
def test_older_files_are_filled_in_turn(sign: str) -> None:
    """The conversions of the original's files, and a doubled percent sign."""
    assert fill(f"In %s: {sign} 5%%", EXAMPLE, {"a": "f", "b": 2}) == "In f: 2 5%"


def test_a_value_is_never_taken_for_a_place() -> None:
    """What users typed stays as it is."""
    assert fill("{a} %d", EXAMPLE, {"a": "{b} %s", "b": 2}) == "{b} %s {b} %s"


def test_a_place_without_a_value_loses_no_message() -> None:
    """It shows as a question mark."""
    assert fill("{a} {nothing} %s %s %s", EXAMPLE, {"a": "x"}) == "x ? x ? ?"


@given(st.text(), st.text())
def test_no_text_is_too_long_or_breaks(text: str, value: str) -> None:
    """Whatever an administrator writes and whatever is filled in."""
    assert len(fill(text + "{a}", EXAMPLE, {"a": value * 5000}).encode("utf-8", "replace")) <= (
        MAX_BYTES
    )


def test_saying_writes_id_and_text_at_the_kinds_level(caplog: pytest.LogCaptureFixture) -> None:
    """And hands back what was said."""
    with caplog.at_level(logging.DEBUG):
        raised = m.log_message(
            m.JAJOBNETRUN200005, inner_jobnet_id=7, ready_count=1, running_count=2
        )
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == raised.line == f"[JAJOBNETRUN200005] {raised.text}"
    assert "7" in raised.text
    assert raised.notify


def test_the_jobs_failure_notice_is_information_and_notified() -> None:
    """The main alarm of the product."""
    assert (m.JAJOBNETRUN000001.kind, m.JAJOBNETRUN000001.notify) == (Kind.INFORMATION, True)


def test_without_a_file_messages_are_as_built_in(catalogue: Path) -> None:
    """Also after the file has gone."""
    built_in = m.render(m.JASERVER000003)
    catalogue.write_text("JASERVER000003,3,1,edited\n")
    assert m.render(m.JASERVER000003) == m.Raised("JASERVER000003", Kind.WARNING, True, "edited")
    catalogue.unlink()
    assert m.render(m.JASERVER000003) == built_in


def test_an_edit_takes_effect_at_once(catalogue: Path) -> None:
    """Even one of the same length within the same moment, recognised by another time stamp."""
    for number, word in enumerate(("one", "two")):
        catalogue.write_text(f"JASERVER000003,0,0,{word}\n")
        os.utime(catalogue, ns=(0, number))
        assert m.render(m.JASERVER000003).text == word


def test_an_originals_line_still_fits(catalogue: Path) -> None:
    """Its first argument is the name of a function."""
    catalogue.write_text("JAFLOW200003,2,1,In %s() no way on, inner_job_id=%lu\n")
    text = m.render(m.JAFLOW200003, inner_job_id=42).text
    assert text == "In jobarranger.messages() no way on, inner_job_id=42"


def test_lines_without_sense_are_reported_and_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The built-in message is used; no message is lost."""
    content = "# x\n\nA,0,0\nB,9,0,x\nC,0,2,x\nD,0,0,\n F , 2 , 1 , a, b \r\nF,0,0,second\n"
    edits = parse(content, Path("/c.txt"))
    assert list(edits) == ["F"]
    assert (edits["F"].kind, edits["F"].notify, edits["F"].text) == (Kind.ERROR, True, " a, b ")
    assert re.findall(r"txt:(\d)", caplog.text) == ["3", "4", "5", "6"]


def test_a_file_that_cannot_be_read_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A directory, for one."""
    m.use(tmp_path)
    try:
        for _ in range(3):
            assert m.render(m.JASERVER000003).text == m.JASERVER000003.text
    finally:
        m.use(None)
    assert len(caplog.records) == 1


def test_the_shipped_file_is_the_catalogue() -> None:
    """Kind, notification and text of every message, and nothing else."""
    path = ROOT / "conf/locale/logmessage_64BIT.txt"
    edits = parse(path.read_text(), path)
    assert {name: (e.kind, e.notify, e.text) for name, e in edits.items()} == {
        name: (one.kind, one.notify, one.text) for name, one in m.declared().items()
    }
