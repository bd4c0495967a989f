"""Fixtures of tests in which databases die too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobarranger.db.engine import Database
from tests.crash.harness import CrashRig
from tests.services import PrivateMariaDB, ServiceMissing

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


@pytest.fixture
def mariadb() -> Iterator[PrivateMariaDB]:
    """Start a MariaDB for one test alone, to be killed and frozen."""
    server = PrivateMariaDB()
    try:
        yield server.start()
    except ServiceMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing}; CI must have it")
        pytest.skip(str(missing))
    finally:
        server.remove()
