"""Whether a server is at work, by the signs of life it leaves in the database. Pure.

The signs bear the time of the server's clock. Only the first is believed as it stands; from then
on it counts when a sign has changed by the watcher's own clock, so clocks need not agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum


class Presence(Enum):
    """What is known of the server."""

    UNSURE = "unsure"  #: not watched for long enough
    HERE = "here"
    STOPPED = "stopped"  #: it was stopped in order, too long ago
    SILENT = "silent"  #: it has ended without a word, or hangs
    NEVER = "never"  #: no server has ever worked on this database


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The last sign of life of one start of a server; UTC ms by its own clock."""

    server_id: str
    host_name: str
    started_at: int
    seen_at: int
    stopped_at: int | None = None

    @property
    def last(self) -> int:
        """Return when it was last heard of."""
        return self.seen_at if self.stopped_at is None else self.stopped_at


@dataclass(frozen=True, slots=True)
class PresenceSigns:
    """What was seen, and since when (UTC ms, the watcher's clock) it is unchanged."""

    sign: Sign | None
    since: int
    #: all signs, by server
    signs: Mapping[str, Sign] = field(default_factory=dict, compare=False)

    def presence(self, now: int, limit_ms: int) -> Presence:
        """Judge at `now`, with a silence up to `limit_ms` being nothing."""
        waited = now - self.since >= limit_ms
        if self.sign is None:
            return Presence.NEVER if waited else Presence.UNSURE
        if not waited:
            return Presence.HERE if self.sign.stopped_at is None else Presence.UNSURE
        return Presence.SILENT if self.sign.stopped_at is None else Presence.STOPPED

    @property
    def cause(self) -> str:
        """Return what distinguishes this silence from others, whoever looks."""
        return f"server:{self.sign.server_id}:{self.sign.last}" if self.sign else "server:none"


def look(before: PresenceSigns | None, signs: Iterable[Sign], now: int) -> PresenceSigns:
    """Return what is seen now, after what was seen before.

    A sign that has changed since then counts, whatever time it bears: a server whose clock was
    ahead leaves signs of the future, which must not hide the one after it. At first it is the
    newest.
    """
    known = {sign.server_id: sign for sign in signs}
    if before is None:
        first = max(known.values(), key=lambda sign: sign.last, default=None)
        return PresenceSigns(first, now if first is None else min(now, first.last), known)
    changed = [sign for name, sign in known.items() if before.signs.get(name) != sign]
    if changed:
        return PresenceSigns(max(changed, key=_liveliness), now, known)
    if before.sign is not None and before.sign.server_id not in known:
        return PresenceSigns(max(known.values(), key=_liveliness, default=None), now, known)
    return replace(before, since=min(before.since, now), signs=known)


def _liveliness(sign: Sign) -> tuple[bool, int]:
    return sign.stopped_at is None, sign.last
