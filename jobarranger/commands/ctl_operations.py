"""`jobarg_ctl jobnet abort` and `jobarg_ctl icon hold|release|skip|unskip|stop|rerun`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from jobarranger.commands.operate import Session
from jobarranger.operations.aborting import stop_run
from jobarranger.operations.icons import find_icon, operate
from jobarranger.operations.rules import Operation

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
    running = stop_run(session.db, session.engine, actor=session.actor, run=arguments.registry)
    done = "is being stopped" if running else "had not started; it is cancelled"
    print(f"run {arguments.registry} {done}")
    return 0


def _operate(operation: Operation, session: Session, arguments: argparse.Namespace) -> int:
    operate(
        session.db,
        session.engine,
        actor=session.actor,
        icon_id=find_icon(session.db, arguments.icon),
        operation=operation,
    )
    return 0
