"""The variables of icons and jobnets (docs/flow.md, Variables).

In the tables a variable set is a growing list of rows; the newest row of a name counts. A
`VariableRows` is such a list in memory: rows that the table has already (with their `seq_no`) and
rows still to be written. Nothing here touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jobarranger.errors import JobArrangerError

#: Longest name of a variable (characters) and longest captured output (bytes).
NAME_LIMIT = 128
OUTPUT_LIMIT = 64_000

#: Never handed to an icon: the last message about the previous one.
MESSAGE = "JOBARG_MESSAGE"


class UnknownVariable(JobArrangerError):
    """A reference names a variable that the icon's input does not hold."""


@dataclass(slots=True)
class Row:
    """One row: `seq` is None until the database has given it a number."""

    seq: int | None
    name: str
    value: str


@dataclass(slots=True)
class VariableRows:
    """The rows of one icon's (or jobnet's) input or output, oldest first."""

    rows: list[Row] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)  #: seq_no of rows to be deleted

    @classmethod
    def stored(cls, rows: Iterable[tuple[int, str, str]]) -> VariableRows:
        """Make the list from rows of the table, in ascending `seq_no`."""
        return cls([Row(seq, name, value) for seq, name, value in rows])

    def append(self, name: str, value: str) -> None:
        """Set a variable: a new row, which counts from now on."""
        self.rows.append(Row(None, name, value))

    def extend(self, values: Mapping[str, str]) -> None:
        """Set several variables."""
        for name, value in values.items():
            self.append(name, value)

    def drop(self, name: str) -> None:
        """Remove every row of `name`."""
        kept = []
        for row in self.rows:
            if row.name != name:
                kept.append(row)
            elif row.seq is not None:
                self.deleted.append(row.seq)
        self.rows = kept

    def settle(self) -> dict[str, str]:
        """Keep the newest row of every name, and return the set."""
        newest = {row.name: row for row in self.rows}
        if len(newest) < len(self.rows):
            kept = []
            for row in self.rows:
                if newest[row.name] is row:
                    kept.append(row)
                elif row.seq is not None:
                    self.deleted.append(row.seq)
            self.rows = kept
        return {row.name: row.value for row in self.rows}

    def values(self) -> dict[str, str]:
        """Return the set without changing the rows."""
        return {row.name: row.value for row in self.rows}

    def pending(self) -> list[Row]:
        """Return the rows that the table does not have yet."""
        return [row for row in self.rows if row.seq is None]


def resolve(text: str, values: Mapping[str, str]) -> str:
    """Apply the whole-string rule: `$NAME` is the variable's value, `$$...` is `$...`.

    Anything else, a `$` further right included, is literal.

    Raises:
        UnknownVariable: there is no such variable.
    """
    if len(text) < 2 or not text.startswith("$"):
        return text
    if text.startswith("$$"):
        return text[1:]
    name = text[1:]
    if name not in values:
        raise UnknownVariable(f"variable '{name[:NAME_LIMIT]}' is not known to the icon")
    return values[name]


def environment(
    chosen: Iterable[str], settings: Iterable[tuple[str, str]], values: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a JOB: chosen controller variables, then the job's own.

    An unknown variable is empty; a job's own variable wins over a chosen one of the same name.
    """
    result = {name: values.get(name, "") for name in chosen}
    for name, text in settings:
        try:
            result[name] = resolve(text, values)
        except UnknownVariable:
            result[name] = ""
    return result


def storable(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """Return `text` as the tables can hold it: no NUL, no CR, `limit` bytes of UTF-8 at most."""
    text = text.partition("\0")[0].replace("\r", "")
    raw = text.encode("utf-8", "replace")
    return raw[:limit].decode("utf-8", "ignore")
