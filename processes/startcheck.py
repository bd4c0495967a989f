"""The start check: a child that looks whether the server can work, before any other is forked.

It runs in a process of its own so that the parent never opens a database. It makes the tables of an
embedded database at the first start. What is wrong comes back as one line through a pipe.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.config import ServerConfig
from jobarranger.errors import ConfigError, DatabaseUnavailable, JobArrangerError
from jobarranger.states import DatabaseType
from processes.generation import Generation
from processes.signals import STOPPING, Signals, child_signals, held_back

if TYPE_CHECKING:
    from jobarranger.db.engine import Database

log = logging.getLogger(__name__)

#: Seconds that the check may take.
LIMIT = 120.0


class StopAsked(Exception):
    """A signal asked the server to end while it was still checking."""


def run(
    config: ServerConfig,
    clock: Clock,
    generation: Generation,
    signals: Signals,
    *,
    hold_all: bool = False,
) -> str | None:
    """Fork the check and wait for it; return what is wrong in one line, or None.

    With `hold_all` it also pauses everything, when all is well.

    Raises:
        StopAsked: a stopping signal came meanwhile; the check has been killed.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    with held_back():
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _live(config, clock, generation, signals, writing, hold_all=hold_all)
    os.close(writing)
    try:
        return _verdict(reading, signals, clock)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        os.waitpid(pid, 0)


def _verdict(reading: int, signals: Signals, clock: Clock) -> str | None:
    """Read the check's line until its end."""
    text = b""
    deadline = clock.monotonic() + LIMIT
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    poll.register(signals.fileno(), select.POLLIN)
    while (left := deadline - clock.monotonic()) > 0:
        for descriptor, _ in poll.poll(1000 * left):
            if descriptor != reading:
                if STOPPING.intersection(signals.take()):
                    raise StopAsked
                continue
            part = os.read(reading, 4096)
            text += part
            if not part:
                return _judge(text.decode(errors="replace"))
    raise ConfigError(f"the start check has not ended within {LIMIT:.0f} s")


def _judge(text: str) -> str | None:
    if text == "ok":
        return None
    return text or "the start check ended without a word, see the log"


def _live(
    config: ServerConfig,
    clock: Clock,
    generation: Generation,
    signals: Signals,
    writing: int,
    *,
    hold_all: bool,
) -> NoReturn:
    """Be the check; say "ok" or what is wrong, and never come back."""
    text = "ok"
    try:
        signals.close()
        child_signals().close()
        if not generation.join():
            text = "another server has been started at the same time"
        else:
            check(config, clock, hold_all=hold_all)
    except JobArrangerError as error:
        text = str(error)
    except BaseException as error:  # noqa: BLE001 - nothing may run on in a copy of the parent
        traceback.print_exc()
        text = f"start check: {type(error).__name__}: {error}"
    finally:
        with suppress(OSError):
            os.write(writing, text.replace("\n", " ")[:4000].encode())
        os._exit(0)


def check(config: ServerConfig, clock: Clock, *, hold_all: bool = False) -> None:
    """Check whatever the children will depend on.

    With `hold_all` everything is paused then: no child has been forked that could start anything.

    Raises:
        JobArrangerError: with one line about the first thing that is wrong.
    """
    for name, path in (
        ("JaRuntimeDir", config.ja_runtime_dir),
        ("JaStateDir", config.ja_state_dir),
        ("TmpDir", config.tmp_dir),
    ):
        _check_writable(name, path)
    _check_readable("JaLogMessageFile", config.ja_log_message_file)
    _check_database(config, clock, hold_all=hold_all)


def _check_writable(name: str, path: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(f"{name}: cannot write into {path}: {error.strerror}") from error


def _check_readable(name: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        log.warning("%s: %s is missing, the built-in texts are used", name, path)
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {path}: {error.strerror}") from error


def _check_database(config: ServerConfig, clock: Clock, *, hold_all: bool) -> None:
    from jobarranger.db import schema
    from jobarranger.db.engine import Database
    from jobarranger.db.mysql import on_galera

    database = Database.from_config(config, clock=clock)
    try:
        if config.db_type is DatabaseType.SQLITE:
            schema.ensure_embedded(database)
        schema.require_current(database)
        if database.read(on_galera):
            m.log_message(m.JASERVER300008)
        if hold_all:
            _hold_all(database)
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(f"the database cannot be used: {error}") from error
    finally:
        database.close()


def _hold_all(database: Database) -> None:
    """Pause all starts, the loading by schedules, and all jobs."""
    from jobarranger.operations.actor import Actor
    from jobarranger.operations.pausing import CannotPause, Target, pause

    actor = Actor.trusted("jobarg_server", "jobarg_server").because("--hold-all")
    with suppress(CannotPause):  # an earlier start has done it already
        pause(database, actor=actor, target=Target(), hold_loading=True)
