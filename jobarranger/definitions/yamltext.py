"""Write a jobnet as a YAML text that gives the same jobnet when it is read (docs/definitions.md).

Left out is what an import decides anew: the version's number and whether it is in force.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from jobarranger.db.definitions import Definition, Values
from jobarranger.definitions import graph
from jobarranger.definitions.flows import Flow, write_chains
from jobarranger.definitions.forms import Form, form_of
from jobarranger.definitions.forms.base import Found, Keys
from jobarranger.definitions.yamlform import BEFOREHAND, MULTIPLE
from jobarranger.errors import DefinitionError
from jobarranger.icons import traits_of
from jobarranger.states import FlowType

#: An icon that fits into a line of this length stands in one.
_LINE = 88

#: What may stand without quotes, in a line of its own and between braces.
_PLAIN = re.compile(r"[A-Za-z_/$^]([\w ./$+=;()<>^*|&~-]*[\w./$+=;()<>^*|&~-])?", re.ASCII)
#: What would be read as something else than a text.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off"})


def write(definition: Definition) -> str:
    """Return the text of one version.

    Raises:
        DefinitionError: an icon is of a kind without a form, or its settings are incomplete.
    """
    header = definition.header
    flows = [
        (row["start_job_id"], row["end_job_id"], FlowType(row["flow_type"]))
        for row in definition.flows
    ]
    rows = _ordered(definition.icons, flows)
    document: Keys = {"jobnet": header["jobnet_id"], "name": header["jobnet_name"]}
    document["owner"] = header["user_name"]
    if header["public_flag"]:
        document["public"] = True
    if header["multiple_start_up"]:
        place = f"jobnet {header['jobnet_id']}"
        document["multiple-start-up"] = _word(place, MULTIPLE, header["multiple_start_up"])
    if definition.time_limit:
        document["time-limit"] = definition.time_limit
    if header["memo"] is not None:
        document["memo"] = header["memo"]
    document["icons"] = {row["job_id"]: _icon(definition, row) for row in rows}
    document["flows"] = write_chains([row["job_id"] for row in rows], flows)
    if curves := {
        f"{row['start_job_id']} -> {row['end_job_id']}": row["flow_width"]
        for row in definition.flows
        if row["flow_width"]
    }:
        document["curves"] = curves
    return dump(document, one_line="icons")


def _ordered(rows: Sequence[Values], flows: Sequence[Flow]) -> list[Values]:
    """Return the icons as the flows lead; icons that no flow from START reaches last."""
    by_name = {row["job_id"]: row for row in rows}
    arrows = [(start, end) for start, end, _ in flows]
    back = {(cycle[-1], cycle[0]) for cycle in graph.closing(["START", *by_name], arrows)}
    names = graph.in_order(by_name, [arrow for arrow in arrows if arrow not in back])
    reached = graph.reached(["START"], arrows)
    return [by_name[name] for name in sorted(names, key=lambda name: name not in reached)]


def _icon(definition: Definition, row: Values) -> Keys:
    """Return the keys of one icon."""
    name = row["job_id"]
    place = f"jobnet {definition.header['jobnet_id']}: icon {name}"
    form = _form(place, row["job_type"])
    keys: Keys = {"type": form.word}
    if row["job_name"] is not None:
        keys["name"] = row["job_name"]
    settings = {table: rows[name] for table, rows in definition.settings.items() if name in rows}
    keys |= form.write(Found(place, settings))
    if row["method_flag"]:
        keys["beforehand"] = _word(place, BEFOREHAND, row["method_flag"])
    if row["force_flag"]:
        keys["force"] = True
    if row["continue_flag"]:
        keys["continue-on-error"] = True
    if row["run_user"] is not None:
        keys["run-user"] = row["run_user"]
    if row["run_user_password"] is not None:
        keys["run-user-password-masked"] = row["run_user_password"]
    keys["at"] = [row["point_x"], row["point_y"]]
    return keys


def _form(place: str, kind: int) -> Form:
    """Return the form of a kind of icon."""
    form = form_of(kind)
    if form is None:
        raise DefinitionError(
            f"{place}: {traits_of(kind).word} icons cannot be written as YAML yet"
        )
    return form


def _word(place: str, words: dict[str, int], number: int) -> str:
    """Return the word for a number."""
    for word, value in words.items():
        if value == number:
            return word
    raise DefinitionError(f"{place}: {number} is none of {', '.join(map(str, words.values()))}")


def dump(document: Keys, *, one_line: str) -> str:
    """Return the text of a document.

    Args:
        document: values by key.
        one_line: key of a mapping or list whose entries stand in one line if they are short.
    """
    yaml = YAML()
    yaml.width = 1_000_000  # a text is not folded
    yaml.indent(mapping=2, sequence=4, offset=2)
    shown = _shown(document)
    entries = shown.get(one_line, ())
    for entry in entries.values() if isinstance(entries, CommentedMap) else entries:
        for value in (entry, *entry.values()):
            if _length(value) <= _LINE:
                _flat(value)
    text = io.StringIO()
    yaml.dump(shown, text)
    return text.getvalue()


def _shown(value: Any) -> Any:
    """Return a value with the style in which it is to be written."""
    if isinstance(value, dict):
        return CommentedMap({_shown(key): _shown(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return CommentedSeq(_shown(inner) for inner in value)
    return _text(value) if type(value) is str else value


def _text(value: str) -> str:
    """Return a text in the plainest style in which every reader finds it unchanged."""
    if value.isprintable():
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        quoted: str = value if plain else SingleQuotedScalarString(value)
        return quoted
    lines = value.removesuffix("\n").split("\n")
    unusual = any(not line.isprintable() or line.endswith(" ") for line in lines)
    exact = unusual or not lines[0] or not lines[-1] or lines[0].startswith(" ")
    styled: str = (DoubleQuotedScalarString if exact else LiteralScalarString)(value)
    return styled


def _length(value: Any) -> int:
    """Return about how long a value is in one line; a block does not fit into any."""
    if isinstance(value, dict):
        return sum(len(str(key)) + 4 + _length(inner) for key, inner in value.items())
    if isinstance(value, list):
        return sum(2 + _length(inner) for inner in value)
    return _LINE + 1 if isinstance(value, LiteralScalarString) else len(str(value))


def _flat(value: Any) -> None:
    """Have a value, and all in it, written in one line."""
    if isinstance(value, (CommentedMap, CommentedSeq)):
        value.fa.set_flow_style()
        for inner in value.values() if isinstance(value, CommentedMap) else value:
            _flat(inner)
