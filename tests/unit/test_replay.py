"""The replay of kept results leaves room for fresh ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from ipc import telegrams
from jobarranger.clock import SystemClock
from jobarranger.flow.results import Judged, Verdict
from processes.trapping import replay
from processes.trapping import spool as spools
from processes.trapping.spool import Parcel, Spool


class Work:
    """Takes everything."""

    def take(self, db: object, arrivals: list[Any]) -> list[Judged]:
        """Say that all was processed."""
        assert all(one.result.kept for one in arrivals)
        return [Judged(Verdict.STORED)] * len(arrivals)


class NoInbox:
    """A database with nothing in it."""

    def read(self, work: object) -> list[object]:
        """Find nothing."""
        return []


def test_one_look_is_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However full the spool is, a check ends after one batch and asks to come again."""
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


def test_a_spool_that_was_removed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the directories above it, each flushed: a crash of the machine undoes none of them."""
    flushed: list[Path] = []
    flush = spools._flush_directory

    def note(path: Path) -> None:
        flushed.append(path)
        flush(path)

    monkeypatch.setattr(spools, "_flush_directory", note)
    spool = Spool(tmp_path / "state" / "spool")
    parcel = Parcel(received_at=1, peer="p", telegram="{}")
    kept = spool.put(parcel)
    assert flushed == [tmp_path, tmp_path / "state", tmp_path / "state" / "spool"]
    assert (tmp_path / "state" / "spool").stat().st_mode & 0o777 == 0o700
    shutil.rmtree(tmp_path / "state")
    again = spool.put(parcel)
    assert kept != again
    assert spool.waiting(10) == [again]
    flushed.clear()
    spool.put(parcel)
    assert flushed == [tmp_path / "state" / "spool"]
