"""How long things are kept: rows of `ja_parameter_table`, read anew all the time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: A longer number is taken for a mistake, as 3.0.0 did.
DIGITS = 10


@dataclass(frozen=True, slots=True)
class Spans:
    """Minutes for which things are kept after their end."""

    runs: int = 60
    log: int = 129_600
    messages: int = 1_440
    audit: int = 525_600


#: The parameters by the spans that they set.
PARAMETERS: Mapping[str, str] = {
    "runs": "JOBNET_KEEP_SPAN",
    "log": "JOBLOG_KEEP_SPAN",
    "messages": "SNDMSG_KEEP_SPAN",
    "audit": "AUDIT_KEEP_SPAN",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A value that says nothing; the default counts instead, never 0."""

    parameter: str
    value: str
    used: int


def read_spans(values: Mapping[str, str]) -> tuple[Spans, list[Mistake]]:
    """Return the spans that parameters set, and what is wrong with them.

    A parameter that is missing has its default. 0 is a legal value: as soon as possible.
    """
    defaults = Spans()
    found: dict[str, int] = {}
    mistakes: list[Mistake] = []
    for span, parameter in PARAMETERS.items():
        text = values.get(parameter)
        default: int = getattr(defaults, span)
        if text is None:
            continue
        digits = text.strip()
        if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS:
            found[span] = int(digits)
        else:
            mistakes.append(Mistake(parameter, text, default))
    return Spans(**{**{name: getattr(defaults, name) for name in PARAMETERS}, **found}), mistakes
