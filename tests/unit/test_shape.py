"""How large the thing would be that a text describes."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.budget import SMALL
from ipc.dialects import loads
from ipc.errors import ProtocolError, ShapeTooLarge
from ipc.shape import FLAT, Shape, check
from ipc.telegrams.heads import start_head

MEBIBYTE = 1 << 20
#: Texts that were worst for some reader, and how many bytes of memory one may become.
WORST = {
    "lists": b'{"env":{"a":[' + b"[]," * (16 * MEBIBYTE // 3) + b"[]]}}",
    "deep": b'{"env":{"a":' + b"[" * 490 + b"]" * 490 + b"}}",
    "deeper": b"[" * (16 * MEBIBYTE),
    "open-string": b'{"a":"' + b'\\"' * MEBIBYTE,
    "open-strings": b'"\\' * MEBIBYTE,
    "digits": b'{"a":' + b"9" * (2 * MEBIBYTE) + b"}",
    "not-utf-8": b'{"a":"' + b"\xff" * (2 * MEBIBYTE) + b'"}',
    "half-characters": b'{"a":"' + b"\\ud800" * (2 * MEBIBYTE // 6) + b'"}',
    "one-wide": b'{"a":"\xf0\x9f\x98\x80' + b"a" * (2 * MEBIBYTE) + b'"}',
    "many-lists": b'{"a":[' + b"[]," * 1360 + b"[]]}",
    "many-numbers": b'{"a":[' + b"1.5," * 4000 + b"0]}",
    "keys": b"{" + b",".join(b'"%d":0' % number for number in range(1300)) + b"}",
}


def measured(work: Callable[[], object]) -> tuple[int, float]:
    """Return the bytes that remain of some work, and the seconds it took."""
    begin = time.process_time()
    with contextlib.suppress(ProtocolError):
        work()
    took = time.process_time() - begin
    kept: list[object] = []
    tracemalloc.start()
    with contextlib.suppress(ProtocolError):
        kept.append(work())
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return memory, took


@pytest.mark.parametrize("payload", WORST.values(), ids=WORST)
def test_no_text_becomes_more_than_was_counted(payload: bytes) -> None:
    """What is taken stays below the estimate, and nothing takes a second."""
    memory, took = measured(lambda: loads(payload, FLAT))
    assert memory + len(payload) <= FLAT.becomes(len(payload))
    assert took < 1.0


@pytest.mark.parametrize("name", ["lists", "deep", "deeper"])
def test_too_much_is_found_before_anything_is_built(name: str) -> None:
    """A few kilobytes are all that it takes to say no."""
    with pytest.raises(ShapeTooLarge):
        check(WORST[name], FLAT)
    memory, _ = measured(lambda: loads(WORST[name], FLAT))
    assert memory < SMALL


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (b'{"a":{"b":[]}}', True),
        (b'{"a":{"b":[[]]}}', False),
        (b'{"a":"[[[[[[[["}', True),
        (b'{"a":"\\"[[[[[[[["}', True),
        (b'{"a":1} [[[[[[[[', True),
        (rb'{"a":"\\","b":"\\\"[[[[["}', True),
        (rb'{"a":"\\",[[[[["}', False),
        (b"[1,2,3,4,5,6,7,8]", True),
        (b"[1,2,3,4,5,6,7,8,9,10]", False),
        (b'["1","2","3","4","5"]', False),
    ],
)
def test_depth_and_parts_of_the_first_value(text: bytes, fits: bool) -> None:
    """What stands in strings, or behind the value, does not count."""
    with contextlib.nullcontext() if fits else pytest.raises(ShapeTooLarge):
        check(text, Shape(depth=3, parts=10))
    padded = text + b" " * 5000  # long texts are not counted first
    with contextlib.nullcontext() if fits else pytest.raises(ShapeTooLarge):
        check(padded, Shape(depth=3, parts=10))


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    """Return how deep a value nests."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(JSON, st.integers(1, 6))
def test_the_depth_is_the_real_one(value: object, deepest: int) -> None:
    """For any JSON."""
    fits = depth_of(value) <= deepest
    with contextlib.nullcontext() if fits else pytest.raises(ShapeTooLarge):
        check(json.dumps(value).encode(), Shape(depth=deepest, parts=10_000))


@given(st.binary(max_size=300) | st.text(alphabet='[]{},:"\\ 1a', max_size=300).map(str.encode))
def test_any_bytes_are_judged(payload: bytes) -> None:
    """No text gets another error out of it."""
    with contextlib.suppress(ShapeTooLarge):
        check(payload, Shape(depth=4, parts=20))


def test_the_head_of_a_start_builds_nothing_of_its_variables() -> None:
    """Four mebibytes of lists behind a name and a password cost next to nothing."""
    env = b'"env":{"a":[' + b"[]," * 1_390_000 + b"[]]}"
    payload = b'{"kind":"jobnetrun","version":1,"data":{' + env + b',"username":"u","jobnetid":7}}'
    message = start_head(payload)
    data = {"username": "u", "jobnetid": 7}
    assert message == {"kind": "jobnetrun", "version": 1, "data": data}
    memory, took = measured(lambda: start_head(payload))
    assert memory < SMALL
    assert took < 1.0


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b'{"data":{"username":[]}}',
        b'{"data":{"env":' + b"[" * 100_000 + b"}}",
        b"\xff",
    ],
)
def test_a_head_that_is_none(payload: bytes) -> None:
    """It is an expected error."""
    with pytest.raises(ProtocolError):
        start_head(payload)
