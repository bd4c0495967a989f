"""`jobarg_ctl jobnet start|hold|release|reschedule`: runs that have not started."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from jobarranger.commands.operate import Session
from jobarranger.operations import unstarted
from jobarranger.operations.errors import NotPossible

#: Digits of a start time.
_DIGITS = len("YYYYMMDDHHMM")


def add_parsers(jobnets: Any) -> None:
    """Add the actions to the object `jobnet` of the command line."""
    start = _add(jobnets, "start", "start it now: it has missed its start, is on hold, or waits")
    start.add_argument(
        "--force",
        action="store_true",
        help="also beside other runs of a jobnet that does not want that, and in a pause",
    )
    start.set_defaults(work=_start)
    hold = _add(jobnets, "hold", "keep it from starting until it is released")
    hold.set_defaults(work=partial(_pending, unstarted.hold, "is on hold"))
    release = _add(jobnets, "release", "end its hold: it starts at its time, or at once")
    release.set_defaults(work=partial(_pending, unstarted.release, "is released"))
    again = _add(jobnets, "reschedule", "give it another time")
    again.add_argument("time", metavar="YYYYMMDDHHMM", help="in the server's zone")
    again.set_defaults(work=_reschedule)


def _add(jobnets: Any, name: str, text: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = jobnets.add_parser(name, help=text)
    action.add_argument("registry", type=int, help="registry number of the run")
    return action


def _start(session: Session, arguments: argparse.Namespace) -> int:
    run = arguments.registry
    unstarted.start(session.db, session.engine, actor=session.actor, run=run, force=arguments.force)
    print(f"run {run} starts")
    return 0


def _pending(operation: Any, done: str, session: Session, arguments: argparse.Namespace) -> int:
    operation(session.db, session.engine, actor=session.actor, run=arguments.registry)
    print(f"run {arguments.registry} {done}")
    return 0


def _reschedule(session: Session, arguments: argparse.Namespace) -> int:
    run, time = arguments.registry, arguments.time
    if not time.isascii() or not time.isdigit() or len(time) != _DIGITS:
        raise NotPossible(f"'{time}' is not a time YYYYMMDDHHMM")
    unstarted.reschedule(session.db, session.engine, actor=session.actor, run=run, slot=int(time))
    print(f"run {run} is to start at {time}")
    return 0
