"""The fixture of tests on the databases that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobarranger.db.engine import Database
from tests.crash.harness import CrashRig

Make = Callable[..., CrashRig]


@pytest.fixture
def make(database: Database, tmp_path: Path) -> Iterator[Make]:
    """Make a rig on the test's database; close it afterwards."""
    made: list[CrashRig] = []

    def rig(**parameters: object) -> CrashRig:
        made.append(CrashRig(tmp_path, database.settings, **parameters))  # type: ignore[arg-type]
        return made[-1]

    yield rig
    for one in made:
        one.close()
