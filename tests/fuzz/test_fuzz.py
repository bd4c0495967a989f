"""Eight processes of strangers send what is wrong, large or many; honest people notice nothing.

`JOBARG_FUZZ_SECONDS` says how long, `JOBARG_FUZZ_SEED` repeats the inputs of a run,
`JOBARG_FUZZ_PRODUCT` chooses the database. See README.md.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobarranger.commands.demo_site import wait_until
from tests.fuzz import verdict
from tests.fuzz.honest import Honest, Start
from tests.fuzz.inputs import write_inputs
from tests.fuzz.site import FuzzSite
from tests.fuzz.swarm import Swarm
from tests.fuzz.verdict import report
from tests.fuzz.watch import Watch

SECONDS = float(os.environ.get("JOBARG_FUZZ_SECONDS", "30"))
PRODUCT = os.environ.get("JOBARG_FUZZ_PRODUCT", "sqlite")
#: Inputs a second of all processes together; many of them are crowds.
PER_SECOND = float(os.environ.get("JOBARG_FUZZ_RATE", "80"))
#: Honest starts before anything is measured: by then every process has what it needs.
WARM_UP = 60
#: Seconds until everything that was started has ended, and until memory has been given back.
SETTLE = 60.0
#: Seconds before and after an exception in which its cause was sent, likely.
BEFORE, AFTER = 1.5, 0.1
#: Instants whose suspects are kept; the first ones are easiest to know from the rest.
INSTANTS = 100
#: Seconds between two looks, and looks between two lines of progress.
LOOK, LOOKS_PER_LINE = 1.0, 30


@pytest.fixture
def seed() -> int:
    """Return the seed, and print it for the case that the test fails."""
    seed = int(os.environ.get("JOBARG_FUZZ_SEED") or random.randrange(10**6))
    report(f"JOBARG_FUZZ_SEED={seed}")
    return seed


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FuzzSite]:
    """Give a site on the chosen product."""
    site = FuzzSite(tmp_path, request.getfixturevalue(f"{PRODUCT}_settings"))
    yield site
    site.close()


@pytest.mark.alone
@pytest.mark.timeout(SECONDS + 300)
def test_strangers_do_no_harm(site: FuzzSite, seed: int, tmp_path: Path) -> None:
    """No exception in a log, no memory kept, no slow start, every honest job exactly once."""
    site.run()
    honest = Honest(site)
    honest.start()
    watch = Watch(site)
    try:
        assert wait_until(lambda: len(site.begins()) >= WARM_UP, 60), site.evidence()
        watch.begin()
        warm = len(honest.answered())
        swarm = Swarm(tmp_path, site.known(), seed=seed, seconds=SECONDS, per_second=PER_SECOND)
        with closing(swarm):
            swarm.start()
            until_over(swarm, watch, honest)
    finally:
        starts = honest.stop()
    troubles = judged(site, swarm, watch, starts, warm)
    if troubles:
        keep_suspects(swarm, watch, starts, tmp_path / "suspects.jsonl")
    assert troubles == [], "\n".join(troubles)


def until_over(swarm: Swarm, watch: Watch, honest: Honest) -> None:
    """Look at everything, again and again, until the swarm has ended."""
    looks = 0
    while not wait_until(lambda: not swarm.is_at_work(), LOOK):
        watch.look()
        looks += 1
        if looks % LOOKS_PER_LINE == 0:
            answered = honest.answered()
            slowest = max((one.seconds for one in answered), default=0.0)
            report(
                f"{looks * LOOK:.0f} s: {swarm.sent()} inputs, {len(answered)} honest starts, "
                f"slowest {slowest:.2f} s, {len(watch.exceptions())} exceptions"
            )


def judged(site: FuzzSite, swarm: Swarm, watch: Watch, starts: list[Start], warm: int) -> list[str]:
    """Return everything that is not as it should be; show the figures."""
    watch.settle(verdict.MEMORY_ALLOWED, verdict.FILES_ALLOWED, SETTLE)
    faults = site.settle(site.started(), SETTLE)
    sent = swarm.figures()
    for line in verdict.table(watch, starts[warm:], site.begins(), sent):
        report(line)
    connections = sum(sent.get("connections", {}).values())
    return [
        *swarm.troubles(),
        *verdict.exceptions(watch.exceptions()),
        *verdict.slow_starts(starts[warm:]),
        *verdict.greedy_processes(watch.figures),
        *verdict.talkative_logs(watch.log_growth(), connections, len(starts)),
        *watch.replaced,
        *site.intrusions(),
        *faults[:20],
    ]


def keep_suspects(swarm: Swarm, watch: Watch, starts: list[Start], path: Path) -> None:
    """Write what was sent about when something went wrong, to be replayed."""
    instants = [at for at, _ in watch.exceptions()] + watch.leaps
    instants += [one.asked_at for one in starts if one.seconds > verdict.SLOWEST_START]
    count = write_inputs(path, swarm.suspects(instants[:INSTANTS], BEFORE, AFTER))
    report(f"{count} suspects: python -m tests.fuzz.replay {path}")
