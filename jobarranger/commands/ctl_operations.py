"""`jobarg_ctl jobnet abort` and `jobarg_ctl icon hold|release|skip|unskip|stop|rerun`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from jobarranger.commands.operate import Session
from jobarranger.db import releases
from jobarranger.flow.engine import Engine
from jobarranger.flow.operating import NotPossible, Operation, stop_run
from jobarranger.flow.operating import operate as operate_icon

_HELP = {
    Operation.HOLD: "let it wait when the flow reaches it",
    Operation.RELEASE: "end its hold",
    Operation.SKIP: "pass it over: when it is reached, at once if it is held or has failed",
    Operation.UNSKIP: "do not pass it over after all",
    Operation.STOP: "stop it while it runs",
    Operation.RERUN: "run it again after an error",
}


def add_parsers(jobnets: Any, icons: Any) -> None:
    """Add the actions to the objects `jobnet` and `icon` of the command line."""
    abort = jobnets.add_parser("abort", help="stop a run, or cancel one that has not started")
    abort.add_argument("registry", type=int, help="registry number of the run")
    abort.set_defaults(work=_abort)
    for operation, text in _HELP.items():
        action = icons.add_parser(operation.value, help=text)
        action.add_argument(
            "icon",
            metavar="ICON",
            help="its number, or REGISTRY/PATH, such as 1600000000000000007/SUB/JOB-1",
        )
        action.set_defaults(work=partial(_operate, operation))


def _abort(session: Session, arguments: argparse.Namespace) -> int:
    running = stop_run(session.db, _engine(session), actor=session.actor, run=arguments.registry)
    done = "is being stopped" if running else "had not started; it is cancelled"
    print(f"run {arguments.registry} {done}")
    return 0


def _operate(operation: Operation, session: Session, arguments: argparse.Namespace) -> int:
    operate_icon(
        session.db,
        _engine(session),
        actor=session.actor,
        icon_id=find_icon(session, arguments.icon),
        operation=operation,
    )
    return 0


def find_icon(session: Session, text: str) -> int:
    """Return the number of an icon that is named by its number or by run and path.

    Raises:
        NotPossible: it is neither, or the path leads nowhere.
    """
    number, *path = text.split("/")
    if not number.isascii() or not number.isdigit() or not all(path):
        raise NotPossible(f"'{text}' is neither the number of an icon nor REGISTRY/PATH")
    if not path:
        return int(number)
    run = int(number)
    found = session.db.read(lambda conn: releases.icons_at(conn, [run], path))
    if run not in found:
        raise NotPossible(f"there is no icon {'/'.join(path)} in run {run}")
    return found[run][0]


def _engine(session: Session) -> Engine:
    return Engine.from_config(session.config, session.clock)
