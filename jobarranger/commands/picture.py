"""Runs on the terminal, with rich: one table per run, and what its icons printed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from jobarranger.db.overview import IconView, RunView

#: Colours of states.
_COLOURS = {
    "END": "green",
    "RUN": "yellow",
    "READY": "cyan",
    "RUNERR": "red",
    "ENDERR": "red",
    "ABORT": "magenta",
    "ended": "green",
    "running": "yellow",
    "running late": "dark_orange",
    "error": "red",
    "start missed": "red",
    "load error": "red",
    "stopped in error": "red",
    "skipped": "cyan",
}


def runs_table(runs: Iterable[RunView]) -> Table:
    """Return a list of runs."""
    table = Table("registry", "jobnet", "status", "scheduled", "started", "ended", "user")
    for run in runs:
        table.add_row(
            str(run.registry),
            run.jobnet_id,
            _state(run.status),
            _time(run.scheduled_time),
            _time(run.start_time),
            _time(run.end_time),
            run.user,
        )
    return table


def run_table(run: RunView) -> Table:
    """Return one run with its icons."""
    title = Text.assemble(
        f"{run.jobnet_id} [{run.registry}] {run.jobnet_name}: ", _state(run.status)
    )
    table = Table("icon", "kind", "status", "exit", "started", "ended", "name", title=title)
    for icon in run.icons:
        table.add_row(
            icon.path.partition("/")[2],
            icon.type,
            _state("held" if icon.held else icon.status),
            icon.exit_code or "",
            _time(icon.start_time)[-8:],
            _time(icon.end_time)[-8:],
            icon.name,
        )
    return table


def outputs(run: RunView) -> Group:
    """Return what the icons have printed and said."""
    lines: list[Text] = []
    for icon in run.icons:
        lines += _output(icon)
    return Group(*lines)


def _output(icon: IconView) -> list[Text]:
    """Return the output of one icon, none if it printed nothing."""
    parts = (("out", icon.std_out), ("err", icon.std_err), ("message", icon.message))
    if not any(text for _, text in parts):
        return []
    lines = [Text(icon.path, style="bold")]
    for name, text in parts:
        lines += [Text(f"  {name:>7} | {line}") for line in (text or "").rstrip("\n").splitlines()]
    return lines


def console(*, error: bool = False) -> Console:
    """Return a console; wide where the output is no terminal, so that nothing is cut."""
    plain = Console(stderr=error, highlight=False, markup=False)
    return (
        plain
        if plain.is_terminal
        else Console(stderr=error, highlight=False, markup=False, width=140)
    )


def _state(word: str) -> Text:
    """Return a state in its colour."""
    return Text(word, style=_COLOURS.get(word, ""))


def _time(digits: int) -> str:
    """Return 12 or 14 digits as a date and time; 0 as nothing."""
    if not digits:
        return ""
    text = str(digits)
    clock = ":".join(text[start : start + 2] for start in range(8, len(text), 2))
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {clock}"
