"""A crowd at the ports, hosts that are ill: for honest people a second is the most."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from jobarranger.commands.demo_site import wait_until
from jobarranger.db import tables as t
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DispatchState
from tests.crash.harness import AGENT, SERVER
from tests.fuzz import hosts, verdict
from tests.fuzz.crowd import Crowd, CrowdPlan
from tests.fuzz.honest import Honest, Start
from tests.fuzz.site import FuzzSite
from tests.fuzz.verdict import report
from tests.fuzz.watch import Watch

STRANGERS = 3_000
#: Ill hosts, and the jobs that wait for each.
FROZEN, JOBS_OF_FROZEN = 16, 20
DEAD, JOBS_OF_DEAD = 900, 1
#: Honest starts that are measured, how many a second, and those before that are not.
STARTS, PER_SECOND, WARM_UP = 50, 10.0, 10
#: Seconds until the strangers have been there once, until the ill hosts' jobs are under way, and
#: until the jobs of honest starts have begun.
GATHER, BURDEN, PATIENCE = 60.0, 30.0, 60.0

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]


@pytest.fixture
def site(sqlite_settings: DatabaseSettings, tmp_path: Path) -> Iterator[FuzzSite]:
    """Give a running site whose own host is well, and whose processes are warm."""
    site = FuzzSite(tmp_path, sqlite_settings)
    try:
        site.run()
        measured(site, WARM_UP)
        yield site
    finally:
        site.close()


@pytest.fixture
def watch(site: FuzzSite) -> Watch:
    """Watch the site from before anything happens."""
    watch = Watch(site)
    watch.begin()
    return watch


@pytest.mark.parametrize(
    ("addresses", "drips"),
    [(10, False), (STRANGERS, True)],
    ids=["silent from few addresses", "dripping from many"],
)
@pytest.mark.parametrize("door", [SERVER, AGENT])
def test_three_thousand_strangers_at_a_port(
    site: FuzzSite, watch: Watch, tmp_path: Path, door: str, addresses: int, drips: bool
) -> None:
    """Whoever is known is served as if the strangers were not there."""
    with crowd_at(site, door, tmp_path, addresses=addresses, drips=drips) as crowd:
        starts = measured(site, STARTS)
        report(f"{door}: {crowd}")
        see_that_all_is_well(site, watch, starts)


def test_hosts_that_stand_still(site: FuzzSite, watch: Watch) -> None:
    """Sixteen hosts that take twenty jobs each and never answer delay no other host's job."""
    with hosts.frozen(FROZEN) as ill:
        burden(site, "FROZEN", ill, JOBS_OF_FROZEN)
        see_that_all_is_well(site, watch, measured(site, STARTS))


def test_hosts_that_are_away(site: FuzzSite, watch: Watch) -> None:
    """Nine hundred hosts that cannot be reached delay no other host's job."""
    with hosts.dead(DEAD) as ill:
        burden(site, "DEAD", ill, JOBS_OF_DEAD)
        see_that_all_is_well(site, watch, measured(site, STARTS))


def test_everything_at_once(site: FuzzSite, watch: Watch, tmp_path: Path) -> None:
    """With strangers at both ports, frozen hosts and dead ones it is still a second at most."""
    with hosts.frozen(FROZEN) as frozen, hosts.dead(DEAD) as dead:
        burden(site, "FROZEN", frozen, JOBS_OF_FROZEN)
        burden(site, "DEAD", dead, JOBS_OF_DEAD)
        with (
            crowd_at(site, SERVER, tmp_path, addresses=100) as first,
            crowd_at(site, AGENT, tmp_path, addresses=100) as second,
        ):
            starts = measured(site, STARTS)
            report(f"{SERVER}: {first}; {AGENT}: {second}")
            see_that_all_is_well(site, watch, starts)


@contextmanager
def crowd_at(
    site: FuzzSite, door: str, directory: Path, *, addresses: int, drips: bool = False
) -> Iterator[Crowd]:
    """Give a crowd at the port of the server or of the agent that has been there once."""
    plan = CrowdPlan(
        port=site.server_port if door == SERVER else site.agent_port,
        connections=STRANGERS,
        addresses=addresses,
        drips=drips,
        figures=str(directory / f"crowd-at-{door}.json"),
    )
    with Crowd(directory, f"crowd-at-{door}", plan) as crowd:
        crowd.gather(GATHER)
        report(f"{door}: {crowd}")
        yield crowd


def burden(site: FuzzSite, name: str, ill: list[hosts.Host], jobs: int) -> None:
    """Start jobs on hosts that are ill; return when some of them are being sent."""
    hosts.register(site, ill)
    site.define(hosts.jobnet(name, ill, jobs))
    site.client().start_jobnet(name)
    wanted = len(ill) * jobs
    assert wait_until(lambda: requests(site, ill) >= wanted, BURDEN), requests(site, ill)


def requests(site: FuzzSite, ill: list[hosts.Host]) -> int:
    """Count the requests to some hosts that are not done."""
    c = t.ext_dispatch.c
    query = select(func.count()).where(
        c.host_name.in_([one.name for one in ill]), c.state != DispatchState.DONE
    )
    return int(site.ask(lambda conn: conn.scalar(query)) or 0)


def measured(site: FuzzSite, count: int) -> list[Start]:
    """Make so many honest starts at a steady pace; return them when their jobs have begun."""
    honest = Honest(site, PER_SECOND)
    honest.start()
    try:
        wait_until(lambda: len(honest.answered()) >= count, PATIENCE)
    finally:
        starts = honest.stop()
    runs = {one.run for one in starts if one.run is not None}
    wait_until(lambda: runs <= site.begins().keys(), PATIENCE)
    return starts


def see_that_all_is_well(site: FuzzSite, watch: Watch, starts: list[Start]) -> None:
    """Check what honest people waited and what it cost, while the strangers are still there."""
    watch.look()
    begins = site.begins()
    for line in verdict.latencies(starts, begins):
        report(line)
    troubles = [
        *verdict.slow_starts(starts),
        *verdict.slow_jobs(starts, begins),
        *verdict.greedy_processes(watch.figures, files=None),
        *verdict.exceptions(watch.exceptions()),
        *watch.replaced,
    ]
    assert troubles == [], "\n".join(troubles)
