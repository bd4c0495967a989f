"""The one source of time.

Everything that needs the time gets a `Clock`; nothing else in the product reads the system's
clocks (a test enforces it). Instants are UTC milliseconds (`int`); durations are measured on the
monotonic clock in seconds (`float`). The digit stamps of the `ja_` tables are local wall-clock
time in the server's zone, made here and only here (docs/time.md).
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Where the time comes from."""

    def now_ms(self) -> int:
        """Return the present instant in UTC milliseconds."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow; good for differences inside one process."""

    def sleep(self, seconds: float) -> None:
        """Wait; an injected clock may just move itself forward."""


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Return the present instant in UTC milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds of the system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Suspend the calling thread."""
        time.sleep(seconds)


def zone_named(name: str | None) -> tzinfo:
    """Return the zone called `name` (IANA name), or the system's own zone for None or ''.

    Raises:
        KeyError: the name is not known (`zoneinfo.ZoneInfoNotFoundError`).
    """
    if name:
        return ZoneInfo(name)
    local = datetime.now(UTC).astimezone().tzinfo
    key = _system_zone_key()
    if key is not None:
        return ZoneInfo(key)
    assert local is not None
    return local


def _system_zone_key() -> str | None:
    """Return the IANA name that TZ or /etc/localtime stands for, if it can be known."""
    wanted = os.environ.get("TZ", "").removeprefix(":")
    if not wanted:
        target = os.path.realpath("/etc/localtime")
        wanted = target.partition("/zoneinfo/")[2]
    try:
        ZoneInfo(wanted)
    except (OSError, ValueError):
        return None
    return wanted


def local_time(at_ms: int, zone: tzinfo) -> datetime:
    """Return the wall-clock time of an instant in `zone`."""
    return datetime.fromtimestamp(at_ms / 1000, zone)


def stamp17(at_ms: int, zone: tzinfo) -> int:
    """Return `YYYYMMDDHHMMSSmmm` (17 digits), as in `ja_run_log_table.log_date`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    local = datetime.fromtimestamp(seconds, zone)
    return int(local.strftime("%Y%m%d%H%M%S")) * 1000 + milliseconds


def stamp14(at_ms: int, zone: tzinfo) -> int:
    """Return `YYYYMMDDHHMMSS` (14 digits), as in `start_time` and `end_time`."""
    return stamp17(at_ms, zone) // 1000


def stamp12(at_ms: int, zone: tzinfo) -> int:
    """Return `YYYYMMDDHHMM` (12 digits), as in `scheduled_time`."""
    return stamp14(at_ms, zone) // 100


def next_stamp17(stamp: int) -> int:
    """Return the 17-digit stamp one millisecond later, as digits of a real time of day."""
    whole, milliseconds = divmod(stamp, 1000)
    if milliseconds < 999:
        return stamp + 1
    later = datetime.strptime(str(whole), "%Y%m%d%H%M%S") + timedelta(seconds=1)  # noqa: DTZ007
    return int(later.strftime("%Y%m%d%H%M%S")) * 1000
