"""How big the thing would be that a text describes, told from its bytes before anything is built.

Sixteen mebibytes of `[],[],…` become a gigabyte of lists, and a thousand opening brackets are more
than any recursive reader survives. So a text from outside is looked over first: how deep it nests
and of how many parts it is made. That costs one pass over the bytes and stops at the first excess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ipc.errors import ShapeTooLarge

#: Bytes that as many parts as `FLAT` allows become.
_PARTS_AT_MOST = 96 << 10

#: A whole string, or one character of structure. Nothing is ever looked at twice: `*+` does not go
#: back, and a string without an end goes on to the end of the text.
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
#: Texts up to this many bytes are counted first, which is quicker for all but odd ones.
_COUNTED = 4096
_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")


@dataclass(frozen=True, slots=True)
class Shape:
    """The largest shape that is taken."""

    depth: int  #: objects and arrays inside each other
    parts: int  #: strings, commas, brackets and braces


#: What the telegrams of version 1 need: 1,024 variables have 3,072 parts and lie three deep.
FLAT = Shape(depth=8, parts=4096)


def becomes(size: int) -> int:
    """Return the bytes that a flat request of so many takes, itself included, at the worst.

    One wide character makes four bytes of each of its text, and small parts, such as `[],`, become
    twenty-one times as much as they were, as long as their number is that of `FLAT`.
    """
    return 5 * size + min(21 * size, _PARTS_AT_MOST)


def check(payload: bytes, shape: Shape) -> None:
    """Look the first JSON value of a text over; whether it is JSON at all is not judged here.

    Raises:
        ShapeTooLarge: it is deeper or has more parts than `shape` allows.
    """
    if len(payload) > _COUNTED or not _is_small(payload, shape):
        _look_over(payload, shape)


def _is_small(payload: bytes, shape: Shape) -> bool:
    """Tell whether counting alone shows that the shape is right, as with most requests."""
    opened = payload.count(b"{") + payload.count(b"[")
    closed = payload.count(b"}") + payload.count(b"]")
    rest = payload.count(b",") + payload.count(b'"')
    return opened <= shape.depth and opened + closed + rest <= shape.parts


def _look_over(payload: bytes, shape: Shape) -> None:
    depth = 0
    for number, found in enumerate(_PART.finditer(payload), 1):
        if number > shape.parts:
            raise ShapeTooLarge(f"more than {shape.parts} parts")
        first = payload[found.start()]
        if first in _OPENING:
            depth += 1
            if depth > shape.depth:
                raise ShapeTooLarge(f"nested more than {shape.depth} deep")
        elif first in _CLOSING:
            depth -= 1
            if depth <= 0:
                return  # text behind the first value is not read
