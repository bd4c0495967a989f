"""A byte stream with frames in it: what a file copy needs beside single exchanges.

`Stream` is the seam: today asyncio's reader and writer stand behind it, later TLS may. Every read
takes at most what was asked for, so that raw bytes and frames can follow each other.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from ipc.errors import FrameTooLarge, ProtocolError
from ipc.frames import HEADER, PREFIX_BYTES, Limits, encode


class Stream(Protocol):
    """Bytes in and out in order."""

    async def read(self, most: int) -> bytes:
        """Return at least one and at most `most` bytes; b'' at end-of-file."""

    async def read_exactly(self, count: int) -> bytes:
        """Return exactly `count` bytes.

        Raises:
            ProtocolError: end-of-file came first.
        """

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting while the peer is slow."""

    async def close(self) -> None:
        """Close in good order; never raises."""


class AsyncStream:
    """A `Stream` over asyncio's reader and writer; time-outs are the caller's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over an open connection."""
        self._reader = reader
        self._writer = writer

    async def read(self, most: int) -> bytes:
        """Return at least one and at most `most` bytes; b'' at end-of-file."""
        return await self._reader.read(most)

    async def read_exactly(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        try:
            return await self._reader.readexactly(count)
        except asyncio.IncompleteReadError as error:
            got = len(error.partial)
            raise ProtocolError(f"end of input after {got} of {count} bytes") from None

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting while the peer is slow."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """Close in good order; never raises."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def read_frame(stream: Stream, limits: Limits | None = None) -> bytes:
    """Return the payload of the next frame, reading not one byte further.

    Raises:
        ProtocolError: something else than a frame, too long a one, or end-of-file.
    """
    most = (limits or Limits()).frame
    prefix = await stream.read_exactly(PREFIX_BYTES)
    if not prefix.startswith(HEADER):
        raise ProtocolError("no frame header")
    length = int.from_bytes(prefix[len(HEADER) :], "little")
    if length > most:
        raise FrameTooLarge(f"message of {length} bytes exceeds the limit of {most} bytes")
    return await stream.read_exactly(length)


async def write_frame(stream: Stream, payload: bytes) -> None:
    """Send `payload` as one frame with one write."""
    await stream.write(encode(payload))
