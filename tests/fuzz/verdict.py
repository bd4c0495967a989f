"""What was measured, as troubles in words and as a table for people. Pure but for the reading."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.fuzz.honest import Start
from tests.fuzz.watch import MEBIBYTE, Figures, Watch

#: Bytes that a process may have more in the end than at the beginning.
MEMORY_ALLOWED = 30 * MEBIBYTE
#: Seconds that an honest start may take, and from asking for it until its job begins.
SLOWEST_START, SLOWEST_JOB = 1.0, 1.0
#: Descriptors that a process may have more in the end: connections of the last moment.
FILES_ALLOWED = 20
#: Bytes of log that one connection of a stranger, and one honest run, may cost on the average.
LOG_PER_CONNECTION, LOG_PER_RUN = 250, 2_000
#: Examples of each trouble that are shown.
_SHOWN = 8


def report(text: str) -> None:
    """Show a line to whoever runs the tests with `-s`, or with a failure."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def slow_starts(starts: Sequence[Start], allowed: float = SLOWEST_START) -> list[str]:
    """Return what was wrong with honest starts: the failed ones and the slow ones."""
    failed = [one for one in starts if one.run is None]
    slow = [one for one in starts if one.seconds > allowed]
    found = []
    if failed:
        reasons = Counter(one.error for one in failed).most_common(3)
        found.append(f"{len(failed)} of {len(starts)} honest starts failed: {reasons}")
    if slow:
        slowest = max(one.seconds for one in slow)
        found.append(
            f"{len(slow)} of {len(starts)} honest starts took longer than {allowed:g} s, "
            f"the slowest {slowest:.2f} s"
        )
    return found


def slow_jobs(
    starts: Sequence[Start], begins: Mapping[int, float], allowed: float = SLOWEST_JOB
) -> list[str]:
    """Return what was wrong with the jobs of honest starts: how long until they began."""
    runs = [one for one in starts if one.run is not None]
    waited = _waited(starts, begins)
    slow = [seconds for seconds in waited if seconds > allowed]
    found = []
    if len(waited) < len(runs):
        found.append(f"{len(runs) - len(waited)} of {len(runs)} jobs have not begun at all")
    if slow:
        found.append(
            f"{len(slow)} of {len(runs)} jobs began later than {allowed:g} s after they were asked "
            f"for, the slowest after {max(slow):.2f} s"
        )
    return found


def greedy_processes(
    figures: Mapping[str, Figures], files: int | None = FILES_ALLOWED
) -> list[str]:
    """Return the processes that have kept memory, or descriptors if those count."""
    return [
        *(
            f"{name} has {_mib(one.last_memory - one.memory)} MiB more than at the beginning"
            for name, one in figures.items()
            if one.last_memory - one.memory > MEMORY_ALLOWED
        ),
        *(
            f"{name} has {one.last_files} open files, {one.files} at the beginning"
            for name, one in figures.items()
            if files is not None and one.last_files - one.files > files
        ),
    ]


def exceptions(found: Sequence[tuple[float, str]]) -> list[str]:
    """Return the exceptions of the logs, each kind once."""
    counts = Counter(text for _, text in found)
    return [f"{count} x {text}" for text, count in counts.most_common(_SHOWN)]


def talkative_logs(grown: int, connections: int, runs: int) -> list[str]:
    """Return whether the logs have grown more than they may."""
    allowed = connections * LOG_PER_CONNECTION + runs * LOG_PER_RUN
    if grown <= allowed:
        return []
    return [f"the logs have grown by {grown} bytes, {allowed} are allowed"]


def table(
    watch: Watch,
    starts: Sequence[Start],
    begins: Mapping[int, float],
    sent: Mapping[str, Mapping[str, int]],
) -> Iterator[str]:
    """Give the lines of a short table of figures."""
    yield from _inputs(sent)
    yield from latencies(starts, begins)
    for name, one in watch.figures.items():
        grown, most = one.last_memory - one.memory, one.most_memory - one.memory
        yield (
            f"{name:<16} memory {_mib(one.memory):>6} MiB, grown {_mib(grown):>6} (at most "
            f"{_mib(most):>7}), files {one.files} -> {one.last_files} (at most {one.most_files})"
        )
    connections = sum(sent.get("connections", {}).values())
    log = watch.log_growth()
    yield f"logs have grown by {log} bytes, {log / max(connections, 1):.0f} per connection"


def latencies(starts: Sequence[Start], begins: Mapping[int, float]) -> Iterator[str]:
    """Give the lines that show how long honest people waited."""
    yield _line("honest start, seconds", [one.seconds for one in starts])
    yield _line("asked until job begins, seconds", _waited(starts, begins))


def _waited(starts: Sequence[Start], begins: Mapping[int, float]) -> list[float]:
    """Return the seconds from asking to the job's begin, of the jobs that have begun."""
    return [begins[one.run] - one.asked_at for one in starts if one.run in begins]


def _inputs(sent: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    inputs, connections = sent.get("inputs", {}), sent.get("connections", {})
    yield f"{sum(inputs.values())} inputs, {sum(connections.values())} connections or messages:"
    for kind, count in sorted(inputs.items()):
        yield f"  {kind:<28} {count:>6} inputs {connections.get(kind, 0):>7} connections"
    outcomes = sent.get("outcomes", {})
    yield "taken: " + ", ".join(f"{count} {name}" for name, count in outcomes.items())


def _line(name: str, seconds: Sequence[float]) -> str:
    if not seconds:
        return f"{name}: none"
    ordered = sorted(seconds)
    middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return (
        f"{name}: {len(ordered)} measured, median {middle:.3f}, 99 % {late:.3f}, "
        f"slowest {ordered[-1]:.3f}"
    )


def _mib(size: int) -> str:
    return f"{size / MEBIBYTE:.1f}"
