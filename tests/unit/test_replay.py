"""The replay of kept results leaves room for fresh ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ipc import telegrams
from jobarranger.clock import SystemClock
from jobarranger.flow.results import Judged, Verdict
from processes.trapping import replay
from processes.trapping.spool import Parcel, Spool


class Work:
    """Takes everything."""

    def take(self, db: object, arrivals: list[Any]) -> list[Judged]:
        """Say that all was worked in."""
        assert all(one.result.kept for one in arrivals)
        return [Judged(Verdict.STORED)] * len(arrivals)


class NoInbox:
    """A database with nothing in it."""

    def read(self, work: object) -> list[object]:
        """Find nothing."""
        return []


def test_one_look_is_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However full the spool is, a look ends after one batch and asks to come again."""
    monkeypatch.setattr(replay, "BATCH", 2)
    spool = Spool(tmp_path)
    result = telegrams.JobResult(
        hostname="h", jobid=1, result=0, std_out="", std_err="", return_code=0, signal=0
    )
    for at in range(5):
        spool.put(Parcel(received_at=at, peer="p", telegram=result.to_json().decode()))
    one = replay.Replay(cast("Any", Work()), spool, SystemClock())
    looks = []
    for _ in range(3):
        more = one.look(cast("Any", NoInbox()))
        looks.append((more, len(spool.waiting(10))))
    assert looks == [(True, 3), (True, 1), (False, 0)]
