"""Bytes and frames that go wrong. Pure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ipc.frames import HEADER, encode

#: Lengths that no telegram has.
ABSURD = (0, 1, 1 << 24, (1 << 24) + 1, 1 << 27, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1)
#: Bytes that are not UTF-8: a lone follower, an overlong form, half of a pair, a cut character.
BROKEN = (
    b"\x80",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\xff\xfe",
    b"\xf8\x88\x80\x80\x80",
)


def damaged(data: bytes, random: Random) -> tuple[str, bytes]:
    """Damage some bytes; return the name of the fault and the result."""
    name, fault = random.choice(DAMAGES)
    return name, fault(data, random)


def framed(payload: bytes, random: Random) -> tuple[str, bytes]:
    """Return the payload in a frame that is wrong, and the name of the fault."""
    name, fault = random.choice(FRAMES)
    return name, fault(payload, random)


def _flip(data: bytes, random: Random) -> bytes:
    result = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if result:
            result[random.randrange(len(result))] ^= 1 << random.randrange(8)
    return bytes(result)


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.randint(1, 20) :]


def _repeat(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    piece = data[start : start + random.randint(1, 40)]
    return data[:start] + piece * random.choice([2, 3, 50, 1000]) + data[start:]


def _insert(data: bytes, piece: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + piece + data[at:]


def _noise(data: bytes, random: Random) -> bytes:
    return _insert(data, random.randbytes(random.randint(1, 64)), random)


def _broken(data: bytes, random: Random) -> bytes:
    return _insert(data, random.choice(BROKEN) * random.choice([1, 1, 100]), random)


def _zeros(data: bytes, random: Random) -> bytes:
    return _insert(data, b"\x00" * random.choice([1, 10, 70_000]), random)


#: What may happen to bytes.
DAMAGES: list[tuple[str, Callable[[bytes, Random], bytes]]] = [
    ("flipped bits", _flip),
    ("cut", _cut),
    ("removed bytes", _remove),
    ("repeated bytes", _repeat),
    ("noise", _noise),
    ("not UTF-8", _broken),
    ("zero bytes", _zeros),
]


def _with_length(payload: bytes, length: int) -> bytes:
    return HEADER + length.to_bytes(8, "little") + payload


def _wrong_length(payload: bytes, random: Random) -> bytes:
    length = max(0, len(payload) + random.choice([-20, -1, 1, 20, 1000]))
    return _with_length(payload, length)


def _absurd_length(payload: bytes, random: Random) -> bytes:
    return _with_length(payload, random.choice(ABSURD))


def _header_only(payload: bytes, random: Random) -> bytes:
    return encode(payload)[: random.randint(0, 13)]


def _trailing(payload: bytes, random: Random) -> bytes:
    return encode(payload) + random.randbytes(random.choice([1, 13, 1000, 100_000]))


def _no_frame(payload: bytes, random: Random) -> bytes:
    return payload


def _several(payload: bytes, random: Random) -> bytes:
    return encode(payload) * random.choice([2, 3, 50])


def _other_mark(payload: bytes, random: Random) -> bytes:
    mark = random.choice(
        [b"ZBXD\x03", b"ZBXD\x00", b"zbxd\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"]
    )
    return mark + encode(payload)[len(HEADER) :]


def _frame_in_frame(payload: bytes, random: Random) -> bytes:
    return encode(encode(payload))


#: What may be wrong with a frame.
FRAMES: list[tuple[str, Callable[[bytes, Random], bytes]]] = [
    ("wrong length", _wrong_length),
    ("absurd length", _absurd_length),
    ("header only", _header_only),
    ("trailing bytes", _trailing),
    ("no frame", _no_frame),
    ("several frames", _several),
    ("other mark", _other_mark),
    ("frame in a frame", _frame_in_frame),
]
