"""The database commits, and nobody hears of it: the work is neither lost nor done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobarranger.db.settings import DatabaseSettings
from tests.crash.harness import CrashRig
from tests.crash.losing import LosingProxy
from tests.services import COMMITS


@pytest.fixture
def proxy(server_settings: DatabaseSettings) -> Iterator[LosingProxy]:
    """Stand before the test's database and lose each fifth answer to a commit."""
    proxy = LosingProxy(server_settings.port, COMMITS[server_settings.kind], every=5)
    yield proxy
    proxy.close()


@pytest.mark.timeout(180)
def test_runs_survive_lost_answers(
    tmp_path: Path, server_settings: DatabaseSettings, proxy: LosingProxy
) -> None:
    """Whichever child's commit it was, all is well in the end."""
    rig = CrashRig(tmp_path, server_settings, jobs=4, server={"DBPort": proxy.port})
    try:
        rig.run()
        proxy.begin()
        runs: list[int] = []
        for _ in range(6):
            runs = rig.begin(2)
        faults = rig.settle(runs, 45)
        assert proxy.cuts > 10, "too few answers were lost"
        assert faults == [], "\n".join([*faults, rig.evidence()])
    finally:
        rig.close()
