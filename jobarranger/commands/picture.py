"""Runs on the terminal, with rich: tables of runs and icons, reasons, and what icons printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from jobarranger.waiting.reasons import Need, Why
from jobarranger.waiting.view import IconView, RunView

#: Colours of states.
_COLOURS = {
    "END": "green",
    "RUN": "yellow",
    "READY": "cyan",
    "RUNERR": "red",
    "ENDERR": "red",
    "ABORT": "magenta",
    "held": "blue",
    "ended": "green",
    "running": "yellow",
    "running late": "dark_orange",
    "on hold": "blue",
    "error": "red",
    "start missed": "red",
    "load error": "red",
    "stopped in error": "red",
    "skipped": "cyan",
}
#: Colours of reasons, by what it takes to go on.
_NEEDS = {Need.OPERATOR: "red", Need.TIME: "", Need.NOBODY: "dim"}
#: From this width on the names of icons are shown as well.
_WIDE = 150
#: Below this width their kinds are left out.
_NARROW = 100
#: Icons that are shown of one run at most.
MOST_ROWS = 1000
#: Icons that are named below the table with what is to be done.
_TROUBLES = 5
#: Steps shown of a long way to a cause, at its beginning and at its end.
_STEPS = 5
#: Below this height only one of them is.
_LOW = 30
#: Lines of a live picture around the icons and the reasons.
_FRAME = 6


def runs_table(runs: Iterable[RunView], *, now: int | None = None, live: bool = False) -> Table:
    """Return a list of runs; live, each on one line."""
    table = Table(
        "registry", "jobnet", "status", "scheduled", "started", "took", "user", expand=live
    )
    for column in table.columns:
        column.no_wrap = live
    table.add_column("why", overflow="ellipsis" if live else "fold", no_wrap=live, ratio=1)
    for run in runs:
        table.add_row(
            str(run.registry),
            run.jobnet_id,
            _state(run.status),
            _time(run.scheduled_time),
            _time(run.start_time),
            _took(run.started_at, run.ended_at, None if run.ended else now),
            run.user,
            _reason(run.why),
        )
    return table


def run_table(
    run: RunView,
    *,
    now: int | None = None,
    rows: int = MOST_ROWS,
    width: int = 100,
    live: bool = False,
) -> Table:
    """Return one run with its icons.

    Args:
        run: the run.
        now: UTC milliseconds; with it, icons at work show how long they have been so.
        rows: most icons to be shown; icons that have ended are left out first.
        width: of the terminal; it decides which columns there is room for.
        live: each icon on one line.
    """
    title = Text.assemble(
        f"{run.jobnet_id} [{run.registry}] {run.jobnet_name}: ", _state(run.status)
    )
    if run.aborting:
        title.append(" (being stopped)", style="magenta")
    if run.overrun:
        title.append(f" (over its time limit of {run.time_limit} min)", style="red")
    elif run.time_limit:
        title.append(f" (time limit {run.time_limit} min)", style="dim")
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("icon", no_wrap=True)
    if width >= _WIDE:
        table.add_column("name", max_width=30, overflow="ellipsis", no_wrap=live)
    if width >= _NARROW:
        table.add_column("kind", no_wrap=True)
    table.add_column("status", no_wrap=True, min_width=6)
    table.add_column("exit", no_wrap=True, justify="right")
    table.add_column("started", no_wrap=True)
    table.add_column("took", no_wrap=True, justify="right")
    table.add_column(
        "why", ratio=1, no_wrap=live, overflow="ellipsis" if live else "fold", min_width=12
    )
    shown, hidden = _fitting(run.icons, rows)
    for icon in shown:
        table.add_row(
            Text("  " * icon.depth + icon.path.rpartition("/")[2]),
            *([icon.name] if width >= _WIDE else []),
            *([icon.type] if width >= _NARROW else []),
            _icon_state(icon),
            icon.exit_code or "",
            _time(icon.start_time)[-8:],
            _took(icon.started_at, icon.ended_at, now if icon.status in _AT_WORK else None),
            _icon_reason(icon),
        )
    if hidden:
        table.add_row(Text(f"and {hidden} more", style="dim"))
    if run.too_large:
        table.add_row(Text(f"{run.too_large} icons: too many to be shown", style="dim"))
    return table


_AT_WORK = frozenset({"RUN", "ABORT"})


def _fitting(icons: Sequence[IconView], rows: int) -> tuple[list[IconView], int]:
    """Choose the icons that fit: troubles and icons at work, then the others, in their order."""
    if len(icons) <= rows:
        return list(icons), 0

    def weight(icon: IconView) -> int:
        if icon.status in {"RUNERR", "ENDERR"} or icon.held:
            return 0
        if icon.status in _AT_WORK or icon.status == "READY":
            return 1
        return 3 if icon.status == "END" else 2

    chosen = sorted(range(len(icons)), key=lambda at: (weight(icons[at]), at))[: max(1, rows - 1)]
    return [icons[at] for at in sorted(chosen)], len(icons) - len(chosen)


def reasons(run: RunView) -> Group:
    """Return why a run does not go on, and what is to be done about what."""
    return Group(*_reasons(run, _TROUBLES))


def _reasons(run: RunView, most: int) -> list[Text]:
    """Return the lines of `reasons`, naming `most` icons at most."""
    lines: list[Text] = []
    if run.why is not None:
        lines.append(Text.assemble(("why: ", "bold"), _reason(run.why)))
        if run.why.advice:
            lines.append(Text(f"     {run.why.advice}", style="italic"))
    troubles = [icon for icon in run.icons if _is_root(icon)]
    for icon in troubles[:most]:
        lines.append(Text.assemble((f"{icon.path}: ", "bold"), _reason(icon.why)))
        if icon.why and icon.why.advice:
            lines.append(Text(f"     {icon.why.advice}", style="italic"))
    if len(troubles) > most:
        lines.append(Text(f"and {len(troubles) - most} more", style="dim"))
    return lines


def _is_root(icon: IconView) -> bool:
    """Return whether an icon is where a trouble begins, or an agent may be to blame."""
    why = icon.why
    if why is None or why is not icon.cause:
        return False
    return why.need is Need.OPERATOR or (
        why.need is Need.TIME and why.reason.value in _WORTH_TELLING
    )


#: Reasons that pass by themselves as a rule, and are worth a word if they do not.
_WORTH_TELLING = frozenset({"retried", "unanswered", "host-locked", "not-taken", "stopping"})


def live_picture(run: RunView, console: Console, now: int) -> Group:
    """Return one run so that it fits the terminal: reasons below, icons as there is room."""
    width, height = console.size
    lines = _reasons(run, _TROUBLES if height >= _LOW else 1)
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    rows = max(3, height - len(lines) - _FRAME)
    return Group(run_table(run, now=now, rows=rows, width=width, live=True), *lines)


def outputs(run: RunView) -> Group:
    """Return what the icons have printed and said."""
    lines: list[Text] = []
    for icon in run.icons:
        lines += _output(icon)
    return Group(*lines)


def icon_page(
    run: RunView, icon: IconView, given: Mapping[str, str], yielded: Mapping[str, str]
) -> Group:
    """Return everything about one icon."""
    facts = {
        "run": f"{run.registry} ({run.status})",
        "icon": f"{icon.inner_job_id}, {icon.type}",
        "name": icon.name,
        "status": _icon_state(icon).plain,
        "started": _time(icon.start_time),
        "ended": _time(icon.end_time),
        "took": _took(icon.started_at, icon.ended_at, None),
        "exit code": icon.exit_code or "",
    }
    lines = [Text(icon.path, style="bold")]
    lines += [Text(f"  {name:>9} | {value}") for name, value in facts.items() if value]
    lines += _causes(run, icon)
    for title, values in (("input", given), ("output", yielded)):
        lines.append(Text(f"{title}{'' if values else ': none'}", style="bold"))
        for name, value in values.items():
            first, *others = value.rstrip("\n").split("\n")
            lines.append(Text(f"  {name} = {first}"))
            lines += [Text(f"  {'':{len(name)}} | {other}") for other in others]
    return Group(*lines)


def _causes(run: RunView, icon: IconView) -> list[Text]:
    """Return the way from an icon to its cause, and whatever else it waits for in the end."""
    if run.ways is None:
        return []
    chain = run.ways.chain(icon.inner_job_id)
    steps = [("due to" if step else "why", why) for step, why in enumerate(chain)]
    if len(steps) > 2 * _STEPS:
        steps = [*steps[:_STEPS], *steps[-_STEPS:]]
    roots = [why for why in run.ways.roots(icon.inner_job_id) if why not in chain[-1:]]
    steps += [("and to", why) for why in roots[:_TROUBLES]]
    lines = []
    for word, why in steps:
        path = "" if word == "why" else f"{why.path}: "
        lines.append(Text.assemble(f"  {word:>9} | {path}", _reason(why)))
        is_root = word == "and to" or why is chain[-1]
        if why.advice and is_root:
            lines.append(Text(f"  {'do':>9} | {why.advice}", style="italic"))
    if len(roots) > _TROUBLES:
        lines.append(Text(f"  {'':>9} | and {len(roots) - _TROUBLES} more", style="dim"))
    return lines


def _output(icon: IconView) -> list[Text]:
    """Return the output of one icon, none if it printed nothing."""
    parts = (("out", icon.std_out), ("err", icon.std_err), ("message", icon.message))
    if not any(text for _, text in parts):
        return []
    lines = [Text(icon.path, style="bold")]
    for name, text in parts:
        lines += [Text(f"  {name:>7} | {line}") for line in (text or "").rstrip("\n").splitlines()]
    if icon.output_cut:
        lines.append(Text("  (there is more: show --icon)", style="dim"))
    return lines


def icon_line(icon: IconView) -> str:
    """Return one icon as a line of text."""
    exit_code = f" exit {icon.exit_code}" if icon.exit_code else ""
    return f"{icon.path} {_icon_state(icon).plain}{exit_code} {_icon_reason(icon).plain}".rstrip()


def run_line(run: RunView) -> str:
    """Return one run as a line of text."""
    why = f": {run.why.text}" if run.why else ""
    return f"{run.jobnet_id} [{run.registry}] {run.status}{why}"


def console(*, error: bool = False) -> Console:
    """Return a console; wide where the output is no terminal, so that nothing is cut."""
    plain = Console(stderr=error, highlight=False, markup=False)
    return (
        plain
        if plain.is_terminal
        else Console(stderr=error, highlight=False, markup=False, width=180)
    )


def _icon_state(icon: IconView) -> Text:
    """Return the state of an icon in its colour."""
    if icon.held:
        return _state("held")
    if icon.skipped:
        return _state("skipped") if icon.status == "END" else Text("to be skipped", style="cyan")
    if icon.overdue and icon.status == "RUN":
        return Text("RUN late", style="dark_orange")
    return _state(icon.status)


def _icon_reason(icon: IconView) -> Text:
    """Return the reason of an icon, and the cause where that is another."""
    why, cause = icon.why, icon.cause
    if why is None or cause is None or why is cause:
        return _reason(why)
    if cause.need is Need.TIME and cause.subject in why.causes:
        return _reason(why)  # the next icon is at work: it has a row of its own
    return Text.assemble(_reason(why), " <- ", f"{cause.path}: ", _reason(cause))


def _reason(why: Why | None) -> Text:
    return Text("") if why is None else Text(why.text, style=_NEEDS[why.need])


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


def _took(started: int | None, ended: int | None, now: int | None) -> str:
    """Return a duration as people read it; nothing if it cannot be known."""
    until = ended or now
    if started is None or until is None or until < started:
        return ""
    ms = until - started
    seconds = ms // 1000
    if seconds < 60:
        return f"{ms / 1000:.1f} s" if ended else f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
