"""Killing a job with everything it has started, and nothing else.

The wrapper is spared: it records the end. All processes of the job's session and all descendants
of its first process are stopped first (so that none can start another unseen), until a check finds
no more; then they are killed, the first process first, so that it is reported as killed and not
as having lost a child. Every process is meant by id and start time and addressed through a
descriptor, so a reused id is never hit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobarranger.agent.watch import Process
from jobarranger.clock import Clock

#: Looks for processes that were not seen before, at most.
ROUNDS = 50
#: Wait for the first process's record after the claim, in seconds.
BEGIN_SECONDS = 2.0
_BEGIN_STEP = 0.005
#: Pause between looks at all processes while a wrapper gives up its job, in seconds.
_GIVE_UP_STEP = 0.1


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One line of the process table."""

    pid: int
    parent: int
    session: int
    start: int


def process_table() -> list[ProcessRow]:
    """Return all processes of the machine."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if len(fields) > 19:
            found.append(ProcessRow(int(name), int(fields[1]), int(fields[3]), int(fields[19])))
    return found


def members(table: list[ProcessRow], first: Process, known: set[Process]) -> set[Process]:
    """Return the job's processes: its session, descendants of the first, and of those known.

    Only processes as young as the first or younger can belong to it. If the first's id has been
    given to a stranger, its session number means nothing any more.
    """
    young = [entry for entry in table if entry.start >= first.start]
    reused = any(entry.pid == first.pid and entry.start != first.start for entry in young)
    found = {
        entry.pid
        for entry in young
        if (entry.session == first.pid and not reused) or Process(entry.pid, entry.start) in known
    }
    grown = True
    while grown:
        more = {entry.pid for entry in young if entry.parent in found} - found
        found |= more
        grown = bool(more)
    return {Process(entry.pid, entry.start) for entry in young if entry.pid in found}


def read_first(directory: str) -> Process | None:
    """Return the first process of a job, as its wrapper recorded it."""
    try:
        pid, start = Path(directory, "job").read_text("ascii").split()
        return Process(int(pid), int(start))
    except (OSError, ValueError):
        return None


def kill_job(directory: str, wrapper: Process, clock: Clock) -> str:
    """Kill a job that has a wrapper; return "" or why a process could not be killed.

    Blocks for some milliseconds; to be called in a thread. A job that ends meanwhile counts as
    killed.
    """
    first = _await_first(directory, wrapper, clock)
    if first is None:
        halted = wrapper.is_stopped()  # it may start the job when it goes on
        return f"process {wrapper.pid}, its wrapper, is stopped" if halted else ""
    killed: set[Process] = set()
    problem = ""
    for _ in range(ROUNDS):
        stopped = _stop_all(first)
        fresh = stopped - killed
        if not fresh:
            break
        ordered = sorted(fresh, key=lambda each: (each != first, each.pid))
        for process in ordered:  # to the last one, none may stay behind stopped
            problem = _send(process, signal.SIGKILL) or problem
        killed |= fresh
    return problem


def _await_first(directory: str, wrapper: Process, clock: Clock) -> Process | None:
    """Return the first process; it may be an instant away. None if there is none and will be none.

    A wrapper that could not record it (the disk is full) is its parent all the same.
    """
    first = _look_for_first(directory, wrapper, clock, lambda: read_first(directory), _BEGIN_STEP)
    if first is not None:
        return first if first.lives() else None
    child = _child(wrapper)
    if child is not None or not wrapper.lives():
        return child
    _send(wrapper, signal.SIGTERM)  # heeded only while it tries to start the job
    return _look_for_first(directory, wrapper, clock, lambda: _child(wrapper), _GIVE_UP_STEP)


def _look_for_first(
    directory: str,
    wrapper: Process,
    clock: Clock,
    look: Callable[[], Process | None],
    step: float,
) -> Process | None:
    """Look again and again, until the wrapper is gone or has recorded the end."""
    end = clock.monotonic() + BEGIN_SECONDS
    while wrapper.lives() and clock.monotonic() < end:
        first = look()
        if first is not None or os.path.exists(f"{directory}/status"):
            return first
        clock.sleep(step)
    return None


def _child(wrapper: Process) -> Process | None:
    """Return the child of a wrapper."""
    if not wrapper.lives():
        return None
    children = (entry for entry in process_table() if entry.parent == wrapper.pid)
    return next((Process(entry.pid, entry.start) for entry in children), None)


def _stop_all(first: Process) -> set[Process]:
    """Stop every process of the job until a check finds none that still runs free."""
    stopped: set[Process] = set()
    for _ in range(ROUNDS):
        fresh = members(process_table(), first, stopped) - stopped
        if not fresh:
            break
        for process in fresh:
            _send(process, signal.SIGSTOP)
        stopped |= fresh
    return stopped


def _send(process: Process, number: signal.Signals) -> str:
    """Signal exactly this process; return "" or the reason why it was not possible."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return _send_by_id(process, number)
    try:
        if process.lives():
            signal.pidfd_send_signal(descriptor, number)
    except PermissionError:
        return f"process {process.pid} may not be killed by this user"
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)
    return ""


def _send_by_id(process: Process, number: signal.Signals) -> str:
    if not process.lives():
        return ""
    with suppress(ProcessLookupError):
        try:
            os.kill(process.pid, number)
        except PermissionError:
            return f"process {process.pid} may not be killed by this user"
    return ""
