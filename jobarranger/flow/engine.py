"""The engine's fixed surroundings: clock, zone, limits. One per process, shared by all steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from jobarranger.clock import Clock, stamp12, stamp14, stamp17, zone_named

if TYPE_CHECKING:
    from jobarranger.config import ServerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What every step of a run needs beside its rows."""

    clock: Clock
    zone: tzinfo
    patience_ms: int = 1000  #: how long a reached END waits for icons still active (ms)
    together_ms: int = 1000  #: branches that meet within it at IFEND or L are one arrival (ms)
    steps: int = 100  #: icons of one family in one transaction, then the next family's turn

    @classmethod
    def from_config(cls, config: ServerConfig, clock: Clock) -> Engine:
        """Make the engine of a configured server."""
        return cls(
            clock=clock,
            zone=zone_named(config.ja_time_zone),
            patience_ms=config.ja_jobnet_interval * 1000,
            together_ms=config.ja_run_interval * 1000,
        )

    def now(self) -> Now:
        """Return the present instant in all the forms that rows need."""
        at = self.clock.now_ms()
        log = stamp17(at, self.zone)
        return Now(at=at, minute=stamp12(at, self.zone), second=stamp14(at, self.zone), log=log)


@dataclass(frozen=True, slots=True)
class Now:
    """One instant: UTC milliseconds and the local digit stamps."""

    at: int
    minute: int  #: YYYYMMDDHHMM
    second: int  #: YYYYMMDDHHMMSS
    log: int  #: YYYYMMDDHHMMSSmmm
