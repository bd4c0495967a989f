"""Two whole servers on one database: every expected start exactly once, whoever is faster."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from jobarranger.clock import SystemClock
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.states import MultipleStart
from tests.year.plans import VERSION, make_plans, store
from tests.year.site import SimulatedClock, Site
from tests.year.test_year import SEED, ZONE, expected

DAY = date(2026, 3, 31)
SCHEDULES = 200
#: Jobnets that all schedules start, too.
SHARED = 5
#: Seconds between two turns when nothing is known of.
PASS = 900.0
#: A turn during which one of the servers is started anew: so many in a hundred.
RESTARTS = 10
#: What the run log says of a jobnet that starts, and of one that ends.
STARTED, ENDED = "JC00000001", "JC00000002"


@pytest.fixture
def pair(database: Database) -> Iterator[tuple[Site, Site]]:
    """Give two servers with connections of their own; one clock ticks for both."""
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=ZONE)
    clock = SimulatedClock(midnight.timestamp() - 1800)
    databases = [Database(database.settings, clock=SystemClock()) for _ in range(2)]
    first, second = (Site(db, clock, ZONE) for db in databases)
    yield first, second
    for db in databases:
        db.close()


def turn(site: Site, gate: threading.Barrier) -> int | None:
    """Let a server do all there is to do, from the same moment on as the other one."""
    gate.wait(60)
    next_at = site.turn()
    site.purge()
    return next_at


@pytest.mark.timeout(600)
def test_two_servers_start_everything_once(database: Database, pair: tuple[Site, Site]) -> None:
    """Loader, boot, run and housekeeper of two servers at the same moments through a day."""
    luck = random.Random(SEED)
    plans = make_plans(SCHEDULES, luck)
    store(database, plans, DAY - timedelta(days=5), DAY)
    also = _also_start(database, [plan.name for plan in plans])
    clock = pair[0].clock
    gate = threading.Barrier(2)
    last = int(f"{DAY:%Y%m%d}") * 10_000 + 2359
    with ThreadPoolExecutor(2) as threads:
        while pair[0].minute() <= last:
            known = [
                at for at in threads.map(lambda site: turn(site, gate), pair) if at is not None
            ]
            until = min(known, default=clock.now_ms() + 1000 * PASS)
            clock.sleep(min(PASS, max(1.0, (until - clock.now_ms()) / 1000)))
            if luck.randrange(100) < RESTARTS:
                luck.choice(pair).restart()
        for _ in range(SCHEDULES):  # one after the other: what waits for earlier runs
            list(threads.map(lambda site: turn(site, gate), pair))
            clock.sleep(1)
            if set(_runs(database, last).values()) <= set(_marks(database)[ENDED]):
                break
    wanted = {
        (schedule, jobnet, slot)
        for schedule, slot in expected(plans, DAY, DAY)
        for jobnet in (schedule, also[schedule])
    }
    runs, marks = _runs(database, last), _marks(database)
    assert {key for key in runs if key[2] // 10_000 == last // 10_000} == wanted
    assert marks[STARTED] == marks[ENDED]
    assert set(runs.values()) <= set(marks[ENDED]) <= set(_runs(database, 10 * last).values())
    assert {*marks[STARTED].values(), *marks[ENDED].values()} == {1}, "a run has started twice"
    print(f"{len(wanted)} starts by two servers")  # noqa: T201


def _also_start(db: Database, names: list[str]) -> dict[str, str]:
    """Let each schedule also start one of few jobnets, whose runs wait for each other.

    Return that jobnet by schedule.
    """
    also = {name: names[(number + 1) % SHARED] for number, name in enumerate(names)}
    key = {"update_date": VERSION}
    mode = update(t.jobnet_control).where(t.jobnet_control.c.jobnet_id.in_(names[:SHARED]))

    def work(unit: Unit) -> None:
        rows = [{**key, "schedule_id": name, "jobnet_id": also[name]} for name in names]
        unit.execute(insert(t.schedule_jobnet), rows)
        unit.execute(mode.values(multiple_start_up=int(MultipleStart.DELAY)))

    db.transaction(work)
    return also


def _runs(db: Database, last: int) -> dict[tuple[str, str, int], int]:
    """Return the run of each start (schedule, jobnet, slot) up to a slot."""
    c = t.ext_slot.c
    query = select(c.schedule_id, c.jobnet_id, c.slot, c.inner_jobnet_id).where(c.slot <= last)
    rows = db.read(lambda conn: conn.execute(query).all())
    return {(row.schedule_id, row.jobnet_id, row.slot): row.inner_jobnet_id for row in rows}


def _marks(db: Database) -> dict[str, Counter[int]]:
    """Return how often each run has started, and ended, by what the run log says."""
    log = t.run_log.c
    rows = db.read(
        lambda conn: conn.execute(
            select(log.message_id, log.inner_jobnet_main_id, func.count())
            .where(log.message_id.in_([STARTED, ENDED]), log.job_id.is_(None))
            .group_by(log.message_id, log.inner_jobnet_main_id)
        ).all()
    )
    found: dict[str, Counter[int]] = {STARTED: Counter(), ENDED: Counter()}
    for message, run, count in rows:
        found[message][run] = count
    return found
