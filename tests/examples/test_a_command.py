"""A command as a real process, on each database: its options, output and exit code."""

from __future__ import annotations

import pytest

from tests.jobnets import Bench, define
from tests.shell import Shell


@pytest.fixture
def shell(database, tmp_path):
    """Give a shell whose commands work on the test's database."""
    return Shell(database, tmp_path)


# Ask for what a reader needs to see, not for the layout of the whole output.
def test_a_run_is_shown_with_its_icons(shell):
    """`jobnet show` names each icon and its state."""
    bench = Bench(shell.db)
    define(bench.db, "START JOB-A END-1")
    (run,) = bench.start()
    bench.drain()
    shown = shell("jobarg_ctl jobnet show", run)
    assert "JOB-A" in shown
    assert "RUN" in shown


# A refusal is one clear line and a code other than 0.
def test_a_run_that_does_not_exist_is_refused(shell):
    """The line names the number."""
    assert "4711" in shell("jobarg_ctl jobnet show 4711", code=1)
