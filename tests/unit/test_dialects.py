"""The writers give the recorded bytes; the reader takes what peers really send."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc import telegrams
from ipc.dialects import Json, dump_job, dump_old, loads, mapping, number, old_text, text
from ipc.errors import ProtocolError

RECORDED = Path(__file__).parents[1] / "data" / "telegrams.jsonl"


def recorded_frames() -> list[tuple[str, str]]:
    """Return (name, text) of every recorded frame."""
    frames = []
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        for side in ("request", "reply"):
            for place, part in enumerate(exchange[side]):
                if "frame" in part:
                    frames.append((f"{exchange['conn']}-{side}-{place}", part["frame"]))
    return frames


FRAMES = recorded_frames()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize("frame", [f for _, f in FRAMES], ids=[n for n, _ in FRAMES])
def test_recorded_frame_is_written_back_byte_for_byte(frame: str) -> None:
    """Reading a recorded telegram into its record and writing it gives the same bytes."""
    payload = frame.encode()
    message = loads(payload)
    assert isinstance(message, dict)
    if "kind" in message:
        assert telegrams.parse(payload).to_json() == payload
    else:  # the check sums of a file copy
        assert dump_job(message) == payload


def test_every_kind_but_ours_was_recorded() -> None:
    """The recordings cover all kinds except our extension and the error reply."""
    seen = {telegrams.parse(f.encode()).kind for _, f in FRAMES if '"kind"' in f}
    assert set(telegrams.KINDS) - seen == {"jobquery", "jobquery-res", "jobresult-res"}


@given(JSON)
def test_both_layouts_are_json_of_the_same_value(value: Json) -> None:
    """Whatever is written can be read by anybody's parser and gives the value back."""
    for written in (dump_job(value), dump_old(value)):
        text_ = written.decode()
        if not _has_surrogate(value):
            assert json.loads(text_) == value
            assert loads(written) == value


def _has_surrogate(value: Json) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in json.dumps(value, ensure_ascii=False))


def test_form_feed_is_escaped_differently() -> None:
    """Only the old dialect knows the short escape of a form feed."""
    assert dump_job("a\f/\x01") == b'"a\\u000c\\/\\u0001"'
    assert dump_old("a\f/\x01") == b'"a\\f\\/\\u0001"'


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a":"\xff\xfe"}', {"a": "��"}),
        (b'{"a":"x\ty\nz\x01"}', {"a": "x\ty\nz\x01"}),
        (b'{"a":1} and more', {"a": 1}),
        (b'{"a":1}\x00\x00', {"a": 1}),
        (b'\xef\xbb\xbf {"a":1}', {"a": 1}),
        (b'{"a":NaN}', {"a": None}),
        (b"[1]", [1]),
        (b'{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ],
)
def test_reader_takes_faulty_text(payload: bytes, value: object) -> None:
    """Bad UTF-8, control characters and trailing text do not lose a telegram."""
    assert loads(payload) == value


@pytest.mark.parametrize(
    "payload", [b"", b" ", b"GET / HTTP/1.0", b'{"a":', b"[" * 100_000, b'{"a":' + b"9" * 10_000]
)
def test_what_is_not_json_is_an_expected_error(payload: bytes) -> None:
    """No input gets another exception out of the reader."""
    with pytest.raises(ProtocolError):
        loads(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    """Arbitrary bytes give a value or a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        loads(payload)


def test_scalars_are_converted_both_ways() -> None:
    """Numbers and texts stand in for each other; null is absent, in the old dialect empty."""
    data = {"n": 17, "s": "18x", "z": None, "b": True, "o": {}, "f": 1.0}
    assert [text(data, key) for key in "nszbo"] == ["17", "18x", None, None, None]
    assert [number(data, key) for key in "nszbof"] == [17, 18, None, None, None, 1]
    assert old_text(data, "z") == ""
    assert old_text(data, "absent") is None
    assert mapping(data, "o") == {}
    assert mapping(data, "n") is None


def test_missing_key_is_named_and_nothing_quoted() -> None:
    """The error names the key; the rest of the request, with its password, is not in it."""
    payload = b'{"kind":"jobnetrun","version":1,"data":{"username":"u","password":"geheim"}}'
    with pytest.raises(ProtocolError, match=r"jobnetid") as caught:
        telegrams.parse(payload)
    assert "geheim" not in str(caught.value)


def test_jobresult_tolerates_what_agents_leave_out() -> None:
    """Only the keys that the case needs are mandatory."""
    good = {"jobid": 7, "hostname": "h", "result": "0", "std_out": "", "std_err": ""}
    message = {"kind": "jobresult", "version": 1, "data": good | {"return_code": 0, "signal": "0"}}
    read = telegrams.JobResult.from_json(message)
    assert (read.jobid, read.result, read.signal, read.attempt) == (7, 0, 0, None)
    failed = {"jobid": "7", "hostname": "h", "result": 1, "message": "m"}
    assert telegrams.JobResult.from_json({"data": failed}).return_code is None
    with pytest.raises(ProtocolError, match="return_code"):
        telegrams.JobResult.from_json({"data": good})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jobid", 10**30),
        ("jobid", -1),
        ("attempt", 10**12),
        ("return_code", "99999999999"),
        ("signal", 1e18),
        ("result", 2**40),
    ],
)
def test_numbers_that_no_database_can_keep_are_refused(key: str, value: object) -> None:
    """They would fail together with the good results that happen to come at the same time."""
    good = {"jobid": 7, "hostname": "h", "result": 0, "std_out": "", "std_err": ""}
    data = good | {"return_code": 0, "signal": 0, "attempt": 1} | {key: value}
    with pytest.raises(ProtocolError, match=key):
        telegrams.JobResult.from_json({"version": 1, "data": data})


def test_half_characters_are_replaced() -> None:
    """As an escape they pass JSON, but neither UTF-8 nor a database."""
    assert loads(b'{"a": "x\\ud800y", "b": "\\ud83d\\ude00", "c": 1e999}') == {
        "a": "x?y",
        "b": "\U0001f600",
        "c": None,
    }
    assert loads(rb'"\ud800" and more') == "?"


def test_environment_values_keep_their_meaning() -> None:
    """Numbers are text and null is empty; a structure keeps its JSON text."""
    env = {"A": 1, "B": None, "C": True, "D": [1]}
    data = {"username": "u", "password": "p", "jobnetid": "j", "env": env}
    read = telegrams.JobnetRun.from_json({"version": 1, "data": data})
    assert read.env == {"A": "1", "B": "", "C": "true", "D": "[ 1 ]"}


def test_extensions_are_written_and_read() -> None:
    """Attempt, agent and retry travel; without them the original's bytes come out."""
    run = telegrams.JobRun(serverid="1", hostname="h", jobid=5, attempt=2)
    assert telegrams.parse(run.to_json()) == run
    query = telegrams.JobQuery(serverid="1", hostname="h", jobid=5, attempt=2)
    assert telegrams.parse(query.to_json()) == query
    reply = telegrams.JobQueryReply(state="running", agent="jobarranger-py 1")
    assert telegrams.parse(reply.to_json()) == reply
    later = telegrams.Response(serverid="1", result=-1, message="m", retry=1)
    assert telegrams.parse(later.to_json()) == later
