"""One measured figure, and the probes that figures are made of."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from tests.services import PrivateServer

#: How often the file system is asked to sync for `fsync_us`.
SYNCS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the result."""

    name: str
    database: str
    value: float
    unit: str
    limit: float | None = None  #: the bare limit in the same unit, measured in the same run
    ratio: float | None = None  #: how many times the limit it is (above 1: worse)
    detail: Mapping[str, float | str] = field(default_factory=dict)

    @classmethod
    def rate(
        cls,
        name: str,
        database: str,
        value: float,
        unit: str,
        limit: float,
        detail: Mapping[str, float | str],
    ) -> Figure:
        """Return a figure of which more is better, beside its limit."""
        ratio = round(limit / value, 2)
        value, limit = round(value, 1), round(limit, 1)
        return cls(
            name=name,
            database=database,
            value=value,
            unit=unit,
            limit=limit,
            ratio=ratio,
            detail=detail,
        )

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON: one flat object."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "detail"},
            **self.detail,
        }


def fsync_us(directory: Path) -> float:
    """Return the mean time of one small synced write, in microseconds."""
    file = directory / "fsync"
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY, 0o600)
    started = time.perf_counter()
    for _ in range(SYNCS):
        os.write(descriptor, b"x" * 4096)
        os.fsync(descriptor)
    spent = time.perf_counter() - started
    os.close(descriptor)
    file.unlink()
    return spent / SYNCS * 1e6


def file_system(directory: Path) -> str:
    """Return the type of the file system that holds a directory."""
    best = ("", "unknown")
    for part in psutil.disk_partitions(all=True):
        if str(directory).startswith(part.mountpoint) and len(part.mountpoint) > len(best[0]):
            best = (part.mountpoint, part.fstype)
    return best[1]


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the processor time that processes and their ended children have used."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def pss_bytes(processes: Iterable[psutil.Process]) -> int:
    """Return the memory of processes, shared pages counted in proportion."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += int(process.memory_full_info().pss)
    return total


class Questions:
    """How many statements a database server has been sent (its own count; 0 where it has none)."""

    def __init__(self, server: PrivateServer | None) -> None:
        """Ask `server` each time."""
        self._server = server

    def count(self) -> int:
        """Return the statements so far, the asking ones included."""
        return self._server.statements() if self._server is not None else 0
