"""What a message for operators is, and how its text is filled in."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

#: Longest text in bytes; what is longer is cut.
MAX_BYTES = 4095

#: A field's name in braces, or a printf conversion as in the original's files.
_PLACE = re.compile(r"\{(\w+)\}|%(%)|%[-0-9.]*(?:ll|l|q)?[sdiu]")


class Kind(IntEnum):
    """How bad it is: the `type` of the catalogue file and `message_type` in the tables."""

    INFORMATION = 0
    CRITICAL = 1
    ERROR = 2
    WARNING = 3
    DEBUG = 4

    @property
    def level(self) -> int:
        """Return the level in the terms of `logging`."""
        return _LEVELS[self]


_LEVELS = {
    Kind.INFORMATION: logging.INFO,
    Kind.CRITICAL: logging.CRITICAL,
    Kind.ERROR: logging.ERROR,
    Kind.WARNING: logging.WARNING,
    Kind.DEBUG: logging.DEBUG,
}


@dataclass(frozen=True, slots=True)
class Message:
    """A declared message. Its fields stand in the order in which `%s` and `%d` take them."""

    id: str
    kind: Kind
    notify: bool  #: notify people through alert programs and Zabbix
    text: str  #: with {field} places
    fields: Mapping[str, type[int | str]]


@dataclass(frozen=True, slots=True)
class Raised:
    """A message with its fields filled in; the text does not repeat the id."""

    id: str
    kind: Kind
    notify: bool
    text: str

    @property
    def line(self) -> str:
        """Return `[id] text` as it stands in the log and in `JOBARG_MESSAGE`."""
        return f"[{self.id}] {self.text}"


def fill(text: str, message: Message, fields: Mapping[str, object]) -> str:
    """Return the text with its places filled; a place without a value becomes `?`.

    An unfilled place is a mistake of ours, but no reason to lose the message: tests compare all
    calls with the declarations.
    """
    positions = iter(message.fields)

    def value(place: re.Match[str]) -> str:
        if place[2]:
            return "%"
        name = place[1] or next(positions, "")
        return str(fields.get(name, "?"))

    filled = _PLACE.sub(value, text)
    data = filled.encode("utf-8", "replace")
    return filled if len(data) <= MAX_BYTES else data[:MAX_BYTES].decode("utf-8", "ignore")
