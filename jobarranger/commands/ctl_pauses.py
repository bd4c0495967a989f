"""`jobarg_ctl pause`, `resume` and `pauses`: drain the server, a jobnet or a host."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rich.table import Table
from rich.text import Text

from jobarranger.clock import local_time
from jobarranger.commands import picture, waiting_queries
from jobarranger.commands.operate import Session
from jobarranger.db import pauses
from jobarranger.db.definitions import valid_header
from jobarranger.errors import JobArrangerError
from jobarranger.model.pauses import Pause
from jobarranger.operations.pausing import Target, pause, resume
from jobarranger.states import PauseScope

#: Characters of a jobnet's or host's name.
_NAME = 128
#: A pause that is to end by itself is no longer than this (minutes).
_LONGEST = 1_000_000


def add_parsers(objects: Any) -> None:
    """Add the three commands to the command line."""
    begin = objects.add_parser("pause", help="start nothing new; what runs goes on to its end")
    _add_target(begin)
    begin.add_argument("--reason", required=True, metavar="TEXT", help="for those who wonder")
    begin.add_argument(
        "--minutes", type=_minutes, metavar="N", help="end by itself after so many minutes"
    )
    begin.set_defaults(work=_pause)
    end = objects.add_parser("resume", help="end a pause; runs that have waited start")
    _add_target(end).add_argument("--everything", action="store_true", help="end all pauses")
    end.set_defaults(work=_resume)
    listing = objects.add_parser("pauses", help="list what is paused")
    listing.add_argument("--json", action="store_true", help="for programs: one object")
    listing.set_defaults(work=_list)


def _add_target(parser: argparse.ArgumentParser) -> Any:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--jobnet", type=_name, metavar="ID", help="only the starts of this jobnet")
    group.add_argument("--host", type=_name, metavar="NAME", help="only sending jobs to this host")
    return group


def _name(text: str) -> str:
    if not 1 <= len(text) <= _NAME:
        raise argparse.ArgumentTypeError(f"'{text}' has not from 1 to {_NAME} characters")
    return text


def _minutes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {_LONGEST}")
    return int(text)


def _target(arguments: argparse.Namespace) -> Target:
    if arguments.jobnet is not None:
        return Target(PauseScope.JOBNET, arguments.jobnet)
    if arguments.host is not None:
        return Target(PauseScope.HOST, arguments.host)
    return Target()


def _pause(session: Session, arguments: argparse.Namespace) -> int:
    target, minutes = _target(arguments), arguments.minutes
    if target.scope is PauseScope.JOBNET:
        known = session.db.read(lambda conn: valid_header(conn, target.name))
        if known is None:
            raise JobArrangerError(f"jobnet {target.name} has no version in force")
    until = None if minutes is None else session.clock.now_ms() + minutes * 60_000
    actor = session.actor.because(arguments.reason)
    pause(session.db, actor=actor, target=target, until_at=until)
    print(f"{target}: paused")
    if target.scope is PauseScope.HOST and not waiting_queries.is_known(session, target.name):
        text = f"nobody knows host {target.name}; only jobs of icons that name it like this wait"
        print(f"{session.source}: warning: {text}", file=sys.stderr)
    return 0


def _resume(session: Session, arguments: argparse.Namespace) -> int:
    target = None if arguments.everything else _target(arguments)
    for ended in resume(session.db, actor=session.actor, target=target):
        print(f"{ended.what}: resumed")
    return 0


def _list(session: Session, arguments: argparse.Namespace) -> int:
    now = session.clock.now_ms()
    found = list(session.db.read(lambda conn: pauses.read(conn, now)).active())
    if arguments.json:
        print(json.dumps({"schema": 1, "pauses": [_as_json(one) for one in found]}, indent=2))
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("what", "since", "until", "by", "reason"):
        table.add_column(column)
    for one in found:
        until = "-" if one.until_at is None else _clock(session, one.until_at)
        cells = (one.what, _clock(session, one.since), until, one.actor_user, one.reason)
        table.add_row(*(Text(cell) for cell in cells))
    picture.console().print(table if found else "nothing is paused")
    return 0


def _clock(session: Session, at: int) -> str:
    return local_time(at, session.zone).strftime("%Y-%m-%d %H:%M:%S")


def _as_json(one: Pause) -> dict[str, object]:
    """Return a pause for programs; instants are UTC ms."""
    return {
        "scope": one.scope.name.lower(),
        "name": one.name or None,
        "hold_all": one.hold_loading,
        "since": one.since,
        "until": one.until_at,
        "by": one.actor_user,
        "reason": one.reason,
    }
