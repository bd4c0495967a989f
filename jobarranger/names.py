"""Which names a database can hold at all; others are never looked for."""

from __future__ import annotations

#: Characters of the columns that hold them.
USER, HOST, GROUP, ID = 100, 128, 64, 32


def can_be(name: str, longest: int) -> bool:
    """Return whether a column of `longest` characters can hold this name."""
    return 0 < len(name) <= longest and "\0" not in name and not _has_halves(name)


def _has_halves(name: str) -> bool:
    """Say whether there are halves of characters (surrogates) in it, which JSON can smuggle in."""
    return any("\ud800" <= one <= "\udfff" for one in name)


def shown(name: str, longest: int = USER) -> str:
    """Return a name from outside for a log line: cut, control characters escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name[:longest])
