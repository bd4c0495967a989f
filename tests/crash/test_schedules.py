"""Schedules on a real server: in time over a death, and caught up after an outage."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from jobarranger.clock import stamp14, zone_named
from jobarranger.commands.demo_site import wait_until
from jobarranger.db import tables as t
from jobarranger.slots import MINUTE_MS
from jobarranger.states import JobnetStatus, LoadStatus
from tests.crash.conftest import Make
from tests.crash.harness import CrashRig
from tests.schedules import MovedClock, Timetabled

HOUR = 60 * MINUTE_MS


def summary(rig: CrashRig) -> Any:
    """Return the summary of the only run."""
    return rig.ask(lambda conn: conn.execute(select(t.run_jobnet_summary)).one())


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_start_in_real_time_over_a_death(make: Make) -> None:
    """A run that is loaded when everything is killed starts in the first second of its minute."""
    rig = make()
    now = rig.db.clock.now_ms()
    at = rig.schedule(1, minutes=1 if now % MINUTE_MS < MINUTE_MS // 2 else 2)
    rig.run()
    runs = rig.wait_for_starts(1, 20)
    rig.kill_all()
    rig.run()
    assert rig.db.clock.now_ms() < at, "the machine is too slow for this test"
    assert rig.settle(runs, 130) == [], rig.evidence()
    assert summary(rig).start_time == stamp14(at, zone_named(None)), rig.evidence()
    assert rig.started() == runs


def after_an_outage(rig: CrashRig) -> list[int]:
    """Start the server ten minutes after a start that nobody has loaded; return its run."""
    at = rig.schedule(1, minutes=-10)
    Timetabled(rig.db, MovedClock(at - 2 * HOUR), zone_named(None)).load()
    assert rig.started() == []
    rig.run()
    return rig.wait_for_starts(1, 20)


@pytest.mark.timeout(120)
def test_a_start_of_an_outage_is_started_late(make: Make) -> None:
    """With JaMissedStart=late it runs as soon as the server is back."""
    rig = make(server={"JaMissedStart": "late"})
    runs = after_an_outage(rig)
    assert rig.settle(runs) == [], rig.evidence()


@pytest.mark.timeout(120)
def test_a_start_of_an_outage_waits_for_people(make: Make) -> None:
    """By default it stands in error, as a missed start that people can resolve."""
    rig = make(server={"JaMissedStart": "hold"})
    after_an_outage(rig)
    assert wait_until(lambda: summary(rig).status == JobnetStatus.RUN, 20), rig.evidence()
    assert summary(rig).load_status == LoadStatus.DELAY
    assert rig.lines() == {}


@pytest.mark.timeout(120)
def test_a_start_within_the_grace_is_in_time(make: Make) -> None:
    """Of a server that was down for some minutes nobody notices more than the delay."""
    rig = make(server={"JaBootGrace": 900})
    runs = after_an_outage(rig)
    assert rig.settle(runs) == [], rig.evidence()
    assert summary(rig).load_status == LoadStatus.NORMAL
