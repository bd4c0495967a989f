"""Run the benches: python -m benchmarks [--only NAME] [--database PRODUCT] [--json FILE]."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import engine, fan_out, history, idle, load, sequence, throughput
from benchmarks.figures import Figure, file_system, fsync_us
from benchmarks.surroundings import PRODUCTS, Surroundings, surroundings
from tests.services import ServiceMissing

Bench = Callable[[Surroundings, Callable[[str], None]], Iterator[Figure]]

BENCHES: dict[str, Bench] = {
    "sequence": sequence.run,
    "throughput": throughput.run,
    "engine": engine.run,
    "fan-out": fan_out.run,
    "load": load.run,
    "idle": idle.run,
    "history": history.run,
}
#: Parameters of the server that are not the shipped ones, by bench.
PARAMETERS: dict[str, dict[str, object]] = {"history": history.PARAMETERS}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; print a table, and JSON if wanted."""
    options = _options(argv)
    console = Console(stderr=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="jobarg-bench-", dir=options.directory) as base:
        place = Path(base)
        surrounding = {
            "fsync_us": round(fsync_us(place), 1),
            "file_system": file_system(place),
        }
        for product in [options.database] if options.database else PRODUCTS:
            for name, bench in BENCHES.items():
                if options.only in {None, name}:
                    figures += _run(console, name, product, bench, place)
    _show(figures, surrounding)
    if options.json:
        content = [{**one.as_dict(), **surrounding} for one in figures]
        Path(options.json).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES), help="run one bench only")
    parser.add_argument("--database", choices=PRODUCTS, help="measure on one product only")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument(
        "--directory", metavar="DIR", default="/var/tmp", help="where all data lie (/var/tmp)"
    )
    return parser.parse_args(argv)


def _run(console: Console, name: str, product: str, bench: Bench, base: Path) -> list[Figure]:
    """Run one bench on one product, showing how far it is."""
    started = time.monotonic()
    label = f"{name} on {product}"
    with console.status(f"{label}: starting") as status:
        try:
            with surroundings(product, base, **PARAMETERS.get(name, {})) as place:
                found = list(bench(place, lambda text: status.update(f"{label}: {text}")))
        except ServiceMissing as missing:
            console.print(f"{label}: left out: {missing}")
            return []
    console.print(f"{label}: done in {time.monotonic() - started:.0f} s")
    return found


def _show(figures: Sequence[Figure], surrounding: dict[str, object]) -> None:
    """Print the figures for people."""
    table = Table(title=", ".join(f"{key} {value}" for key, value in surrounding.items()))
    for heading in ("bench", "database", "value", "unit", "limit", "ratio", "more"):
        table.add_column(heading)
    for one in figures:
        more = "; ".join(f"{key} {value}" for key, value in one.detail.items())
        limit, ratio = (("" if x is None else str(x)) for x in (one.limit, one.ratio))
        table.add_row(one.name, one.database, str(one.value), one.unit, limit, ratio, more)
    Console(width=160).print(table)


if __name__ == "__main__":
    sys.exit(main())
