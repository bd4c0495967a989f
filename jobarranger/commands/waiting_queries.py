"""Look at runs: read them, ask the directory about hosts, and find every reason."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from jobarranger import directory
from jobarranger.commands.operate import Session
from jobarranger.db import pauses
from jobarranger.errors import ConfigError, JobArrangerError
from jobarranger.model.pauses import Pauses
from jobarranger.slots import due_slot
from jobarranger.states import JobnetStatus
from jobarranger.waiting.facts import HostUsability
from jobarranger.waiting.rows.hosts import locked_hosts
from jobarranger.waiting.rows.lists import RunFilter, newest
from jobarranger.waiting.rows.runs import Detail, RunRows, read_runs
from jobarranger.waiting.view import IconView, RunView, hosts_of, run_view

#: The monitor writes its file more often than this (ms) while the server works.
_FRESH_MS = 60_000


def runs(
    session: Session, numbers: Collection[int], detail: Detail = Detail.STATES
) -> list[RunView]:
    """Return runs with icons and reasons; unknown numbers are left out."""
    return session.db.read(lambda conn: _views(session, conn, numbers, detail))


def run(session: Session, number: int, detail: Detail = Detail.STATES) -> RunView:
    """Return one run with icons and reasons.

    Raises:
        JobArrangerError: there is no such run.
    """
    found = runs(session, [number], detail)
    if not found:
        raise JobArrangerError(
            f"there is no run with the registry number {number}"
            " (jobarg_ctl jobnet list shows the newest)"
        )
    return found[0]


def listed(session: Session, wanted: RunFilter) -> list[RunView]:
    """Return a list of runs; those that have not ended with their reasons."""

    def work(conn: Connection) -> list[RunView]:
        rows = newest(conn, wanted)
        going = [row.inner_jobnet_id for row in rows if not _has_ended(row.summary_status)]
        explained = {one.registry: one for one in _views(session, conn, going, Detail.STATES)}
        ended = [RunRows(run=row) for row in rows if row.inner_jobnet_id not in explained]
        explained |= {one.registry: one for one in _explained(session, ended, {}, Pauses())}
        return [explained[row.inner_jobnet_id] for row in rows]

    return session.db.read(work)


def _has_ended(status: int | None) -> bool:
    return status in {JobnetStatus.END, JobnetStatus.ENDERR}


def _views(
    session: Session, conn: Connection, numbers: Collection[int], detail: Detail
) -> list[RunView]:
    rows = list(read_runs(conn, numbers, detail).values())
    paused = pauses.read(conn, session.clock.now_ms())
    return _explained(session, rows, _hosts(session, conn, hosts_of(rows)), paused)


def _explained(
    session: Session, rows: Sequence[RunRows], hosts: Mapping[str, HostUsability], paused: Pauses
) -> list[RunView]:
    now = session.clock.now_ms()
    minute = due_slot(now, session.zone)
    return [
        run_view(one, hosts, now=now, minute=minute, zone=session.zone, pauses=paused)
        for one in rows
    ]


def _hosts(session: Session, conn: Connection, names: Collection[str]) -> dict[str, HostUsability]:
    """Return what stands between hosts and requests to them."""
    if not names:
        return {}
    locked = locked_hosts(conn, names)
    try:
        known = directory.open(session.config, session.db).hosts(conn, names)
    except ConfigError:  # a kind of directory that this release does not have
        return dict.fromkeys(locked, HostUsability.LOCKED)
    states = dict.fromkeys(names, HostUsability.UNKNOWN)
    for name, host in known.items():
        states[name] = HostUsability.USABLE if host.enabled else HostUsability.DISABLED
    return states | dict.fromkeys(locked, HostUsability.LOCKED)


def is_known(session: Session, host: str) -> bool:
    """Return whether the directory knows a host; if it cannot be asked, it may."""
    return session.db.read(lambda conn: _hosts(session, conn, [host])).get(host) is not (
        HostUsability.UNKNOWN
    )


def icon_at(run: RunView, path: str) -> IconView:
    """Return the icon at a path, with or without the main jobnet's id before it.

    Raises:
        JobArrangerError: there is none; similar paths are named.
    """
    paths = {icon.path: icon for icon in run.icons}
    for tried in (path, f"{run.jobnet_id}/{path}"):
        if tried in paths:
            return paths[tried]
    near = difflib.get_close_matches(path, paths, n=3) or difflib.get_close_matches(
        f"{run.jobnet_id}/{path}", paths, n=3
    )
    hint = f"; is it {' or '.join(near)}?" if near else ""
    raise JobArrangerError(f"run {run.registry} has no icon '{path}'{hint}")


def server_is_seen(session: Session) -> bool | None:
    """Return whether the server of this configuration gives signs of life; None: not known."""
    file = session.config.ja_runtime_dir / "status.json"
    try:
        written = int(json.loads(file.read_bytes())["written_at"])
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return session.clock.now_ms() - written < _FRESH_MS
