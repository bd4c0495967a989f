"""The database commits, and nobody hears of it: the work is neither lost nor done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobarranger.db.settings import DatabaseSettings
from tests.crash.harness import CrashRig
from tests.crash.losing import LosingProxy


@pytest.fixture
def proxy(mariadb_settings: DatabaseSettings) -> Iterator[LosingProxy]:
    """Stand before the test's MariaDB and lose each fifth answer to a commit."""
    proxy = LosingProxy(mariadb_settings.port, every=5)
    yield proxy
    proxy.close()


@pytest.mark.timeout(180)
def test_runs_survive_lost_answers(
    tmp_path: Path, mariadb_settings: DatabaseSettings, proxy: LosingProxy
) -> None:
    """Whichever child's commit it was, all is well in the end."""
    rig = CrashRig(tmp_path, mariadb_settings, jobs=4, server={"DBPort": proxy.port})
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
