"""history: what finished runs cost the living, and what their purge costs.

`sequence` and `throughput` beside many finished runs, and again while these are being purged; each
time in turn with a second site whose database has no history, since the speed of a machine
changes within seconds: the ratio is the median of those of the rounds. The runs are copies of a
real one, made by the database itself, with three variables to each side of an icon. Their number is
`JOBARG_BENCH_HISTORY`, by default 20,000, that of the rounds `JOBARG_BENCH_ROUNDS`, by default 5.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from benchmarks import sequence, throughput
from benchmarks.figures import Figure
from benchmarks.jobnets import chain
from benchmarks.surroundings import Surroundings, surroundings
from jobarranger.db import ids
from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.states import Counter
from tests.services import wait_until

#: Environment variables with the number of finished runs and of rounds, and what holds without.
HISTORY, FEW = "JOBARG_BENCH_HISTORY", 20_000
ROUNDS, SOME = "JOBARG_BENCH_ROUNDS", 5
#: Both sites look every second whether there is something to purge.
PARAMETERS: dict[str, object] = {"JaPurgeInterval": 1}
#: Variables that are kept on each side of an icon of the copies.
VARIABLES = ("JOBNET_ID", "JOB_EXIT_CD", "STD_OUT")
#: The copies have stamps from here on (only compared, so they need not be times of the clock).
ENDED = 20250101000000
#: Runs copied in one transaction at most.
STEP = 20_000
#: What says how long runs and their log are kept, and a time (minutes) that is long enough.
SPANS, KEEP = ("JOBNET_KEEP_SPAN", "JOBLOG_KEEP_SPAN"), 100_000_000

#: By which counter the numbers of the model's rows are shifted for a copy, by column.
_RUN, _ICON, _ARROW = Counter.LOADED_JOBNET, Counter.ICON, Counter.FLOW
_SHIFTED = {
    "inner_jobnet_id": _RUN,
    "inner_jobnet_main_id": _RUN,
    "inner_job_id": _ICON,
    "inner_job_id_fs_link": _ICON,
    "inner_flow_id": _ARROW,
    "start_inner_job_id": _ICON,
    "end_inner_job_id": _ICON,
}
#: Numbers that a copy uses up of each counter.
_NUMBERS = {_RUN: 1, _ICON: 10, _ARROW: 10}
_COPIED = (
    t.run_jobnet,
    t.run_jobnet_summary,
    t.run_job,
    t.run_flow,
    t.run_icon_end,
    t.run_icon_job,
    t.run_job_command,
    t.run_value_before,
    t.run_value_after,
    t.ext_dispatch,
    t.ext_event,
    t.run_log,
)
_GIVEN = frozenset({"seq_no", "id", "created_date"})  #: the database numbers these itself


def run(place: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure."""
    runs = int(os.environ.get(HISTORY, FEW))
    rounds = int(os.environ.get(ROUNDS, SOME))
    _keep(place, KEEP)
    with surroundings(place.product, place.base, **PARAMETERS) as full:
        _keep(full, KEEP)
        started = time.perf_counter()
        _fill(full, runs, say)
        filled = {"filled_s": round(time.perf_counter() - started, 1)}
        pairs = []
        for number in range(rounds):
            say(f"beside {runs} runs, round {number + 1} of {rounds}")
            pairs.append(_in_turn(number, lambda: _both(place), lambda: _both(full)))
        yield from _compared(f"beside {runs} runs", pairs, filled)
        pairs, purge = [], _Purge(full, runs)
        for number in range(rounds):
            say(f"while purging, round {number + 1} of {rounds}")
            pairs.append(_in_turn(number, lambda: _both(place), lambda: purge.beside(_both)))
        yield from _compared("while purging", pairs, {})
        yield purge.figure()


def _in_turn(
    number: int, alone: Callable[[], list[Figure]], full: Callable[[], list[Figure]]
) -> tuple[list[Figure], list[Figure]]:
    """Measure at both places, first at one in this round and at the other in the next."""
    if number % 2:
        after = full()
        return alone(), after
    return alone(), full()


def _both(place: Surroundings) -> list[Figure]:
    """Run both benches."""
    return [figure for bench in (sequence.run, throughput.run) for figure in bench(place, _silent)]


def _silent(_text: str) -> None:
    """Report nothing: the rounds are reported."""


def _compared(
    when: str, pairs: Sequence[tuple[list[Figure], list[Figure]]], detail: Mapping[str, float | str]
) -> Iterator[Figure]:
    """Compare each bench without history and with it, round by round; the first is the limit."""
    for number, last in enumerate(pairs[-1][1]):
        limits, values = ([pair[side][number].value for pair in pairs] for side in (0, 1))
        is_time = last.name == "sequence"
        ratios = [
            value / limit if is_time else limit / value
            for value, limit in zip(values, limits, strict=True)
        ]
        yield replace(
            last,
            name=f"history: {last.name} {when}",
            value=median(values),
            limit=median(limits),
            ratio=round(median(ratios), 2),
            detail={
                **last.detail,
                **detail,
                "values": ", ".join(map(str, values)),
                "limits": ", ".join(map(str, limits)),
                "ratios": ", ".join(f"{ratio:.2f}" for ratio in ratios),
            },
        )


