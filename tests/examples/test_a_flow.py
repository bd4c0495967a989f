"""The engine without processes: a drawn jobnet, and a bench that plays the server's duties."""

from __future__ import annotations

import pytest

from jobarranger.states import IconStatus, JobnetStatus
from tests.jobnets import Bench, define


@pytest.fixture
def bench(database):
    """Return the server's duties on a fresh database."""
    return Bench(database)


# `define` draws a jobnet as chains of icons; the first letters of a name are its type.
def test_an_icon_starts_when_the_one_before_it_has_ended(bench):
    """B waits for A, and carries on with what A has printed."""
    define(bench.db, "START JOB-A JOB-B END-1")
    (run,) = bench.start()
    bench.drain()  # as far as it goes without an agent
    assert bench.status(run, "JOB-B") is IconStatus.BEGIN
    (request,) = bench.send_all()  # plays the executor
    bench.report(bench.result(request.inner_job_id, std_out="hello\n"))  # plays the trapper
    bench.drain()
    assert bench.status(run, "JOB-B") is IconStatus.RUN
    assert bench.before(run, "JOB-B")["STD_OUT"] == "hello\n"


# Time is the bench's clock: `bench.clock.advance(seconds)` instead of a sleep.
def test_a_run_in_which_every_job_goes_well_ends_well(bench):
    """The run is END when nothing is left to do."""
    define(bench.db, "START JOB-A END-1")
    (run,) = bench.start()
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
