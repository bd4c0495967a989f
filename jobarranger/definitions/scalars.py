"""YAML values as they were written: `007` and `1.10` are numbers to YAML, but texts to people."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor


class WrittenInt(int):
    """A whole number that knows how it was written."""

    written: str


class WrittenFloat(float):
    """A number that knows how it was written."""

    written: str


def as_text(value: object) -> str:
    """Return a text or number as it was written."""
    return str(getattr(value, "written", value))


def load_all(text: str) -> list[Any]:
    """Return the documents of a text.

    Raises:
        YAMLError: it is no YAML.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return list(yaml.load_all(text))


class _Constructor(SafeConstructor):
    """Builds the values."""

    def written_int(self, node: Any) -> WrittenInt | str:
        """Return a whole number; one with thousands of digits is a text."""
        try:
            value = WrittenInt(self.construct_yaml_int(node))
        except ValueError:
            return str(node.value)
        value.written = node.value
        return value

    def written_float(self, node: Any) -> WrittenFloat | str:
        """Return a number."""
        try:
            value = WrittenFloat(self.construct_yaml_float(node))
        except (ValueError, OverflowError):
            return str(node.value)
        value.written = node.value
        return value

    def written_date(self, node: Any) -> str:
        """Return a date as the text that it is."""
        return str(node.value)


for _kind, _build in {
    "int": _Constructor.written_int,
    "float": _Constructor.written_float,
    "timestamp": _Constructor.written_date,
}.items():
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_kind}", _build)
