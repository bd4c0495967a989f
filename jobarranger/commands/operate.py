"""What the operators' commands share: one-line errors, the database, the actor, the audit.

These commands work on the server's database directly; who may read the server's configuration
file may use them. Exit codes: 0 done, 1 refused or failed (one line on stderr), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import pwd
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from jobarranger.clock import Clock, SystemClock, stamp14, zone_named
from jobarranger.commands.hints import CollectedHints
from jobarranger.config import ServerConfig, load_server
from jobarranger.db import schema
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import ConfigError, JobArrangerError
from jobarranger.flow.engine import Engine
from jobarranger.operations.actor import Actor
from jobarranger.states import DatabaseType

#: Where the server's configuration is by default.
CONFIG = Path("/etc/jobarranger/jobarg_server.conf")


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a command: who, with what, on which database."""

    config: ServerConfig
    db: Database
    clock: Clock
    zone: tzinfo
    source: str  #: name of the command

    @property
    def actor(self) -> Actor:
        """Who calls the command."""
        return Actor.trusted(caller(), self.source)

    @property
    def engine(self) -> Engine:
        """What operations need to know of the server: clock, zone, limits."""
        return Engine.from_config(self.config, self.clock)

    def audit(self, unit: Unit, action: str, target: str, detail: str = "") -> None:
        """Note what a person did, in the transaction that does it."""
        self.actor.note(unit, self.clock.now_ms(), action, target, detail)

    def now(self) -> int:
        """Return the present as 14 digits in the server's zone."""
        return stamp14(self.clock.now_ms(), self.zone)


def caller() -> str:
    """Return the name of the system's user who calls (through sudo: who called sudo)."""
    name = os.environ.get("SUDO_USER") if os.geteuid() == 0 else None
    if name:
        return name[:100]
    try:
        return pwd.getpwuid(os.getuid()).pw_name[:100]
    except KeyError:
        return f"uid {os.getuid()}"


class Parser(argparse.ArgumentParser):
    """A command line that takes `-c FILE` at any place: its parts are of this class, too."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.add_argument(
            "-c",
            "--config",
            type=Path,
            default=argparse.SUPPRESS,  # a part that is not given it takes nothing back
            metavar="FILE",
            help=f"the server's configuration file (default {CONFIG})",
        )


def top_parser(**given: Any) -> Parser:
    """Return the parser of a whole command line; arguments as of `argparse.ArgumentParser`."""
    parser = Parser(**given)
    parser.set_defaults(config=CONFIG)
    return parser


@contextlib.contextmanager
def session(config_file: Path, source: str) -> Iterator[Session]:
    """Open the database of a server's configuration."""
    config, _ = load_server(config_file)
    clock = SystemClock()
    hints = CollectedHints(config)
    db = Database.from_config(config, clock=clock, on_wake=hints)
    if db.kind is DatabaseType.SQLITE and not config.db_file.exists():
        raise ConfigError(f"{db.settings.label()} does not exist; run jobarg_db init")
    try:
        schema.require_current(db)
        yield Session(config, db, clock, zone_named(config.ja_time_zone), source)
    finally:
        db.close()
        hints.send()
        if db.kind is DatabaseType.SQLITE:
            _give_back(config.db_file)


def _give_back(file: Path) -> None:
    """Give the files that root has made beside a SQLite database to the database's owner."""
    if os.geteuid() != 0:
        return
    owner = file.stat()
    for suffix in ("-wal", "-shm", ".lock"):
        with contextlib.suppress(FileNotFoundError):
            os.chown(f"{file}{suffix}", owner.st_uid, owner.st_gid)


def run(command: str, work: Callable[[Sequence[str]], int], argv: Sequence[str] | None) -> int:
    """Call `work`; expected errors become one line on stderr and exit code 1."""
    if sys.stdout is None:  # its descriptor is closed
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole process
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may not know every character
        sys.stdout.reconfigure(errors="replace")
    try:
        code = work(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except JobArrangerError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        _drop_output()
        return 1
    except OSError as error:
        _drop_output()
        print(f"{command}: {_reported(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _drop_output() -> None:
    """Let go what could not be written, so that the end of the process does not try it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reported(error: OSError) -> str:
    """Say what went wrong with which file; without one it was our output."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else f"cannot write: {text}"
