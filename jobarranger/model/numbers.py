"""Numeric patterns: the grammar of stop codes and of numeric conditions (docs/flow.md, Numbers).

A pattern is a comma-separated list of numbers and ranges `low-high`. Numbers may be negative and
decimal: the first `-` of an element belongs to its number, the next one is the range sign, so
`-5--1` is a range. Elements are looked at from left to right and the first match decides; a bad
element is an error only if it is reached.
"""

from __future__ import annotations

import re

from jobarranger.errors import JobArrangerError

_NUMBER = r"-?\d+(?:\.\d*)?"
_VALUE = re.compile(_NUMBER, re.ASCII)
_ELEMENT = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?", re.ASCII)


class PatternError(JobArrangerError):
    """A value or an element of a numeric pattern is not a number or not a range."""


def matches(value: str, pattern: str) -> bool:
    """Return whether `value` is among the numbers and ranges of `pattern`.

    An empty value or pattern matches nothing.

    Raises:
        PatternError: the value is no number, or a bad element was reached.
    """
    value, pattern = value.replace(" ", ""), pattern.replace(" ", "")
    if not value or not pattern:
        return False
    if not _VALUE.fullmatch(value):
        raise PatternError(f"'{value[:40]}' is not a number")
    elements = [element for element in pattern.split(",") if element]
    if not elements:
        raise PatternError(f"the list '{pattern}' holds no number")
    number = float(value)
    return any(_contains(element, number) for element in elements)


def _contains(element: str, number: float) -> bool:
    """Return whether one element of a pattern covers `number`."""
    parsed = _ELEMENT.fullmatch(element)
    if parsed is None:
        raise PatternError(f"'{element[:40]}' is neither a number nor a range low-high")
    low = float(parsed[1])
    high = float(parsed[2]) if parsed[2] is not None else low
    if low > high:
        raise PatternError(f"the range '{element[:40]}' ends below its start")
    return low <= number <= high


def jobnet_exit_code(text: str) -> int:
    """Return the exit code that an END icon's text stands for: 0..255.

    Empty or with any non-digit: 0. More than three digits (leading zeros aside) or above 255: 255.
    """
    if not text.isascii() or not text.isdigit():
        return 0
    digits = text.lstrip("0") or "0"
    return min(int(digits[:4]), 255)
