"""`jobarg_db`: make, upgrade, check and describe the server's database.

    jobarg_db -c FILE init|upgrade|check|status

Exit code 0 when done (check: nothing differs; status: the tables are current), else 1 with one
line on the standard error.
"""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from jobarranger.clock import SystemClock
from jobarranger.config import ServerConfig, load_server
from jobarranger.db import schema
from jobarranger.db.engine import Database
from jobarranger.db.settings import DatabaseSettings
from jobarranger.errors import JobArrangerError
from jobarranger.states import DatabaseType

DEFAULT_FILE = Path("/etc/jobarranger/jobarg_server.conf")

_PATIENT = 3600  #: seconds; an index over years of runs takes its time

Action = Callable[[Database], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    wanted = _arguments(argv)
    try:
        config, _ = load_server(wanted.config)
        return _run(config, _ACTIONS[wanted.action])
    except JobArrangerError as error:
        print(f"jobarg_db: {error}", file=sys.stderr)
        return 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobarg_db", description="Look after the database.")
    parser.add_argument(
        "-c", "--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help="%(default)s"
    )
    parser.add_argument("action", choices=_ACTIONS, help="; ".join(_HELP))
    return parser.parse_args(argv)


def _run(config: ServerConfig, action: Action) -> int:
    settings = replace(DatabaseSettings.from_config(config), read_timeout=_PATIENT)
    new_place = settings.file is not None and not settings.file.parent.exists()
    if settings.kind is DatabaseType.SQLITE and action is not _init:
        _require_file(settings)
    db = Database(settings, clock=SystemClock())
    try:
        return action(db)
    finally:
        db.close()
        if settings.kind is DatabaseType.SQLITE:
            _hand_over(settings, config, with_directory=new_place)


def _init(db: Database) -> int:
    schema.create(db)
    print(f"{db.settings.label()}: initialised, version {schema.HEAD}")
    return 0


def _upgrade(db: Database) -> int:
    before = db.read(schema.status)
    planted = schema.upgrade(db)
    print(f"{db.settings.label()}: {before.words()} -> version {schema.HEAD}, {planted} rows added")
    return 0


def _check(db: Database) -> int:
    found = db.read(schema.check)
    for line in found:
        print(line)
    print(f"{db.settings.label()}: {len(found) or 'no'} differences")
    return 1 if found else 0


def _status(db: Database) -> int:
    found = db.read(schema.status)
    print(f"{db.settings.label()}: {found.words()}")
    return 0 if found.version == schema.HEAD else 1


_ACTIONS: dict[str, Action] = {
    "init": _init,
    "upgrade": _upgrade,
    "check": _check,
    "status": _status,
}

_HELP = (
    "init: make all tables in an empty database",
    "upgrade: add what this version needs, also to tables of the original",
    "check: compare the tables with what this version needs",
    "status: show the version",
)


def _require_file(settings: DatabaseSettings) -> None:
    """Refuse to make an empty file where somebody wants to look at an existing one."""
    if settings.file is None or not settings.file.exists():
        raise JobArrangerError(f"{settings.label()} does not exist; run jobarg_db init")


def _hand_over(settings: DatabaseSettings, config: ServerConfig, *, with_directory: bool) -> None:
    """Give root's SQLite files to the user that the server will be."""
    if os.geteuid() != 0 or config.allow_root or settings.file is None:
        return
    try:
        user = pwd.getpwnam(config.ja_execution_user)
    except KeyError:
        return
    files = [Path(f"{settings.file}{suffix}") for suffix in ("", "-wal", "-shm", ".lock")]
    for file in files + [settings.file.parent] * with_directory:
        if file.exists():
            os.chown(file, user.pw_uid, user.pw_gid)


if __name__ == "__main__":
    sys.exit(main())
