"""Send inputs from a file again, one after the other, and report what each does.

    python -m tests.fuzz.replay FILE [FIRST [LAST]]

A fresh site is started for it. After each input the log is looked at, an honest start is made, and
the memory is measured; what stands out is marked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from jobarranger.client import ClientError
from tests.fuzz.inputs import Input, read_inputs
from tests.fuzz.site import JOBNET, FuzzSite
from tests.fuzz.speak import speak
from tests.fuzz.verdict import SLOWEST_START, exceptions, report
from tests.fuzz.watch import MEBIBYTE, Watch

#: Growth of one process that is worth a mark.
REMARKABLE = 5 * MEBIBYTE


def main() -> int:
    """Replay a file; return 1 if anything stood out."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.replay", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("first", type=int, nargs="?", default=1, help="number of an input")
    parser.add_argument("last", type=int, nargs="?", default=sys.maxsize)
    options = parser.parse_args()
    inputs = list(read_inputs(options.file))[options.first - 1 : options.last]
    with tempfile.TemporaryDirectory(prefix="jobarg-replay-") as directory:
        site = FuzzSite(Path(directory))
        try:
            site.run()
            stood_out = [_replay(site, *one) for one in enumerate(inputs, options.first)]
            return int(any(stood_out))
        finally:
            site.close()


def _replay(site: FuzzSite, number: int, one: Input) -> bool:
    """Send one input and report it; return whether it stood out."""
    watch = Watch(site)
    watch.begin()
    outcomes = asyncio.run(speak(one, site.known()))
    seconds = _honest_start(site)
    watch.look()
    grown = {
        name: figures.last_memory - figures.memory
        for name, figures in watch.figures.items()
        if figures.last_memory - figures.memory > REMARKABLE
    }
    remarks = exceptions(watch.exceptions()) + watch.replaced
    remarks += [f"{name} +{size / MEBIBYTE:.0f} MiB" for name, size in grown.items()]
    if seconds > SLOWEST_START:
        remarks.append(f"honest start {seconds:.2f} s")
    took = ", ".join(f"{count} {outcome.value}" for outcome, count in outcomes.items())
    report(f"{number}. {one}: {took}, log +{watch.log_growth()} bytes")
    for remark in remarks:
        report(f"   ! {remark}")
    return bool(remarks)


def _honest_start(site: FuzzSite) -> float:
    """Return the seconds that a start takes now; a failed one takes for ever."""
    began = time.monotonic()
    try:
        site.client().start_jobnet(JOBNET)
    except ClientError:
        return float("inf")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
