"""Up to when rows are due to be removed, at one instant. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from jobarranger.clock import stamp12, stamp17
from jobarranger.loading.window import guards_over
from jobarranger.purging.spans import Spans

_MINUTE = 60_000
_DAY = 24 * 60 * _MINUTE
#: No change of the clock sets it back by more, nor at another minute than a multiple of this (ms).
_CHANGE, _STEP = 3 * 60 * _MINUTE, 15 * _MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeLimits:
    """What ended at or before these is due; digits are local, the rest is UTC ms."""

    runs: int  #: 14 digits
    slot: int  #: 12 digits; a run is kept while its first scheduled minute is not before this
    log: int  #: 17 digits
    messages: int  #: 14 digits
    audit: int
    leftovers: int  #: own rows that belong to nothing any more
    pauses: int  #: pauses that are over
    guards: int  #: scheduled starts that were loaded


def limits_at(now: int, zone: tzinfo, spans: Spans, grace_ms: int = 0) -> PurgeLimits:
    """Return what is due at `now` (UTC ms).

    A pause is kept as long as it may excuse a run: `grace_ms` is how long a run is not late anyway.
    """
    return PurgeLimits(
        runs=_stamp_before(now, spans.runs, zone) // 1000,
        slot=lowest_minute(now, zone),
        log=_stamp_before(now, spans.log, zone),
        messages=_stamp_before(now, spans.messages, zone) // 1000,
        audit=_back(now, spans.audit),
        leftovers=now - _DAY,
        pauses=now - _DAY - grace_ms,
        guards=guards_over(now),
    )


def lowest_minute(now: int, zone: tzinfo) -> int:
    """Return the lowest minute (12 digits) that the clock shows now or later.

    That is the present one, except in the hours before it is set back: then the minutes in
    between come twice, and a run of such a minute must not be forgotten after the first time.
    """
    first = -(-now // _STEP) * _STEP
    return min(stamp12(at, zone) for at in (now, *range(first, now + _CHANGE, _STEP)))


def _stamp_before(now: int, minutes: int, zone: tzinfo) -> int:
    """Return the last stamp (17 digits) that was shown so many minutes ago, and not since then.

    When the clock is set back the stamps in between are shown again: what bears one of them may
    have ended at the second time, and is kept as if it had.
    """
    at = _back(now, minutes)
    stamp = stamp17(at, zone)
    first = -(-at // _STEP) * _STEP
    again = min(
        (stamp17(later, zone) for later in range(first, min(at + _CHANGE, now), _STEP)),
        default=stamp,
    )
    return stamp if again >= stamp else again - 1


def _back(now: int, minutes: int) -> int:
    """Return the instant so many minutes ago, not before 1970."""
    return max(0, now - minutes * _MINUTE)
