"""The page that lists each source file with the summary of its docstring (docs/files.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

#: The packages at the top, from the programs down.
TOPS = ("processes", "jobarranger", "ipc")

_INTRODUCTION = """\
Each source file in one line: what it says of itself. [architecture.md](architecture.md) says how
the packages stand on each other. Tests are in `tests/` ([testing.md](testing.md)), benches in
`benchmarks/` ([benchmarks.md](benchmarks.md)), what is installed beside the programs in `conf/`.
This page, the pages parameters and messages, the sample files and the catalogue in `conf/` are
made by `make docs`.
"""


def page(root: Path, note: str) -> str:
    """Return the page about the source tree below `root`; `note` says that it is generated."""
    lines = ["# Files", "", note, "", _INTRODUCTION]
    found = [
        path
        for top in TOPS
        for path in sorted((root / top).rglob("*.py"), key=lambda one: (one.parent, one.name))
    ]
    for folder, paths in groupby(found, key=lambda path: path.parent):
        rows = list(_rows(paths))
        if rows:
            title = folder.relative_to(root).as_posix()
            lines += [f"## `{title}/`", "", "| file | what it is |", "| --- | --- |", *rows, ""]
    return "\n".join(lines)


def _rows(paths: Iterator[Path]) -> Iterator[str]:
    for path in paths:
        if path.name not in {"__init__.py", "__main__.py"}:
            yield f"| `{path.name}` | {summary(path)} |"


def summary(path: Path) -> str:
    """Return the summary of a module's docstring, for a cell of a table."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.replace("|", "\\|")
