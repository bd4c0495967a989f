"""Frames come out right however the network cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.errors import FrameTooLarge, ProtocolError
from ipc.frames import HEADER, FrameLimits, FrameReader, encode


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut `data` at the given places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def read_all(reader: FrameReader, parts: list[bytes]) -> list[bytes]:
    """Feed the parts and collect every payload."""
    payloads = []
    for part in parts:
        reader.feed(part)
        while (payload := reader.next()) is not None:
            payloads.append(payload)
    return payloads


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(0, 5000)))
def test_any_segmentation(payloads: list[bytes], places: list[int]) -> None:
    """Any number of frames, cut anywhere, give exactly their payloads."""
    stream = b"".join(encode(payload) for payload in payloads)
    assert read_all(FrameReader(), cut(stream, places)) == payloads


@given(st.lists(st.integers(0, 100)))
def test_unframed_object_in_any_segmentation(places: list[int]) -> None:
    """A JSON object without a frame ends with its closing brace."""
    text = rb' {"a": "}]\" \\", "b": [{"c": "{["}], "d": "' + "日本".encode() + b'"}'
    assert read_all(FrameReader(), cut(text, places)) == [text]


def test_raw_bytes_behind_a_frame_are_kept() -> None:
    """A file copy reads raw bytes right after a frame."""
    reader = FrameReader()
    reader.feed(encode(b"{}") + b"0tar")
    assert reader.next() == b"{}"
    assert reader.rest() == b"0tar"


def test_length_is_unsigned_little_endian() -> None:
    """The layout of a frame, byte by byte."""
    assert encode(b"abc") == b"ZBXD\x01\x03\x00\x00\x00\x00\x00\x00\x00abc"


@pytest.mark.parametrize("over", [0, 1])
def test_limit_of_a_frame(over: int) -> None:
    """Exactly the limit is taken, one byte more is refused before the payload is read."""
    reader = FrameReader(FrameLimits(frame=10))
    reader.feed(HEADER + (10 + over).to_bytes(8, "little"))
    if over:
        with pytest.raises(FrameTooLarge):
            reader.next()
    else:
        assert reader.next() is None


def test_default_limits_are_the_original_ones() -> None:
    """128 MiB framed, 16 MiB unframed."""
    assert FrameLimits() == FrameLimits(frame=134_217_728, plain=16_777_216)


def test_lower_limit_of_a_kind() -> None:
    """A kind named first is held to its own limit as soon as it can be seen."""
    limits = FrameLimits(by_kind={"jobnetrun": 100})
    body = b'{"kind":"jobnetrun","data":"' + b"x" * 200 + b'"}'
    reader = FrameReader(limits)
    reader.feed(encode(body)[:90])
    with pytest.raises(FrameTooLarge):
        reader.next()
    other = FrameReader(limits)
    other.feed(encode(body.replace(b"jobnetrun", b"jobresult")))
    assert other.next() is not None


def test_unframed_limit() -> None:
    """An unframed text that does not end is cut off."""
    reader = FrameReader(FrameLimits(plain=50))
    reader.feed(b'{"a":"' + b"x" * 60)
    with pytest.raises(FrameTooLarge):
        reader.next()


def test_text_that_is_no_json_is_complete_at_once() -> None:
    """Nobody waits for the end of something that cannot become a telegram."""
    reader = FrameReader()
    reader.feed(b"GET / HTTP/1.1\r\n")
    assert reader.next() == b"GET / HTTP/1.1\r\n"


@pytest.mark.parametrize("part", [b"ZB", HEADER + b"\x05", encode(b"hello")[:-1]])
def test_end_of_file_inside_a_message(part: bytes) -> None:
    """A message that is cut short is an error, unless nothing came at all."""
    reader = FrameReader()
    reader.feed(part)
    assert reader.next() is None
    reader.end()
    with pytest.raises(ProtocolError):
        reader.next()


def test_end_of_file_without_a_byte() -> None:
    """An empty connection gives nothing."""
    reader = FrameReader()
    reader.end()
    assert reader.next() is None


def test_end_of_file_ends_an_unframed_text() -> None:
    """What came unframed is handed on when the peer has finished."""
    reader = FrameReader()
    reader.feed(b'{"a":')
    reader.end()
    assert reader.next() == b'{"a":'


def test_frames_only() -> None:
    """Our own clients accept framed replies only."""
    reader = FrameReader(plain=False)
    reader.feed(b"{")
    with pytest.raises(ProtocolError):
        reader.next()


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        (b'{"kind":"jobresult","x":"%s"}' % (b"x" * 300), True),
        (b'{"kind":"jobresult","x":"%s"}' % (b"x" * 500), False),
        (b'{"kind":"job.release","x":"%s"}' % (b"x" * 300), False),
        (b'{"x":"%s","kind":"jobresult"}' % (b"x" * 300), False),
        (b'{"x":1}', True),
    ],
)
def test_only_kinds_that_stand_first_may_be_large(body: bytes, fits: bool) -> None:
    """Anything else is held to the general limit before its bytes are kept."""
    limits = FrameLimits(frame=400, by_kind={"jobresult": 400}, other=100)
    reader = FrameReader(limits)
    reader.feed(encode(body))
    if fits:
        assert reader.next() == body
    else:
        with pytest.raises(FrameTooLarge):
            reader.next()
