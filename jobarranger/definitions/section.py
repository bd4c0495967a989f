"""Read one mapping of a YAML file, key by key, with errors that name place, value and rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jobarranger.definitions.scalars import as_text
from jobarranger.errors import DefinitionError

#: Ids of jobnets and icons.
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
#: Names of variables.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
#: What names and memos may not contain (the Manager's rule).
_FORBIDDEN = "\"'\\,"


class Section:
    """One mapping; every key that is not asked for is an error (`done`)."""

    def __init__(self, place: str, values: object) -> None:
        """Take the mapping found at `place` (file and path, for messages)."""
        self.place = place
        if values is None:
            values = {}
        if not isinstance(values, Mapping):
            raise DefinitionError(f"{place}: {values!r} is not a mapping of keys to values")
        self._values: dict[str, Any] = {as_text(key): value for key, value in values.items()}
        self._asked: set[str] = set()

    def error(self, key: str, text: str) -> DefinitionError:
        """Return an error about one key."""
        return DefinitionError(f"{self.place}.{key}: {text}")

    def has(self, key: str) -> bool:
        """Return whether the key is there and not empty."""
        return self._values.get(key) is not None

    def raw(self, key: str) -> Any:
        """Return the value as it is, None if it is missing."""
        self._asked.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str | None = None, *, most: int, unit: str = "") -> str:
        """Return a text of at most `most` characters (`unit="bytes"`: bytes in UTF-8)."""
        value = self.raw(key)
        if value is None:
            if default is None:
                raise self.error(key, "is missing")
            return default
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise self.error(key, f"{value!r} is not a text; quotes would make it one")
        text = as_text(value)
        length = len(text.encode()) if unit == "bytes" else len(text)
        if length > most:
            raise self.error(
                key, f"{_short(text)} has {length} {unit or 'characters'}, at most {most} fit"
            )
        if "\0" in text:
            raise self.error(key, "contains a zero character")
        return text

    def label(self, key: str, default: str | None = None, *, most: int) -> str:
        """Return a name or memo, which may not contain quotes, backslashes and commas."""
        text = self.text(key, default, most=most)
        for character in _FORBIDDEN:
            if character in text:
                raise self.error(key, f"{_short(text)} contains {character}, which is not allowed")
        return text

    def optional(self, key: str, *, most: int, unit: str = "") -> str | None:
        """Return a text; None if the key is missing (an empty text is a text)."""
        return self.text(key, most=most, unit=unit) if self.has(key) else self.raw(key)

    def optional_label(self, key: str, *, most: int) -> str | None:
        """Return a name or memo; None if the key is missing."""
        return self.label(key, most=most) if self.has(key) else self.raw(key)

    def id(self, key: str, default: str | None = None) -> str:
        """Return the id of a jobnet, icon or calendar."""
        return check_id(f"{self.place}.{key}", self.text(key, default, most=1000))

    def number(self, key: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number within limits."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.error(key, f"{value!r} is not a whole number from {least} to {most}")
        return int(value)

    def flag(self, key: str, *, default: bool = False) -> int:
        """Return 1 for true and 0 for false."""
        value = self.raw(key)
        if value is None:
            return int(default)
        if not isinstance(value, bool):
            raise self.error(key, f"{value!r} is neither true nor false")
        return int(value)

    def choice(self, key: str, choices: Mapping[str, int], default: str | None = None) -> int:
        """Return the number that a word stands for."""
        value = self.raw(key)
        if value is None and default is not None:
            value = default
        if not isinstance(value, str) or value not in choices:
            raise self.error(key, f"{value!r} is none of {', '.join(choices)}")
        return choices[value]

    def variables(self, key: str) -> dict[str, str]:
        """Return variables: a mapping of names to texts."""
        inner = Section(f"{self.place}.{key}", self.raw(key))
        return {
            check_variable(inner.place, name): inner.text(name, "", most=65_535, unit="bytes")
            for name in inner.names()
        }

    def variable(self, key: str) -> str:
        """Return the name of one variable."""
        return check_variable(f"{self.place}.{key}", self.text(key, most=1000))

    def variable_names(self, key: str) -> list[str]:
        """Return a list of names of variables, each once."""
        value = self.raw(key)
        if value is None:
            return []
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self.error(key, f"{value!r} is not a list of variable names")
        names = [check_variable(f"{self.place}.{key}", str(name)) for name in value]
        for name in names:
            if names.count(name) > 1:
                raise self.error(key, f"{name} is named twice")
        return names

    def names(self) -> list[str]:
        """Return all keys in the order of the file."""
        return list(self._values)

    def done(self) -> None:
        """Complain about keys that nobody asked for."""
        unknown = [key for key in self._values if key not in self._asked]
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise self.error(unknown[0], f"is not known here; known are {known}")


def check_id(place: str, text: str) -> str:
    """Return `text` if it is an id."""
    if not _ID.match(text):
        raise DefinitionError(
            f"{place}: {_short(text)} is no id: 1 to 32 letters, digits, - and _ are"
        )
    return text


def check_variable(place: str, name: str) -> str:
    """Return `name` if it is the name of a variable."""
    if not _VARIABLE.match(name):
        raise DefinitionError(
            f"{place}: {_short(name)} is no variable name: 1 to 128 letters, digits and _ are,"
            " not beginning with a digit"
        )
    return name


def _short(text: str) -> str:
    """Return a text for messages, in quotes, cut to 40 characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
