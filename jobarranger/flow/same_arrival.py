"""Whether an arrow that arrives belongs to an arrival that has been processed (docs/flow.md)."""

from __future__ import annotations

from jobarranger.flow.joins import shared_forks
from jobarranger.flow.work import Work
from jobarranger.icons import traits_of
from jobarranger.model.records import Icon
from jobarranger.states import IconStatus


def is_same_arrival(work: Work, source: Icon, target: Icon) -> bool:
    """Return whether the arrow from `source` comes with one that has made `target` run just now.

    So it is when a parallel start has branches to both, has not run again since, and `target` has
    started less than `JaRunInterval` ago.
    """
    first = traits_of(target.type).first_arrival
    if not first or target.status is not IconStatus.END or target.test:
        return False
    last = work.last_starts([target.id]).get(target.id)
    if last is None or work.now.at - last.at > work.engine.together_ms:
        return False
    forks = shared_forks(work.drawing(target.instance_id), source.id, target.id)
    starts = work.last_starts(forks) if forks else {}
    return any(start.order < last.order for start in starts.values())
