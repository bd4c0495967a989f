"""Options as the original's commands take them. Pure.

`-x value`, `-xvalue`, `--name value`, `--name=value`, `--name#value`, flags joined (`-ehV`), unique
abbreviations of long names. A repeated option counts by its last value; arguments that are no
options are ignored; `--` ends the options. Options are read from the left, and the first thing
that is wrong ends it, as do `-h` and `-V`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jobarranger.errors import JobArrangerError


class UsageError(JobArrangerError):
    """The command line is wrong; the text is one line."""


class BadValue(UsageError):
    """An option that exists has a wrong value: the usage would not say more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a command."""

    short: str | None  #: one letter
    long: str
    value: str | None = None  #: what its value is called in the usage; None = a flag
    mandatory: bool = False
    abbreviable: bool = True  #: False for additions, so that they make no old short form ambiguous
    final: bool = False  #: what follows it is not read
    check: Callable[[str], None] | None = None  #: raises BadValue for a wrong value
    help: str = ""


class _Done(Exception):
    """A final option was read."""


def parse(options: Sequence[Option], argv: Sequence[str]) -> dict[str, str]:
    """Return values by long name; a flag that is given has the value ''.

    Raises:
        UsageError: an option is unknown, ambiguous, or has no value.
        BadValue: a value is wrong.
    """
    given: dict[str, str] = {}
    rest = iter(argv)
    with contextlib.suppress(_Done):
        for argument in rest:
            if argument == "--":
                break
            if argument.startswith("--"):
                _long(options, argument[2:], rest, given)
            elif argument.startswith("-") and argument != "-":
                _short(options, argument[1:], rest, given)
    return given


def describe(options: Sequence[Option]) -> str:
    """Return one line of help for each option."""
    lines = []
    for option in options:
        short = f"-{option.short}," if option.short else "   "
        value = f" <{option.value}>" if option.value else ""
        lines.append(f"  {short} --{option.long}{value}".ljust(44) + f" {option.help}")
    return "\n".join(lines)


def _long(options: Sequence[Option], text: str, rest: Iterator[str], given: dict[str, str]) -> None:
    ends = [text.index(mark) for mark in "=#" if mark in text]
    name = text[: min(ends)] if ends else text
    option = _named(options, name)
    if ends and option.value is None:
        raise UsageError(f"option '--{option.long}' does not take a value")
    value = text[min(ends) + 1 :] if ends else _value(option, f"--{option.long}", rest)
    _take(option, value, given)


def _named(options: Sequence[Option], name: str) -> Option:
    exact = [option for option in options if option.long == name]
    found = exact or [
        option for option in options if option.abbreviable and option.long.startswith(name)
    ]
    if len(found) != 1:
        raise UsageError(f"option '--{name}' is {'ambiguous' if found else 'not known'}")
    return found[0]


def _short(
    options: Sequence[Option], letters: str, rest: Iterator[str], given: dict[str, str]
) -> None:
    for place, letter in enumerate(letters):
        option = next((one for one in options if one.short == letter), None)
        if option is None:
            raise UsageError(f"option '-{letter}' is not known")
        joined = letters[place + 1 :]
        if option.value is not None and joined:
            _take(option, joined, given)
            return
        _take(option, _value(option, f"-{letter}", rest), given)


def _take(option: Option, value: str, given: dict[str, str]) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadValue(f"the value of option '--{option.long}' is not UTF-8 text") from None
    if option.check is not None:
        option.check(value)
    given[option.long] = value
    if option.final:
        raise _Done


def _value(option: Option, shown: str, rest: Iterator[str]) -> str:
    if option.value is None:
        return ""
    value = next(rest, None)
    if value is None:
        raise UsageError(f"option '{shown}' needs a value")
    return value
