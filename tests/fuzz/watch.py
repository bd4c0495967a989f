"""Watches the processes of the site and their logs while strangers are at it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psutil

from jobarranger.commands.demo_site import wait_until
from tests.crash.harness import AGENT, SERVER, title
from tests.fuzz.site import FuzzSite

MEBIBYTE = 1 << 20
#: Memory of one process at which it is killed: the machine is not ours alone.
DANGEROUS = 1024 * MEBIBYTE
#: Growth of one process between two looks that makes what was sent then suspect.
LEAP = 8 * MEBIBYTE
#: What a log never holds unless something has gone wrong that nobody thought of.
_EXCEPTION = re.compile(
    r"never retrieved|Exception ignored|was destroyed but|was never awaited"
    r"|MemoryError|RecursionError|Fatal Python error|internal error"
)
#: What a line begins with: the process, the time, the level.
_STAMP = re.compile(r"\s*\d+:(\d{8}:\d{6}\.\d{3}) \[\w+\] ")


@dataclass(slots=True)
class Figures:
    """One process: at the beginning, at most, and now."""

    process: psutil.Process
    memory: int  #: bytes that are its own (USS), at the beginning
    files: int  #: open descriptors at the beginning
    most_memory: int = 0
    most_files: int = 0
    last_memory: int = 0
    last_files: int = 0


@dataclass
class Watch:
    """The processes by name, from `begin` on."""

    site: FuzzSite
    figures: dict[str, Figures] = field(default_factory=dict)
    log_sizes: dict[Path, int] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    leaps: list[float] = field(default_factory=list)  #: when a process grew fast (UTC seconds)

    def begin(self) -> None:
        """Take the present state as the beginning."""
        for name, process in self._processes():
            with suppress(psutil.NoSuchProcess):
                self.figures[name] = Figures(process, _memory(process), process.num_fds())
        self.log_sizes = {path: path.stat().st_size for path in self.logs()}

    def look(self) -> None:
        """Measure every process once; note those that are not the same any more."""
        there = dict(self._processes())
        for name, known in self.figures.items():
            process = there.get(name)
            if process is None or process.pid != known.process.pid:
                self._note(f"{name} ({known.process.pid}) was replaced")
                if process is None:
                    continue
                known.process = process
            with suppress(psutil.NoSuchProcess):
                before = known.last_memory or known.memory
                _measure(known)
                if known.last_memory - before > LEAP:
                    self.leaps.append(time.time())
                if known.last_memory > DANGEROUS:
                    process.kill()
                    self._note(f"{name} was killed at {known.last_memory / MEBIBYTE:.0f} MiB")

    def settle(self, allowed: int, files: int, seconds: float) -> bool:
        """Wait until no process has more than so many bytes and files above the beginning.

        The last connections of strangers end by their time-outs.
        """

        def is_calm() -> bool:
            self.look()
            return all(
                one.last_memory - one.memory <= allowed and one.last_files - one.files <= files
                for one in self.figures.values()
            )

        return wait_until(is_calm, seconds)

    def logs(self) -> list[Path]:
        """Return the files that daemons write lines to."""
        directory = self.site.directory
        return sorted([*directory.glob("*.log*"), *directory.glob("*.out")])

    def log_growth(self) -> int:
        """Return how many bytes all logs have grown since the beginning."""
        return sum(path.stat().st_size - self.log_sizes.get(path, 0) for path in self.logs())

    def exceptions(self) -> list[tuple[float, str]]:
        """Return the exceptions in the logs since the beginning: (UTC seconds, what it was)."""
        return [found for path in self.logs() for found in self._exceptions_in(path)]

    def _exceptions_in(self, path: Path) -> Iterator[tuple[float, str]]:
        """Give the exceptions of one log; of a traceback its last line."""
        at = time.time()
        inside = False
        for line in self._new_lines(path):
            at = _instant(line) or at
            text = _STAMP.sub("", line)
            if inside:
                inside = not text or text.startswith((" ", "Traceback"))
                if not inside:
                    yield at, f"{path.name}: {text[:300]}"
            elif "Traceback (most recent call last)" in text:
                inside = True
            elif _EXCEPTION.search(text):
                yield at, f"{path.name}: {text[:300]}"

    def _new_lines(self, path: Path) -> list[str]:
        with path.open("rb") as file:
            file.seek(self.log_sizes.get(path, 0))
            return file.read().decode("utf-8", "replace").splitlines()

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """Give the server's and the agent's processes, without the jobs."""
        server = psutil.Process(self.site.daemons[SERVER].pid)
        agent = psutil.Process(self.site.daemons[AGENT].pid)
        yield "server", server
        yield from sorted(self.site.children().items())
        yield "agent", agent
        for child in agent.children():
            if "starter" in title(child):
                yield "agent's starter", child

    def _note(self, text: str) -> None:
        if text not in self.replaced:
            self.replaced.append(text)


def _measure(known: Figures) -> None:
    known.last_memory, known.last_files = _memory(known.process), known.process.num_fds()
    known.most_memory = max(known.most_memory, known.last_memory)
    known.most_files = max(known.most_files, known.last_files)


def _memory(process: psutil.Process) -> int:
    return int(process.memory_full_info().uss)


def _instant(line: str) -> float | None:
    """Return the time of a line of a log, in UTC seconds."""
    found = _STAMP.match(line)
    if found is None:
        return None
    return datetime.strptime(found[1], "%Y%m%d:%H%M%S.%f").astimezone().timestamp()
