"""Follow runs as they go: live on a terminal, else one line for each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from jobarranger.clock import local_time
from jobarranger.commands import picture, runjson, waiting_queries
from jobarranger.commands.operate import Session
from jobarranger.waiting.reasons import Need
from jobarranger.waiting.rows.lists import RunFilter
from jobarranger.waiting.rows.runs import Detail
from jobarranger.waiting.view import IconView, RunView

#: Seconds between two checks at least; and a check may take a fifth of the time.
_PAUSE, _SHARE = 0.2, 4.0

#: Called with the state before and the present one.
Show = Callable[[RunView | None, RunView], None]


def follow(
    session: Session,
    registry: int,
    *,
    until_stuck: bool = True,
    seconds: float | None = None,
    as_json: bool = False,
) -> RunView:
    """Show a run as it goes; return it as it is in the end.

    Args:
        session: the database.
        registry: number of the run.
        until_stuck: end also when nothing of it goes on until somebody acts.
        seconds: end after that time at the latest.
        as_json: print the whole run as one line of JSON at each change.
    """
    deadline = None if seconds is None else session.clock.monotonic() + seconds
    with _shown(session, as_json=as_json) as show:
        before: RunView | None = None
        while True:
            begun = session.clock.monotonic()
            run = waiting_queries.run(session, registry)
            show(before, run)
            now = session.clock.monotonic()
            if run.is_over or (until_stuck and run.stands) or (deadline and now > deadline):
                return run
            before = run
            session.clock.sleep(max(_PAUSE, (now - begun) * _SHARE))


@contextmanager
def _shown(session: Session, *, as_json: bool) -> Iterator[Show]:
    """Give what shows a run: live, as lines, or as JSON."""
    console = picture.console()
    if as_json:
        yield _as_json
    elif not console.is_terminal:
        yield lambda before, run: _as_lines(session, before, run)
    else:
        with _live(console) as update:
            yield lambda _, run: update(picture.live_picture(run, console, session.clock.now_ms()))


@contextmanager
def _live(console: Console) -> Iterator[Callable[[RenderableType], None]]:
    """Give what replaces the picture on the terminal."""
    with Live(Group(), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda shown: live.update(shown, refresh=True)


def _as_json(before: RunView | None, run: RunView) -> None:
    if run != before:
        print(runjson.line(runjson.whole(run)), flush=True)


def _as_lines(session: Session, before: RunView | None, run: RunView) -> None:
    """Print what has changed: icons in their order, then the run."""
    clock = local_time(session.clock.now_ms(), session.zone).strftime("%H:%M:%S")
    known = {icon.inner_job_id: _said(icon) for icon in before.icons} if before else {}
    for icon in run.icons:
        said = _said(icon)
        if known.get(icon.inner_job_id) != said and _is_news(icon):
            print(f"{clock} {said}", flush=True)
    if before is None or picture.run_line(before) != picture.run_line(run):
        print(f"{clock} {picture.run_line(run)}", flush=True)


def _is_news(icon: IconView) -> bool:
    """Return whether an icon is worth a line: one that only waits for others is not."""
    root = icon.why is icon.cause and icon.why is not None and icon.why.need is Need.OPERATOR
    return icon.status != "BEGIN" or root


def _said(icon: IconView) -> str:
    return picture.icon_line(icon)


# -- many runs -----------------------------------------------------------------------------


def follow_all(session: Session, wanted: RunFilter, *, as_json: bool = False) -> None:
    """Show all runs that have not ended, and those that end meanwhile, until interrupted."""
    console = picture.console()
    if as_json or not console.is_terminal:
        _all_as_lines(session, wanted, as_json=as_json)
        return
    with _live(console) as update:
        for runs in _all(session, wanted):
            now = session.clock.now_ms()
            rows = max(3, console.size.height - 6)
            table = picture.runs_table(runs[:rows], now=now, live=True)
            table.title = f"{len(runs)} runs; Ctrl-C ends"
            more = [Text(f"and {len(runs) - rows} more")] if len(runs) > rows else []
            update(Group(table, *more))


def _all_as_lines(session: Session, wanted: RunFilter, *, as_json: bool) -> None:
    known: dict[int, str] = {}
    for runs in _all(session, wanted):
        clock = local_time(session.clock.now_ms(), session.zone).strftime("%H:%M:%S")
        for run in runs:
            said = picture.run_line(run)
            if known.get(run.registry) == said:
                continue
            known[run.registry] = said
            shown = runjson.line(runjson.listing([run])["runs"][0] | {"schema": runjson.SCHEMA})
            print(shown if as_json else f"{clock} {said}", flush=True)


def _all(session: Session, wanted: RunFilter) -> Iterator[Sequence[RunView]]:
    """Look again and again; runs that have ended stay for as long as there is room."""
    shown: dict[int, RunView] = {}
    while True:
        begun = session.clock.monotonic()
        active = {run.registry: run for run in waiting_queries.listed(session, wanted)}
        gone = [number for number, run in shown.items() if number not in active and not run.ended]
        ended = {run.registry: run for run in waiting_queries.runs(session, gone, Detail.STATES)}
        kept = {number: run for number, run in shown.items() if run.ended}
        shown = active | dict(list((ended | kept).items())[: wanted.most])
        yield list(shown.values())
        took = session.clock.monotonic() - begun
        session.clock.sleep(max(_PAUSE, took * _SHARE))
