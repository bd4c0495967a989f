"""Read a jobnet out of a YAML file (docs/definitions.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from jobarranger.db.definitions import Definition
from jobarranger.definitions import structure
from jobarranger.definitions.flows import Flow, parse_flow, parse_flows
from jobarranger.definitions.forms import FORMS, Form, later
from jobarranger.definitions.forms.base import Extra
from jobarranger.definitions.layout import place_icons
from jobarranger.definitions.secret import obfuscate
from jobarranger.definitions.section import Section, check_id
from jobarranger.definitions.yamlfile import sections
from jobarranger.states import MethodFlag, MultipleStart

#: Longest time limit of a jobnet (minutes).
MAX_MINUTES = 99_999

#: Largest distance on the canvas, whose side has 100,000 pixels.
MAX_PIXELS = 1_000_000

MULTIPLE = {
    "parallel": int(MultipleStart.PARALLEL),
    "skip": int(MultipleStart.SKIP),
    "wait": int(MultipleStart.DELAY),
}
BEFOREHAND = {
    "run": int(MethodFlag.NORMAL),
    "hold": int(MethodFlag.WAIT),
    "skip": int(MethodFlag.SKIP),
}


def parse(text: str, place: str, *, owner: str | None = None) -> list[Definition]:
    """Return the jobnets of a text that holds nothing else; `place` begins every message."""
    return [jobnet(section, owner) for section in sections(text, place)]


def jobnet(section: Section, owner: str | None) -> Definition:
    """Return the jobnet of one document."""
    jobnet_id = section.id("jobnet")
    header = {
        "jobnet_id": jobnet_id,
        "update_date": 0,
        "valid_flag": 0,
        "public_flag": section.flag("public"),
        "multiple_start_up": section.choice("multiple-start-up", MULTIPLE, "parallel"),
        "user_name": section.text("owner", owner, most=100),
        "jobnet_name": section.label("name", jobnet_id, most=64),
        "memo": section.optional_label("memo", most=100),
    }
    time_limit = section.number("time-limit", 0, least=1, most=MAX_MINUTES)
    icons = Section(f"{section.place}.icons", section.raw("icons"))
    forms: dict[str, Form] = {}
    rows: dict[str, dict[str, Any]] = {}
    settings: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in icons.names():
        check_id(icons.place, name)
        icon = Section(f"{icons.place}.{name}", icons.raw(name))
        forms[name] = _form(icon)
        rows[name] = _icon_row(icon, jobnet_id, name, forms[name])
        _add_settings(settings, forms[name].read(icon), jobnet_id, name)
        icon.done()
    flows = parse_flows(f"{section.place}.flows", section.raw("flows"))
    widths = _curves(Section(f"{section.place}.curves", section.raw("curves")), flows)
    section.done()
    structure.check(section.place, forms, flows)
    for name, (x, y) in place_icons(forms, flows).items():
        rows[name] = {"point_x": x, "point_y": y, **rows[name]}
    return Definition(
        header=header,
        icons=list(rows.values()),
        flows=[_flow_row(jobnet_id, flow, widths) for flow in flows],
        settings=settings,
        time_limit=time_limit,
    )


def _form(icon: Section) -> Form:
    """Return the kind of an icon."""
    word = icon.text("type", most=1000)
    if word in FORMS:
        return FORMS[word]
    known = ", ".join(FORMS)
    if word in later():
        raise icon.error("type", f"{word} icons cannot be imported from YAML yet; known: {known}")
    raise icon.error("type", f"{word!r} is no kind of icon; known: {known}")


def _icon_row(icon: Section, jobnet_id: str, name: str, form: Form) -> dict[str, Any]:
    """Read the keys that every icon has."""
    row = {
        "jobnet_id": jobnet_id,
        "job_id": name,
        "update_date": 0,
        "job_type": int(form.kind),
        "job_name": icon.optional_label("name", most=64),
        "method_flag": _beforehand(icon, form),
        "force_flag": 0,
        "continue_flag": 0,
        "run_user": None,
        "run_user_password": None,
    }
    if Extra.FORCE in form.extras:
        row["force_flag"] = icon.flag("force")
    if Extra.CONTINUE in form.extras:
        row["continue_flag"] = icon.flag("continue-on-error")
    if Extra.RUN_USER in form.extras:
        row["run_user"] = icon.optional("run-user", most=256)
        row["run_user_password"] = _password(icon)
    if icon.has("at"):
        row |= _place(icon)
    return row


def _beforehand(icon: Section, form: Form) -> int:
    """Read how the icon is treated when its turn comes."""
    method = icon.choice("beforehand", BEFOREHAND, "run")
    if method == MethodFlag.SKIP and not form.traits.skippable:
        raise icon.error("beforehand", f"a {form.word} icon cannot be skipped")
    return method


def _password(icon: Section) -> str | None:
    """Read the password of `run-user`, as it is or masked as the tables hold it."""
    if not icon.has("run-user-password"):
        icon.raw("run-user-password")
        return icon.optional("run-user-password-masked", most=256)
    if icon.has("run-user-password-masked"):
        raise icon.error("run-user-password", "stands beside run-user-password-masked")
    return obfuscate(icon.text("run-user-password", most=127))


def _place(icon: Section) -> dict[str, int]:
    """Read `at: [x, y]`."""
    at = icon.raw("at")
    if not isinstance(at, list) or len(at) != 2 or not all(_is_place(number) for number in at):
        raise icon.error("at", f"{at!r} is not a pair of pixels like [120, 60]")
    return {"point_x": int(at[0]), "point_y": int(at[1])}


def _is_place(number: object) -> bool:
    """Return whether this is a number of pixels that the tables can hold."""
    return (
        isinstance(number, int)
        and not isinstance(number, bool)
        and -MAX_PIXELS <= number <= MAX_PIXELS
    )


def _add_settings(
    settings: dict[str, dict[str, list[dict[str, Any]]]],
    found: Mapping[Table, list[dict[str, Any]]],
    jobnet_id: str,
    name: str,
) -> None:
    """Add the settings of one icon, with their key columns."""
    key = {"jobnet_id": jobnet_id, "job_id": name, "update_date": 0}
    for table, rows in found.items():
        if rows:
            settings.setdefault(table.name, {})[name] = [{**key, **row} for row in rows]


def _curves(section: Section, flows: Sequence[Flow]) -> dict[tuple[str, str], int]:
    """Read `flow_width` of the flows that are drawn as curves."""
    known = {(start, end) for start, end, _ in flows}
    widths: dict[tuple[str, str], int] = {}
    for name in section.names():
        start, end, _ = parse_flow(section.place, name)
        if (start, end) not in known:
            raise section.error(name, "is none of the flows")
        widths[start, end] = section.number(name, 0, least=-MAX_PIXELS, most=MAX_PIXELS)
    return widths


def _flow_row(jobnet_id: str, flow: Flow, widths: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Return the row of one flow."""
    start, end, kind = flow
    return {
        "jobnet_id": jobnet_id,
        "start_job_id": start,
        "end_job_id": end,
        "update_date": 0,
        "flow_type": int(kind),
        "flow_width": widths.get((start, end), 0),
    }
