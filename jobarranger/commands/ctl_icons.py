"""`jobarg_ctl icon unknown|resolve`: jobs that were sent and never heard of again."""

from __future__ import annotations

import argparse
from typing import Any

from jobarranger.commands.operate import Session
from jobarranger.operations.resolving import Ended, NotDone, resolve, unknown_outcomes


def add_parsers(objects: Any) -> Any:
    """Add the object `icon` to the command line; return what takes its actions."""
    icon = objects.add_parser("icon", help="single icons of runs")
    actions = icon.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser(
        "unknown", help="list the jobs whose outcome is unknown, the oldest first"
    )
    show.set_defaults(work=_list)
    decide = actions.add_parser("resolve", help="say what became of one of them")
    decide.add_argument("icon", type=int, metavar="ICON", help="number as listed")
    outcome = decide.add_mutually_exclusive_group(required=True)
    outcome.add_argument(
        "--ended",
        type=int,
        metavar="CODE",
        help="the job ran and ended with this exit code: work it in as its result",
    )
    outcome.add_argument(
        "--not-done",
        action="store_true",
        help="the job failed or never ran: the icon stays in error and may be run again",
    )
    decide.set_defaults(work=_resolve)
    return actions


def _list(session: Session, arguments: argparse.Namespace) -> int:
    for found in unknown_outcomes(session.db):
        print(f"{found.job_id}\t{found.host_name}\tattempt {found.attempt}")
    return 0


def _resolve(session: Session, arguments: argparse.Namespace) -> int:
    decision = NotDone() if arguments.not_done else Ended(exit_code=arguments.ended)
    resolve(
        session.db,
        session.engine,
        actor=session.actor,
        job_id=arguments.icon,
        decision=decision,
    )
    return 0
