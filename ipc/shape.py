"""How big the thing would be that a text describes, found from its bytes before anything is built.

Sixteen mebibytes of `[],[],…` become a gigabyte of lists, and a thousand opening brackets are more
than any recursive reader survives. So a text from outside is looked over first: how deep it nests
and of how many parts it is made. That costs one pass over the bytes and stops at the first excess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ipc.errors import ShapeTooLarge

#: Bytes that a part becomes: a number in a list, or a third of `[],`.
_PART_BYTES = 32
#: How many times as much as it was the text of small parts becomes.
_PART_GROWTH = 21
#: How many times as much a text becomes with itself, if a wide character makes all of it wide.
_TEXT_GROWTH = 5

#: A whole string without escapes, or one character of structure. Nothing is ever looked at twice:
#: `*+` does not go back, and a string without an end goes on to the end of the text.
_PART = re.compile(rb'"[^"]*+"?|[\[\]{},]')
#: Texts up to this many bytes are counted first, which is quicker for most.
_COUNTED = 64 << 10
_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")


@dataclass(frozen=True, slots=True)
class Shape:
    """The largest shape that is taken."""

    depth: int  #: objects and arrays inside each other
    parts: int  #: strings, commas, brackets and braces

    def becomes(self, size: int) -> int:
        """Return the bytes that a text of so many takes, itself included, at the worst."""
        return _TEXT_GROWTH * size + min(_PART_GROWTH * size, _PART_BYTES * self.parts)


#: What the telegrams of version 1 need: 1,024 variables have 3,072 parts and lie three deep.
FLAT = Shape(depth=8, parts=4096)


def check(payload: bytes, shape: Shape) -> None:
    """Look the first JSON value of a text over; whether it is JSON at all is not judged here.

    Raises:
        ShapeTooLarge: it is deeper or has more parts than `shape` allows.
    """
    if len(payload) > _COUNTED or not _is_small(payload, shape):
        _look_over(payload, shape)


def _is_small(payload: bytes, shape: Shape) -> bool:
    """Return whether counting alone shows that the shape is right, as with most requests."""
    opened = payload.count(b"{") + payload.count(b"[")
    closed = payload.count(b"}") + payload.count(b"]")
    rest = payload.count(b",") + payload.count(b'"')
    return opened <= shape.depth and opened + closed + rest <= shape.parts


def _look_over(payload: bytes, shape: Shape) -> None:
    text = _without_escapes(payload)
    depth = 0
    for number, found in enumerate(_PART.finditer(text), 1):
        if number > shape.parts:
            raise ShapeTooLarge(f"more than {shape.parts} parts")
        first = text[found.start()]
        if first in _OPENING:
            depth += 1
            if depth > shape.depth:
                raise ShapeTooLarge(f"nested more than {shape.depth} deep")
        elif first in _CLOSING:
            depth -= 1
            if depth <= 0:
                return  # text behind the first value is not read


def _without_escapes(payload: bytes) -> bytes:
    """Take out escaped backslashes and then escaped quotes: each quote left begins or ends."""
    return payload.replace(b"\\\\", b"").replace(b'\\"', b"")
