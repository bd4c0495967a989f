"""Every expected start, exactly once, whatever happens to the server and its clock."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobarranger.db.engine import Database
from tests.year.plans import Plan, make_plans, store
from tests.year.site import Key, SimulatedClock, Site

#: A zone that changes its clock twice a year; the week of `make test` holds one of the changes.
ZONE = ZoneInfo("Europe/Berlin")
FIRST = date(2026, 3, 25)
DAYS = int(os.environ.get("JOBARG_TEST_DAYS", "7"))
SCHEDULES = int(os.environ.get("JOBARG_TEST_SCHEDULES", "100" if DAYS <= 7 else "1000"))
SEED = int(os.environ.get("JOBARG_TEST_SEED", "1"))
#: Seconds between two passes of the loader when nothing else happens.
PASS = 1800.0


def expected(plans: list[Plan], first: date, last: date) -> Counter[Key]:
    """Return what is to start from midnight of `first` to midnight after `last`."""
    low = int(f"{first:%Y%m%d}") * 10_000
    high = int(f"{last:%Y%m%d}") * 10_000 + 2359
    wanted: Counter[Key] = Counter()
    for plan in plans:
        slots = set(plan.slots(first - timedelta(days=5), last))
        wanted.update((plan.name, slot) for slot in slots if low <= slot <= high)
    return wanted


class Faults:
    """What goes wrong, and when."""

    def __init__(self, luck: random.Random) -> None:
        """Draw from `luck`."""
        self.luck = luck
        self.counts: Counter[str] = Counter()
        self.next_in = 0.0
        self._draw()

    def _draw(self) -> None:
        self.next_in = self.luck.expovariate(1 / (9 * 3600))

    def strike(self, site: Site) -> None:
        """Let something happen."""
        kind = self.luck.choice(["stop", "restart", "forward", "back"])
        self.counts[kind] += 1
        if kind == "stop":
            site.clock.sleep(self.luck.choice([30, 300, 3600, 9 * 3600]) * self.luck.random())
        if kind in {"stop", "restart"}:
            site.restart()
        elif kind == "forward":
            site.clock.step(self.luck.uniform(1, 5400))
        else:
            site.clock.step(-self.luck.uniform(1, 5400))
        self._draw()


def simulate(site: Site, faults: Faults, until: int) -> None:
    """Let time pass until the minute `until`, turn by turn."""
    day = site.minute() // 10_000
    fault_at = site.clock.monotonic() + faults.next_in
    while site.minute() <= until:
        next_at = site.turn()
        wait = PASS
        if next_at is not None:
            wait = min(wait, max(0.1, (next_at - site.clock.now_ms()) / 1000))
        if site.clock.monotonic() + wait >= fault_at:
            site.clock.sleep(max(0.0, fault_at - site.clock.monotonic()))
            faults.strike(site)
            fault_at = site.clock.monotonic() + faults.next_in
        else:
            site.clock.sleep(wait)
        if site.minute() // 10_000 != day:
            day = site.minute() // 10_000
            if day % 100 == 1:
                print(f"it is {day}", flush=True)  # noqa: T201
            site.note()
            site.purge()
    site.turn()
    site.note()


@pytest.mark.timeout(60 + 30 * DAYS)
def test_every_start_happens_exactly_once(database: Database) -> None:
    """Stops, restarts and steps of the clock lose no start, and double none."""
    luck = random.Random(SEED)
    plans = make_plans(SCHEDULES, luck)
    last = FIRST + timedelta(days=DAYS - 1)
    store(database, plans, FIRST - timedelta(days=5), last)
    midnight = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=ZONE)
    # The first start on a database has no past: begin half an hour early, before any slot counts.
    site = Site(database, SimulatedClock(midnight.timestamp() - 1800), ZONE)
    faults = Faults(luck)
    simulate(site, faults, int(f"{last:%Y%m%d}") * 10_000 + 2359)
    site.clock.sleep(7200)  # whatever a last step back has put off
    site.turn()
    site.note()
    wanted = expected(plans, FIRST, last)
    begun = Counter({key: n for key, n in site.begun.items() if key in wanted or n > 1})
    assert begun - wanted == Counter(), "started twice"
    assert wanted - begun == Counter(), "never started"
    assert len(faults.counts) == 4 or DAYS < 7
    print(f"{sum(wanted.values())} starts in {DAYS} days; {dict(faults.counts)}")  # noqa: T201
