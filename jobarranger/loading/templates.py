"""One jobnet version as rows of the run tables, without the ids. Pure.

A template is made once per version and batch; every run or sub-jobnet of that version is then
stamped out of it (`jobarranger.loading.expand`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table

from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition, Values
from jobarranger.errors import DefinitionError
from jobarranger.icons import REGISTRY, SettingsTable, Traits, icon_type, name_of
from jobarranger.states import MethodFlag, RunType

_JOB_COPIES = ("job_type", "point_x", "point_y", "job_id", "force_flag", "continue_flag")
_JOB_TEXTS = ("job_name", "run_user", "run_user_password")


def main_row(number: int, header: Values, run_type: RunType, minute: int) -> dict[str, Any]:
    """Return what the main row of `ja_run_jobnet_table` takes over from a version's header.

    Args:
        number: of the run.
        header: the row of `ja_jobnet_control_table`.
        run_type: how it was started.
        minute: its scheduled time, 12 digits, or 0.
    """
    return {
        "inner_jobnet_id": number,
        "inner_jobnet_main_id": number,
        "inner_job_id": 0,
        "update_date": header["update_date"],
        "run_type": int(run_type),
        "main_flag": 0,
        "timeout_flag": 0,
        "status": 0,
        "scheduled_time": minute,
        "initial_scheduled_time": minute,
        "start_time": 0,
        "end_time": 0,
        "public_flag": header["public_flag"],
        "multiple_start_up": header["multiple_start_up"],
        "jobnet_id": header["jobnet_id"],
        "user_name": header["user_name"],
        "jobnet_name": header["jobnet_name"],
        "memo": header["memo"] or "",
    }


@dataclass(frozen=True, slots=True)
class IconTemplate:
    """One icon: its row of `ja_run_job_table` and the rows of its settings."""

    job_id: str
    traits: Traits
    row: Mapping[str, Any]
    settings: tuple[tuple[Table, Mapping[str, Any]], ...]
    link: str | None  #: the jobnet that it contains, if any
    one_time_session: bool  #: it needs a session number


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a jobnet."""

    header: Values
    icons: tuple[IconTemplate, ...]
    flows: tuple[tuple[int, int, int, int], ...]  #: start, end (positions), type, width
    icon_ids: int  #: how many ids of counter ICON one copy takes
    sessions: int  #: how many session numbers


def make_template(definition: Definition) -> Template:
    """Turn a version into a template.

    Raises:
        DefinitionError: settings are missing, or a flow names an icon that does not exist.
    """
    incoming = Counter(flow["end_job_id"] for flow in definition.flows)
    icons = tuple(
        _icon(definition, row, incoming[row["job_id"]])
        for row in sorted(definition.icons, key=lambda row: (row["job_type"], row["job_id"]))
    )
    position = {icon.job_id: number for number, icon in enumerate(icons)}
    return Template(
        header=definition.header,
        icons=icons,
        flows=tuple(_flow(definition, flow, position) for flow in definition.flows),
        icon_ids=sum(2 if icon.traits.stop_id else 1 for icon in icons),
        sessions=sum(icon.one_time_session for icon in icons),
    )


def _icon(definition: Definition, row: Values, incoming: int) -> IconTemplate:
    """Return the template of one icon."""
    if row["job_type"] not in REGISTRY:
        raise DefinitionError(
            f"{_name(definition)}: icon {row['job_id']} is of type {row['job_type']},"
            " which is not known"
        )
    kind = icon_type(row["job_type"])
    copies: list[tuple[Table, Mapping[str, Any]]] = []
    for settings in kind.tables:
        table = settings.definition
        found = definition.settings.get(table.name, {}).get(row["job_id"], ())
        if not found and not settings.optional:
            raise DefinitionError(
                f"{_name(definition)}: icon {row['job_id']} ({name_of(row['job_type'])}) has no"
                f" row in {table.name}"
            )
        copies += [(settings.run, _copy(settings, values)) for values in found]
    own = definition.settings.get(t.icon_jobnet.name, {}).get(row["job_id"], ())
    session = kind.traits.session_column
    return IconTemplate(
        job_id=row["job_id"],
        traits=kind.traits,
        row=_job_row(row, kind.traits, copies, incoming),
        settings=tuple(copies),
        link=own[0]["link_jobnet_id"] if kind.traits.contains_jobnet else None,
        one_time_session=bool(session) and copies[0][1][session] == 0,
    )


def _job_row(
    row: Values, traits: Traits, copies: Sequence[tuple[Table, Mapping[str, Any]]], incoming: int
) -> dict[str, Any]:
    """Return the icon's row of `ja_run_job_table`; one that its settings hold is held."""
    method = row["method_flag"]
    if traits.hold_column and copies[0][1][traits.hold_column] == 1:
        method = int(MethodFlag.WAIT)
    return {
        **{name: row[name] for name in _JOB_COPIES},
        **{name: row[name] or "" for name in _JOB_TEXTS},
        "inner_job_id_fs_link": 0,
        "invo_flag": int(traits.contains_jobnet),
        "method_flag": method,
        "test_flag": 0,
        "timeout_flag": 0,
        "status": 0,
        "boot_count": incoming,
        "end_count": 0,
        "start_time": 0,
        "end_time": 0,
    }


def _copy(settings: SettingsTable, values: Values) -> dict[str, Any]:
    """Copy the columns that both tables have; NULL becomes '' where the copy allows none."""
    row: dict[str, Any] = dict(settings.added)
    for name, nullable in _columns(settings.run):
        if name in values:
            value = values[name]
            row[name] = "" if value is None and not nullable else value
    return row


@cache
def _columns(table: Table) -> tuple[tuple[str, bool], ...]:
    """Return the columns of a table, and which of them may be NULL."""
    return tuple((column.name, bool(column.nullable)) for column in table.c)


def _flow(
    definition: Definition, flow: Values, position: Mapping[str, int]
) -> tuple[int, int, int, int]:
    """Return one flow by the positions of its icons."""
    try:
        start, end = position[flow["start_job_id"]], position[flow["end_job_id"]]
    except KeyError as error:
        raise DefinitionError(
            f"{_name(definition)}: a flow names the icon {error.args[0]}, which does not exist"
        ) from None
    return start, end, flow["flow_type"], flow["flow_width"]


def _name(definition: Definition) -> str:
    """Return how messages call a version."""
    name, date = definition.key
    return f"jobnet {name} (version {date})"
