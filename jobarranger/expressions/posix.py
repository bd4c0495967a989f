r"""POSIX extended regular expressions, as IF icons know them (docs/flow.md, Expressions).

They are the C library's own: Python's expressions differ in classes like `[[:digit:]]`, in `\d`
and in what a line's end is, and definitions that work must go on to work. What compiling and
matching may take is limited by `matcher`; here is what the text alone shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobarranger.expressions import matcher
from jobarranger.expressions.matcher import Fit

#: Longest expression in bytes, and how often repetitions inside each other may repeat a part.
LONGEST, MOST_REPEATS = 65_535, 1_000

#: An escaped character, a bracket expression, an interval, or any other character.
_TOKEN = re.compile(
    r"""
    \\(?P<escaped>.)
    | \[\^?\]?+ (?> \[([:=.])(?:(?!\2\]).){1,32}+\2\] | [^\]] )*+ (?: \] | \Z )
    | \{(?P<low>\d{0,9})(?P<open>,?)(?P<high>\d{0,9})\}
    | .
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_BACK_REFERENCES = frozenset("123456789")


@dataclass(frozen=True, slots=True)
class PatternShape:
    """What an expression's text shows."""

    repeats: int  #: how often some part of it is repeated, at least
    joins: bool  #: it can stand inside a larger expression and means the same there


def shape(pattern: str) -> PatternShape:
    """Look at an expression without compiling it. Pure.

    The C library writes each repetition out: `x+` is kept as `xx*`, `x{3,}` as `xxxx*`; nested ones
    multiply.
    """
    groups, last, joins = [1], 1, True  # groups: most repeats inside each open group
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text == "(":
            groups.append(1)
            last = 1
        elif text == ")":
            joins = joins and len(groups) > 1  # else it is an ordinary character
            last = groups.pop() if len(groups) > 1 else 1
        else:
            joins = joins and token["escaped"] not in _BACK_REFERENCES
            last = last * _factor(token) if text[0] in "+*?{" else 1
        groups[-1] = max(groups[-1], last)
    return PatternShape(repeats=max(groups), joins=joins)


def fit(pattern: str, text: str) -> Fit:
    """Return whether the expression is found anywhere in the text.

    Raises:
        TryAgain: it cannot be found out now.
    """
    raw, seen = _raw(pattern), shape(pattern)
    if len(raw) > LONGEST or seen.repeats > MOST_REPEATS:
        return Fit.TOO_MUCH
    # The C library tries each place of the text in turn; this form goes through it once.
    form = rb"\`(.|" + b"\n)*(" + raw + b")" if seen.joins else raw
    return matcher.ask(raw, form, _raw(text))


def _factor(token: re.Match[str]) -> int:
    """Return how often a repetition writes out what stands before it."""
    if token[0] == "+":
        return 2
    if not token[0].startswith("{"):
        return 1
    low, high = (int(token[name] or 0) for name in ("low", "high"))
    return max(1, high, low + 1 if token["open"] and not token["high"] else low)


def _raw(text: str) -> bytes:
    """Return text as the C library takes it."""
    return text.partition("\0")[0].encode("utf-8", "replace")