class _Purge:
    """Lets a site purge its history for a while, again and again; counts what goes meanwhile."""

    def __init__(self, place: Surroundings, runs: int) -> None:
        self._place = place
        self._runs = runs
        self._gone = 0
        self._seconds = 0.0

    def beside(self, measure: Callable[[Surroundings], list[Figure]]) -> list[Figure]:
        """Measure while it purges."""
        before = self._purged()
        _keep(self._place, 60)
        wait_until(lambda: self._purged() > before, "the purge begins", 120)
        before, started = self._purged(), time.perf_counter()
        found = measure(self._place)
        self._seconds += time.perf_counter() - started
        self._gone += self._purged() - before
        _keep(self._place, KEEP)
        return found

    def figure(self) -> Figure:
        """Return how fast runs went."""
        return Figure(
            name="history: purged",
            database=self._place.product,
            value=round(self._gone / self._seconds, 1),
            unit="runs/s",
            detail={"runs": self._runs, "left": self._runs - self._purged()},
        )

    def _purged(self) -> int:
        """Return how many copies are gone: they go in the order of their ends, one for each."""
        c = t.run_jobnet_summary.c
        query = select(func.min(c.end_time)).where(c.end_time >= ENDED)
        oldest = self._place.stack.db.read(lambda conn: conn.scalar(query))
        return min(self._runs, int(oldest) - ENDED)


def _keep(place: Surroundings, minutes: int) -> None:
    """Set how long runs and their log are kept."""
    c = t.parameter.c
    change = update(t.parameter).where(c.parameter_name.in_(SPANS))
    place.stack.db.transaction(lambda unit: unit.execute(change.values(value=str(minutes))))


def _fill(place: Surroundings, runs: int, say: Callable[[str], None]) -> None:
    """Copy one finished run as often as wanted."""
    db = place.stack.db
    taken = {counter: ids.reserve(db, counter, runs * each) for counter, each in _NUMBERS.items()}
    place.stack.define(chain("OLD", 1))
    model = place.stack.client().start_jobnet("OLD")
    place.stack.wait_for_end(model, 60)
    sides = (t.run_value_before, t.run_value_after)
    others = [
        delete(side).where(
            side.c.inner_job_id.in_(
                select(t.run_job.c.inner_job_id).where(t.run_job.c.inner_jobnet_main_id == model)
            ),
            side.c.value_name.not_in(VARIABLES),
        )
        for side in sides
    ]
    db.transaction(lambda unit: [unit.execute(one) for one in others])
    copies = _Copies(model, {counter: block.start for counter, block in taken.items()})
    db.transaction(copies.prepare)
    for start in range(0, runs, STEP):
        count = min(STEP, runs - start)
        db.transaction(lambda unit, first=start, n=count: copies.make(unit, first, n))  # type: ignore[misc]
        say(f"{start + count} of {runs} finished runs made")
    db.transaction(copies.tidy)


class _Copies:
    """Copies of one run, with numbers below those of the runs that benches start."""

    def __init__(self, model: int, first: Mapping[Counter, int]) -> None:
        """Copy the run `model`; the numbers of the copies begin with `first`."""
        self._model = model
        self._first = first
        self._numbers = Table(
            "ja_bench_number",
            MetaData(),
            Column("n", Integer, primary_key=True, autoincrement=False),
        )
        self._lowest: dict[Counter, int] = {}

    def prepare(self, unit: Unit) -> None:
        """Make a table of numbers, and look at the numbers of the model."""
        icon, arrow = t.run_job.c.inner_job_id, t.run_flow.c.inner_flow_id
        lowest = {
            _ICON: select(func.min(icon)).where(t.run_job.c.inner_jobnet_main_id == self._model),
            _ARROW: select(func.min(arrow)).where(t.run_flow.c.inner_jobnet_id == self._model),
        }
        self._lowest = {kind: int(unit.conn.scalar(one) or 0) for kind, one in lowest.items()}
        self._lowest[_RUN] = self._model
        self._numbers.create(unit.conn)
        unit.execute(insert(self._numbers), [{"n": n} for n in range(STEP)])

    def make(self, unit: Unit, first: int, count: int) -> None:
        """Make copies number `first` and following."""
        for table in _COPIED:
            columns = [column for column in table.c if column.name not in _GIVEN]
            n = self._numbers.c.n
            chosen = [self._value(table, column, n, first) for column in columns]
            main = "inner_jobnet_main_id"
            owner = table.c[main if main in table.c else "inner_jobnet_id"]
            rows = select(*chosen).join_from(table, self._numbers, n < count)
            names = [column.name for column in columns]
            unit.execute(
                insert(table).from_select(
                    names, rows.where(owner == self._model), include_defaults=False
                )
            )

    def _value(self, table: Table, column: Column[Any], n: Any, first: int) -> Any:
        """Return the expression for one column of a copy."""
        kind = _SHIFTED.get(column.name)
        if kind is not None:
            each = _NUMBERS[kind]
            shift = self._first[kind] - self._lowest[kind] + first * each
            moved = column + literal_column(str(shift)) + n * each
            if column.name == "inner_job_id_fs_link" or (table is t.run_jobnet and kind is _ICON):
                return literal_column("0")
            return moved
        if column.name in {"start_time", "end_time"} and table in {
            t.run_jobnet,
            t.run_jobnet_summary,
        }:
            return literal_column(str(ENDED + first)) + n
        if column.name == "log_date":
            return literal_column(str((ENDED + first) * 1000)) + n * 1000
        return column

    def tidy(self, unit: Unit) -> None:
        """Drop the numbers."""
        self._numbers.drop(unit.conn)
