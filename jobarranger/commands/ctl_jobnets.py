"""`jobarg_ctl jobnet list|show|watch`: look at runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from rich.live import Live

from jobarranger.commands import picture
from jobarranger.commands.operate import Session
from jobarranger.db.overview import RunView, run_list, run_view
from jobarranger.errors import JobArrangerError

#: Seconds between two looks of `watch`.
_PAUSE = 0.2


def add_parsers(objects: Any) -> Any:
    """Add the object `jobnet` to the command line; return what takes its actions."""
    jobnet = objects.add_parser("jobnet", help="runs of jobnets")
    actions = jobnet.add_subparsers(dest="action", required=True, metavar="ACTION")
    show_all = actions.add_parser("list", help="list the newest runs")
    show_all.add_argument("--most", type=int, default=30, help="how many (default 30)")
    show_all.add_argument("--active", action="store_true", help="only runs that have not ended")
    show_all.set_defaults(work=_list)
    show = actions.add_parser("show", help="show one run with its icons and their output")
    watch = actions.add_parser("watch", help="follow one run until it ends or is in error")
    show.set_defaults(work=_show)
    watch.set_defaults(work=_watch)
    for each in (show, watch):
        each.add_argument("registry", type=int, help="registry number of the run")
    for each in (show_all, show):
        each.add_argument("--json", action="store_true", help="for programs")
    return actions


def find(session: Session, registry: int) -> RunView:
    """Return a run, or complain."""
    view = session.db.read(lambda conn: run_view(conn, registry))
    if view is None:
        raise JobArrangerError(f"there is no run with the registry number {registry}")
    return view


def _list(session: Session, arguments: argparse.Namespace) -> int:
    runs = session.db.read(lambda conn: run_list(conn, arguments.most, active=arguments.active))
    if arguments.json:
        rows = [dataclasses.asdict(run) for run in runs]
        for row in rows:
            del row["icons"]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        picture.console().print(picture.runs_table(runs))
    return 0


def _show(session: Session, arguments: argparse.Namespace) -> int:
    run = find(session, arguments.registry)
    if arguments.json:
        print(json.dumps(dataclasses.asdict(run), indent=1, ensure_ascii=False))
        return 0
    console = picture.console()
    console.print(picture.run_table(run))
    console.print(picture.outputs(run))
    return 0


def _watch(session: Session, arguments: argparse.Namespace) -> int:
    """Follow a run; exit code 0 if it ended well, else 1."""
    run = follow(session, arguments.registry)
    picture.console().print(picture.outputs(run))
    return int(run.in_error)


def follow(session: Session, registry: int, *, seconds: float | None = None) -> RunView:
    """Show a run as it goes until it has ended, is in error, or the time is over."""
    run = find(session, registry)
    deadline = None if seconds is None else session.clock.monotonic() + seconds
    console = picture.console()
    if not console.is_terminal:
        run = _until_over(session, run, deadline)
        console.print(picture.run_table(run))
        return run
    with Live(picture.run_table(run), console=console, auto_refresh=False) as live:
        return _until_over(
            session, run, deadline, lambda run: live.update(picture.run_table(run), refresh=True)
        )


def _until_over(
    session: Session,
    run: RunView,
    deadline: float | None,
    show: Callable[[RunView], None] | None = None,
) -> RunView:
    """Look again and again; `show` is called with each change."""
    while not (run.ended or run.in_error):
        if deadline is not None and session.clock.monotonic() > deadline:
            break
        session.clock.sleep(_PAUSE)
        newer = find(session, run.registry)
        if newer != run:
            run = newer
            if show is not None:
                show(run)
    return run
