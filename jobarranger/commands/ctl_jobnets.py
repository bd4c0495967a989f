"""`jobarg_ctl jobnet list|show|watch`: look at runs, and see why they do not go on."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from jobarranger.commands import picture, runjson, waiting_queries
from jobarranger.commands.follow import follow, follow_all
from jobarranger.commands.operate import Session
from jobarranger.commands.showable import without_secrets
from jobarranger.waiting.rows.lists import RunFilter, Which
from jobarranger.waiting.rows.runs import Detail
from jobarranger.waiting.rows.variables import variables
from jobarranger.waiting.view import RunView

#: Exit codes of `watch` beside the usual ones.
ENDED_BADLY, STANDS = 3, 4
#: No registry number is larger; some databases take none that is.
_LARGEST = 2**63 - 1
#: Runs in a list at most.
_MOST = 1000


def add_parsers(objects: Any) -> Any:
    """Add the object `jobnet` to the command line; return what takes its actions."""
    jobnet = objects.add_parser("jobnet", help="runs of jobnets")
    actions = jobnet.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list(actions)
    _add_show(actions)
    _add_watch(actions)
    return actions


def _add_list(actions: Any) -> None:
    parser = actions.add_parser("list", help="list runs, the newest first")
    which = parser.add_mutually_exclusive_group()
    for one, text in (
        (Which.ALL, "whatever their state (default)"),
        (Which.ACTIVE, "only runs that have not ended"),
        (Which.FAILED, "only runs in error, stopped, or not loadable"),
    ):
        which.add_argument(
            f"--{one}", dest="which", action="store_const", const=one, default=Which.ALL, help=text
        )
    _add_filter(parser)
    parser.add_argument("--json", action="store_true", help="for programs: one object")
    parser.set_defaults(work=_list)


def _add_show(actions: Any) -> None:
    parser = actions.add_parser(
        "show", help="show one run: icons, output, and why it does not go on"
    )
    parser.add_argument("registry", type=_registry, help="registry number of the run")
    parser.add_argument(
        "--icon", metavar="PATH", help="only this icon (MAINJOBNET/.../ICON), with its variables"
    )
    parser.add_argument("--json", action="store_true", help="for programs: one object")
    parser.set_defaults(work=_show)


def _add_watch(actions: Any) -> None:
    parser = actions.add_parser(
        "watch",
        help="follow one run to its end, or all runs",
        description="Exit codes: 0 the run ended normally, 3 it ended otherwise, 4 nothing of it"
        " goes on until somebody acts (with --until-stuck).",
    )
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("registry", nargs="?", type=_registry, help="registry number of the run")
    wanted.add_argument("--all", action="store_true", help="all runs, until Ctrl-C")
    parser.add_argument(
        "--until-stuck",
        action="store_true",
        help="end also when nothing of the run goes on until somebody acts",
    )
    _add_filter(parser)
    parser.add_argument(
        "--json", action="store_true", help="for programs: one object on a line at each change"
    )
    parser.set_defaults(work=_watch)


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobnet", metavar="ID", help="only runs of this jobnet")
    parser.add_argument("--user", metavar="NAME", help="only runs that this user has started")
    parser.add_argument(
        "--limit", "--most", type=_limit, default=30, metavar="N", help="how many (default 30)"
    )


def _registry(text: str) -> int:
    """Return a registry number."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _LARGEST:
        raise argparse.ArgumentTypeError(f"'{text}' is no registry number")
    return int(text)


def _limit(text: str) -> int:
    """Return how many runs are wanted."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {_MOST}")
    return int(text)


def _filter(arguments: argparse.Namespace, which: Which) -> RunFilter:
    return RunFilter(
        which=which, jobnet_id=arguments.jobnet, user=arguments.user, most=arguments.limit
    )


def _list(session: Session, arguments: argparse.Namespace) -> int:
    runs = waiting_queries.listed(session, _filter(arguments, arguments.which))
    if arguments.json:
        print(runjson.page(runjson.listing(runs)))
        return 0
    picture.console().print(picture.runs_table(runs, now=session.clock.now_ms()))
    _mention_server(session, runs)
    return 0


def _show(session: Session, arguments: argparse.Namespace) -> int:
    run = waiting_queries.run(session, arguments.registry, Detail.OUTPUT)
    if arguments.icon is not None:
        return _show_icon(session, run, arguments)
    if arguments.json:
        print(runjson.page(runjson.whole(run)))
        return 0
    console = picture.console()
    now = session.clock.now_ms()
    console.print(picture.run_table(run, now=now, width=console.width))
    console.print(picture.reasons(run))
    console.print(picture.outputs(run))
    _mention_server(session, [run])
    return 0


def _show_icon(session: Session, run: RunView, arguments: argparse.Namespace) -> int:
    icon = waiting_queries.icon_at(run, arguments.icon)
    sides = session.db.read(lambda conn: variables(conn, icon.inner_job_id))
    given, yielded = (without_secrets(values) for values in sides)
    if arguments.json:
        print(runjson.page(runjson.one_icon(run, icon, given, yielded)))
    else:
        picture.console().print(picture.icon_page(run, icon, given, yielded))
    return 0


def _watch(session: Session, arguments: argparse.Namespace) -> int:
    """Follow a run; the exit code shows how it ended."""
    if arguments.all:
        follow_all(session, _filter(arguments, Which.ACTIVE), as_json=arguments.json)
        return 0
    run = waiting_queries.run(session, arguments.registry)
    if not arguments.json:
        _mention_server(session, [run])
    run = follow(
        session,
        arguments.registry,
        until_stuck=arguments.until_stuck,
        as_json=arguments.json,
    )
    if not arguments.json:
        whole = waiting_queries.run(session, arguments.registry, Detail.OUTPUT)
        picture.console().print(picture.outputs(whole))
    if not run.is_over:
        return STANDS
    return 0 if run.why is None else ENDED_BADLY


def _mention_server(session: Session, runs: list[RunView]) -> None:
    """Say so on stderr if something should move and no server is seen that would move it."""
    if all(run.is_over for run in runs) or waiting_queries.server_is_seen(session) is not False:
        return
    directory = session.config.ja_runtime_dir
    print(
        f"{session.source}: the server does not seem to run: no fresh status.json in {directory}",
        file=sys.stderr,
    )
