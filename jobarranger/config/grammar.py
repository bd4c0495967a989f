"""Reads a configuration file in Zabbix' manner and notes where every value stands.

One `Parameter=value` a line. Blanks and tabs around name and value do not count, a line that is
empty or begins with `#` is skipped, and everything right of the first `=` is the value: no
quoting, no escapes, `#` and `=` are ordinary characters in it. The last one of several values
wins, over included files too. `Include=PATH` takes in another file, or every file of a directory
in the order of their names, at the place where it stands.

Stricter than the original in three points: an Include that cannot be followed is an error, hidden
and backup files of a directory are passed over, and a line may have any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobarranger.errors import ConfigError

#: Levels of files, the main one counted.
MAX_LEVELS = 10

_BLANKS = " \t"
_ENDS = " \t\r\n"
_BACKUP_ENDS = ("~", ".bak", ".old", ".orig", ".swp", ".tmp", ".rpmnew", ".rpmsave", ".rpmorig")


@dataclass(frozen=True, slots=True)
class ConfigLine:
    """One value and the place where it was found."""

    name: str
    value: str
    file: Path
    line: int

    @property
    def place(self) -> str:
        """Return `file:line` for messages."""
        return f"{self.file}:{self.line}"


def read(path: Path) -> dict[str, ConfigLine]:
    """Return the last entry of every parameter in the file and in what it includes.

    Raises:
        ConfigError: a file cannot be read or a line cannot be understood.
    """
    return {entry.name: entry for entry in entries(path)}


def entries(path: Path, level: int = 1) -> Iterator[ConfigLine]:
    """Yield every entry in the order of reading, those of included files in their place."""
    for entry in parse(_content(path), path):
        if entry.name == "Include":
            for included in _included(entry, level):
                yield from entries(included, level + 1)
        else:
            yield entry


def parse(content: bytes, file: Path) -> Iterator[ConfigLine]:
    """Yield the entries of one file's content, Include among them."""
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        text = raw.decode("utf-8", "surrogateescape").lstrip(_BLANKS).rstrip(_ENDS)
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        name = name.rstrip(_BLANKS)
        place = f"{file}:{number}"
        if not equals:
            # the line may be a mistyped password line: do not repeat it
            raise ConfigError(f'{place}: a line must have the form "Parameter=value"')
        if not name:
            raise ConfigError(f'{place}: no parameter name before "="')
        if any("\udc80" <= sign <= "\udcff" for sign in text):
            raise ConfigError(f"{place}: {_shown(name)}: the line is not UTF-8 text")
        if "\0" in text:
            raise ConfigError(f"{place}: {name.partition(chr(0))[0]}: the line holds a zero byte")
        yield ConfigLine(name, value.lstrip(_BLANKS), file, number)


def _shown(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _included(entry: ConfigLine, level: int) -> list[Path]:
    """Return the files an Include stands for."""
    if level >= MAX_LEVELS:
        raise ConfigError(
            f'{entry.place}: Include = "{entry.value}": more than {MAX_LEVELS} levels of files'
        )
    path = Path(entry.value)
    if not path.is_absolute():
        raise ConfigError(f'{entry.place}: Include = "{entry.value}": must be an absolute path')
    try:
        if not path.is_dir():
            path.stat()
            return [path]
        return sorted(file for file in path.iterdir() if _counts(file.name) and file.is_file())
    except OSError as error:
        raise ConfigError(
            f'{entry.place}: Include = "{entry.value}": cannot be read: {error.strerror}'
        ) from error


def _counts(name: str) -> bool:
    """Return whether a file of an included directory is meant: not hidden, not a backup."""
    return not (name.startswith((".", "#")) or name.endswith(_BACKUP_ENDS) or ".dpkg-" in name)
