"""Results that the database cannot take now, safe on disk until it can.

One file a result in `JaStateDir`/spool, named so that the order of names is the order of arrival.
A file is complete when it has its name: it is written under another one, flushed to the disk and
renamed, and so is the directory. Any trapper writes; the first one reads and removes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

_SUFFIX = ".result"
_BAD = ".bad"
_serial = itertools.count()


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A result as it came, with what only the receiver knows."""

    received_at: int  #: UTC milliseconds
    peer: str  #: address of the sender
    telegram: str  #: the payload, without passwords


class Spool:
    """A directory of parcels."""

    def __init__(self, directory: Path) -> None:
        """Use `directory`; it is made when it is needed."""
        self._directory = directory

    def put(self, parcel: Parcel) -> Path:
        """Keep a parcel; when this returns it outlives a crash of the machine.

        Raises:
            OSError: it could not be kept.
        """
        _make_durably(self._directory)
        name = f"{parcel.received_at:015d}-{os.getpid()}-{next(_serial):08d}"
        path = self._directory / (name + _SUFFIX)
        hidden = self._directory / ("." + name)
        try:
            _write_durably(hidden, msgspec.json.encode(parcel))
            hidden.rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise
        _flush_directory(self._directory)
        return path

    def waiting(self, most: int) -> list[Path]:
        """Return the oldest parcels' files."""
        try:
            names = [name for name in os.listdir(self._directory) if name.endswith(_SUFFIX)]
        except FileNotFoundError:
            return []
        return [self._directory / name for name in sorted(names)[:most]]

    def read(self, paths: list[Path]) -> Iterator[tuple[Path, Parcel]]:
        """Give the parcels of files; one that cannot be understood is renamed and left out."""
        for path in paths:
            try:
                yield path, msgspec.json.decode(path.read_bytes(), type=Parcel)
            except (msgspec.DecodeError, UnicodeDecodeError):
                path.rename(path.with_suffix(_BAD))

    def remove(self, path: Path) -> None:
        """Forget a parcel that has been processed."""
        path.unlink(missing_ok=True)


def _make_durably(directory: Path) -> None:
    """Make a directory if it is missing, so that a crash of the machine does not undo it."""
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        _flush_directory(one.parent)


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with memoryview(data) as rest:
            done = 0
            while done < len(data):
                done += os.write(descriptor, rest[done:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
