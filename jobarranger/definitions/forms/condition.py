"""IF: go on by one of two branches, depending on a variable."""

from __future__ import annotations

from typing import Any

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import Form, Found, Keys, Settings
from jobarranger.definitions.section import Section
from jobarranger.expressions import LONGEST, Fit, fit
from jobarranger.model import numbers
from jobarranger.states import JobType

#: Longest pattern; what the column holds on every product (bytes).
MAX_PATTERN = LONGEST
#: Characters of a pattern that a message shows.
_SHOWN = 60

_NUMBERS, _TEXT = 0, 1  # hand_flag
_WRONG = {
    Fit.INVALID: "is no POSIX extended regular expression",
    Fit.TOO_MUCH: "takes more memory or time than an expression may; use fewer repetitions",
}


def read(section: Section) -> Settings:
    """Read the variable, and the numbers or the regular expression that make the condition true."""
    name = section.variable("variable")
    if section.has("matches") == section.has("equals"):
        raise section.error("equals", "or matches is needed, and only one of them")
    own: dict[str, Any] = {"value_name": name}
    if section.has("matches"):
        section.raw("equals")
        own |= {"hand_flag": _TEXT, "comparison_value": _expression(section)}
    else:
        section.raw("matches")
        own |= {"hand_flag": _NUMBERS, "comparison_value": _numbers(section)}
    return {t.icon_if: [own]}


def _numbers(section: Section) -> str:
    """Read a list of numbers and ranges such as `0, 4-7`; every element must be one."""
    pattern = section.text("equals", most=MAX_PATTERN, unit="bytes")
    elements = [element for element in pattern.replace(" ", "").split(",") if element]
    if not elements:
        raise section.error("equals", f"{pattern!r} holds no number")
    for element in elements:
        try:
            numbers.matches("0", element)
        except numbers.PatternError as error:
            raise section.error("equals", f"{error}; a list like 0,4-7 is expected") from error
    return pattern


def _expression(section: Section) -> str:
    """Read a regular expression."""
    pattern = section.text("matches", most=MAX_PATTERN, unit="bytes")
    if not pattern:
        raise section.error("matches", "is empty")
    wrong = _WRONG.get(fit(pattern, ""))
    if wrong is not None:
        shown = pattern if len(pattern) <= _SHOWN else pattern[:_SHOWN] + "..."
        raise section.error("matches", f"{shown!r} {wrong}")
    return pattern


def write(found: Found) -> Keys:
    """Write the variable and what it is compared with."""
    row = found.row(t.icon_if)
    word = {_NUMBERS: "equals", _TEXT: "matches"}.get(row["hand_flag"])
    if word is None:
        raise found.error(f"hand_flag {row['hand_flag']} is no kind of condition")
    return {"variable": row["value_name"], word: row["comparison_value"]}


FORMS = (Form(kind=JobType.IF, read=read, write=write, outgoing=(2, 2)),)
