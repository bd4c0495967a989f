"""YAML files as lists of sections, one for each document."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml.error import YAMLError

from jobarranger.definitions.scalars import load_all
from jobarranger.definitions.section import Section
from jobarranger.errors import DefinitionError

#: Largest file that is read (bytes).
MAX_FILE = 4_000_000


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        DefinitionError: it cannot be read, is too large or no UTF-8.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise DefinitionError(f"{path}: is larger than {MAX_FILE} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def sections(text: str, place: str) -> list[Section]:
    """Return the documents of a text; `place` begins every message.

    Raises:
        DefinitionError: it is no YAML, or empty.
    """
    try:
        documents = [item for item in load_all(text) if item]
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "is no YAML"
        raise DefinitionError(f"{place}{where}: {problem}") from error
    if not documents:
        raise DefinitionError(f"{place}: holds no definition")
    return [Section(place, document) for document in documents]
