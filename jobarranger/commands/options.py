"""Options as the original's commands take them. Pure.

`-x value`, `-xvalue`, `--name value`, `--name=value`, `--name#value`, flags joined (`-ehV`), unique
abbreviations of long names. A repeated option counts by its last value; arguments that are no
options are ignored; `--` ends the options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobarranger.errors import JobArrangerError


class UsageError(JobArrangerError):
    """The command line is wrong; the text is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a command."""

    short: str | None  #: one letter
    long: str
    value: str | None = None  #: what its value is called in the usage; None = a flag
    mandatory: bool = False
    abbreviable: bool = True  #: False for additions, so that they make no old short form ambiguous
    help: str = ""


def parse(options: Sequence[Option], argv: Sequence[str]) -> dict[str, str]:
    """Return values by long name; a flag that is given has the value ''.

    Raises:
        UsageError: an option is unknown, ambiguous, or lacks its value.
    """
    given: dict[str, str] = {}
    rest = iter(argv)
    for argument in rest:
        if argument == "--":
            break
        if argument.startswith("--"):
            _long(options, argument[2:], rest, given)
        elif argument.startswith("-") and argument != "-":
            _short(options, argument[1:], rest, given)
    return given


def usage(program: str, options: Sequence[Option]) -> str:
    """Return the usage line."""
    flags = "".join(option.short for option in options if option.short and option.value is None)
    parts = [f"[-{flags}]"] if flags else []
    for option in options:
        if option.value is None:
            continue
        name = f"-{option.short}" if option.short else f"--{option.long}"
        text = f"{name} <{option.value}>"
        parts.append(text if option.mandatory else f"[{text}]")
    return f"usage: {program} {' '.join(parts)}"


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
    if ends:
        given[option.long] = text[min(ends) + 1 :]
    else:
        given[option.long] = _value(option, f"--{option.long}", rest)


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
            given[option.long] = joined
            return
        given[option.long] = _value(option, f"-{letter}", rest)


def _value(option: Option, shown: str, rest: Iterator[str]) -> str:
    if option.value is None:
        return ""
    value = next(rest, None)
    if value is None:
        raise UsageError(f"option '{shown}' needs a value")
    return value
