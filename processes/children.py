"""From the fork to the main loop: what every child does before its duty begins."""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from ipc.queues import Sender
from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.config import ServerConfig
from jobarranger.errors import ConfigError, JobArrangerError, SchemaError, in_short
from jobarranger.wakes import Role
from processes import registry
from processes.aio import run_async
from processes.context import ChildContext
from processes.exhaustion import exhausted
from processes.generation import Generation
from processes.lifeline import Lifeline
from processes.link import Figures, ParentLink
from processes.policy import ExitCode, Spec
from processes.registry import Code, RoleEntry
from processes.signals import Signals
from processes.supervisor import Member
from processes.title import Title
from processes.worker import work

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """What all children of one parent share."""

    config: ServerConfig
    clock: Clock
    server_id: str
    generation: Generation
    parent: int  #: process id
    listeners: Sequence[socket.socket] = ()
    let_go: Callable[[], None] = lambda: None  #: closes what only the parent needs


def members(shared: SharedState, entries: Sequence[RoleEntry]) -> list[Member]:
    """Return all children, ready to be forked; imports their modules."""
    config = shared.config
    codes, counts, serial = registry.load(entries), registry.counts(entries, config), count(1)
    return [
        _member(shared, entry, codes[entry.role], counts, number, next(serial))
        for entry in entries
        for number in range(1, counts[entry.role] + 1)
    ]


def _member(
    shared: SharedState,
    entry: RoleEntry,
    code: Code,
    counts: Mapping[Role, int],
    number: int,
    serial: int,
) -> Member:
    spec = registry.spec(entry, number, shared.config)

    def body(line: Lifeline, signals: Signals) -> int:
        shared.let_go()
        if not _still_wanted(shared):
            return ExitCode.WANTED
        faulthandler.enable(sys.stderr)
        context = _context(shared, entry, spec, counts, line, signals)
        m.log_message(
            m.JASERVER000004,
            server_number=serial,
            process_type_name=entry.role.value,
            process_number=number,
        )
        return _guarded(context, code)

    return Member(spec, body)


def _still_wanted(shared: SharedState) -> bool:
    """Join the generation; False if the parent has died meanwhile and another one is there.

    The order matters: once the shared lock is held no new parent can fork, and a parent that
    is alive after that cannot have been replaced.
    """
    return shared.generation.join() and os.getppid() == shared.parent


def _context(
    shared: SharedState,
    entry: RoleEntry,
    spec: Spec,
    counts: Mapping[Role, int],
    line: Lifeline,
    signals: Signals,
) -> ChildContext:
    config, clock = shared.config, shared.clock
    if entry.role is not Role.TRAPPER:
        for listener in shared.listeners:
            listener.close()
    figures = Figures(name=spec.name, pid=os.getpid())
    return ChildContext(
        config=config,
        clock=clock,
        role=entry.role,
        number=spec.number,
        counts=counts,
        server_id=shared.server_id,
        runtime_dir=config.ja_runtime_dir,
        interval=float(entry.interval(config)),
        hang_limit=spec.hang_limit,
        link=ParentLink(line, signals, clock, figures, spec.hang_limit),
        sender=Sender(config.ja_runtime_dir),
        title=Title(spec.name, clock),
        held=shared.generation.mend,
        listeners=tuple(shared.listeners) if entry.role is Role.TRAPPER else (),
    )


def _guarded(context: ChildContext, code: Code) -> int:
    """Run the child's main loop; turn what it raises into an exit code and one line."""
    try:
        if code.main is not None:
            return run_async(code.main, context)
        assert code.duty is not None
        return work(context, code.duty())
    except JobArrangerError as error:
        context.link.fault(str(error))
        return _expected(context, error)
    except Exception as error:  # noqa: BLE001 - reported, with its traceback if it is unexpected
        return _unexpected(context, error)
    finally:
        context.sender.close()


def _expected(context: ChildContext, error: JobArrangerError) -> ExitCode:
    """Return the exit code of a child whose trouble has a name."""
    if isinstance(error, ConfigError):
        return ExitCode.CONFIGURATION
    if isinstance(error, SchemaError):
        return ExitCode.SCHEMA
    log.error("%s: %s", context.name, error)
    return ExitCode.FAILED


def _unexpected(context: ChildContext, error: Exception) -> ExitCode:
    """Say why a child ends by itself, once; return its exit code."""
    what = exhausted(error, starting=not context.link.is_ready)
    if what is not None:
        m.log_message(m.JASERVER200006, role=context.role.value, number=context.number, what=what)
        context.link.fault(what)
        return ExitCode.EXHAUSTED
    log.error("%s ends after an unexpected error", context.name, exc_info=error)
    context.link.fault(f"{type(error).__name__}: {in_short(error)}")
    return ExitCode.FAILED
