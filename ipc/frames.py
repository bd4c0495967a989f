"""Frames: `ZBXD`, 0x01, the length as eight bytes little endian, the payload.

No I/O happens here. `encode` makes one frame (write it with a single call: an original peer reads
its header with one read). `FrameReader` takes bytes in any segmentation and gives back payloads of
exactly the announced length; what follows a frame stays available, since a file copy mixes frames
with raw bytes. A text without a frame is accepted too, as the original does: it ends where its
first JSON value ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ipc.errors import FrameTooLarge, ProtocolError

HEADER = b"ZBXD\x01"
PREFIX_BYTES = len(HEADER) + 8
MEBIBYTE = 1 << 20

#: A kind can be recognised when this many bytes of the payload are there.
_SNIFF_BYTES = 64
_KIND = re.compile(rb'^\s*\{\s*"kind"\s*:\s*"([^"\\]{1,40})"')
_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')


def encode(payload: bytes) -> bytes:
    """Return the frame that carries `payload`."""
    return HEADER + len(payload).to_bytes(8, "little") + payload


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLimits:
    """How many bytes a peer may make us keep."""

    frame: int = 128 * MEBIBYTE  #: payload of one frame
    plain: int = 16 * MEBIBYTE  #: one message without a frame
    #: limits of payloads whose `kind` stands first, where agents and commands write it
    by_kind: Mapping[str, int] = field(default_factory=dict)
    other: int | None = None  #: of a payload of any other form; None: as `frame`


def leading_kind(payload: bytes | bytearray) -> str | None:
    """Return the kind of a telegram where it is the first key, else None."""
    found = _KIND.match(payload)
    return None if found is None else found[1].decode("utf-8", "replace")


class FrameReader:
    """Cuts a stream of bytes into payloads.

    `feed` what arrives and ask `next` until it returns None; call `end` at end-of-file. After a
    `ProtocolError` the reader is of no further use.
    """

    def __init__(self, limits: FrameLimits | None = None, *, plain: bool = True) -> None:
        """Begin at the start of a message; `plain` accepts messages without a frame."""
        self._limits = limits or FrameLimits()
        self._plain_allowed = plain
        self._buffer = bytearray()
        self._length: int | None = None
        self._sniffed = False
        self._plain: _ValueEnd | None = None
        self._ended = False

    @property
    def received(self) -> int:
        """Return the number of bytes kept and not yet given out."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        self._buffer += data

    def end(self) -> None:
        """Note that no more bytes will come."""
        self._ended = True

    def rest(self) -> bytes:
        """Take out the bytes behind the last payload."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def next(self) -> bytes | None:
        """Return the next payload, or None if more bytes are needed.

        Raises:
            FrameTooLarge: a length or an unframed text is over its limit.
            ProtocolError: end-of-file inside a message.
        """
        if self._plain is None and self._length is None:
            self._begin()
        payload = self._next_plain() if self._plain is not None else self._next_frame()
        if payload is None and self._ended and self._buffer:
            raise ProtocolError(f"end of input after {len(self._buffer)} bytes of a message")
        return payload

    def _begin(self) -> None:
        buffer = self._buffer
        if not HEADER.startswith(buffer[: len(HEADER)]):
            if not self._plain_allowed:
                raise ProtocolError("no frame header")
            self._plain = _ValueEnd()
        elif len(buffer) >= PREFIX_BYTES:
            length = int.from_bytes(buffer[len(HEADER) : PREFIX_BYTES], "little")
            self._check(length, self._limits.frame)
            self._length = length
            self._sniffed = not self._limits.by_kind and self._limits.other is None

    def _next_frame(self) -> bytes | None:
        length = self._length
        if length is None:
            return None
        end = PREFIX_BYTES + length
        if not self._sniffed and len(self._buffer) >= min(end, PREFIX_BYTES + _SNIFF_BYTES):
            self._sniff(length)
        if len(self._buffer) < end:
            return None
        payload = bytes(memoryview(self._buffer)[PREFIX_BYTES:end])
        del self._buffer[:end]
        self._length = None
        return payload

    def _sniff(self, length: int) -> None:
        """Apply the limit of the kind, if it can be seen."""
        self._sniffed = True
        other = self._limits.frame if self._limits.other is None else self._limits.other
        kind = leading_kind(self._buffer[PREFIX_BYTES : PREFIX_BYTES + 4 * _SNIFF_BYTES])
        self._check(length, self._limits.by_kind.get(kind, other) if kind else other)

    def _next_plain(self) -> bytes | None:
        assert self._plain is not None
        end = self._plain.find(self._buffer)
        if end is None and self._ended:
            end = len(self._buffer)
        self._check(len(self._buffer) if end is None else end, self._limits.plain)
        if end is None:
            return None
        payload = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._plain = None
        return payload

    @staticmethod
    def _check(length: int, limit: int) -> None:
        if length > limit:
            raise FrameTooLarge(f"message of {length} bytes exceeds the limit of {limit} bytes")


class _ValueEnd:
    """Finds where the first JSON object or array of a growing buffer ends; looks at a byte once."""

    def __init__(self) -> None:
        self._at = 0
        self._depth = 0
        self._in_string = False

    def find(self, buffer: bytearray) -> int | None:
        """Return the index behind the value, or None if it goes on.

        A text that does not begin with an object or array is taken as complete at once.
        """
        if self._depth == 0:
            start = len(buffer) - len(buffer.lstrip())
            if start == len(buffer):
                return None
            if buffer[start] not in b"{[":
                return len(buffer)
            self._at = start + 1
            self._depth = 1
        while self._depth and self._step(buffer):
            pass
        return self._at if self._depth == 0 else None

    def _step(self, buffer: bytearray) -> bool:
        found = (_INSIDE if self._in_string else _OUTSIDE).search(buffer, self._at)
        if found is None:
            self._at = len(buffer)
            return False
        character = found[0]
        if character == b"\\":
            if found.end() >= len(buffer):
                self._at = found.start()
                return False
            self._at = found.end() + 1
            return True
        self._at = found.end()
        if character == b'"':
            self._in_string = not self._in_string
        else:
            self._depth += 1 if character in b"{[" else -1
        return True
