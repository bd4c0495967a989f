"""What the client commands have in common: their options, lines and exit codes.

As with the original, everything but success exits with 255, also help and version, and lines on
the standard error have the form `<program> [<process id>]: <text>`.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import setproctitle

from jobarranger import __version__
from jobarranger.commands.client import DEFAULT_PORT, Client, RequestRefused
from jobarranger.commands.options import Option, UsageError, describe, parse, usage
from jobarranger.errors import JobArrangerError

FAILED = 255
_HIDDEN = "x" * 8

COMMON = (
    Option(
        short="z",
        long="jobarranger-server",
        value="server",
        mandatory=True,
        help="host name or address of the job server",
    ),
    Option(short="p", long="port", value="port", help=f"its port (default {DEFAULT_PORT})"),
    Option(short="U", long="user-name", value="user-name", mandatory=True, help="user name"),
    Option(
        short="P",
        long="password",
        value="password",
        help="password; safer: --password-file, or the variable JOBARG_PASSWORD",
    ),
    Option(
        short=None,
        long="password-file",
        value="file",
        abbreviable=False,
        help="file whose first line it is",
    ),
)
LAST = (
    Option(short="h", long="help", help="show this help"),
    Option(short="V", long="version", help="show the version"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One client command."""

    program: str
    title: str
    options: Sequence[Option]  #: its own, beside the common ones
    run: Callable[[Client, Mapping[str, str]], int]  #: returns the exit code
    port_0_is_default: bool = False

    @property
    def all_options(self) -> tuple[Option, ...]:
        """Return the options in the order of the help."""
        return (*COMMON, *self.options, *LAST)


def main(command: Command, argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, _interrupted)
    try:
        given = parse(command.all_options, arguments)
    except UsageError as error:
        say(command.program, f"Error: {error}")
        print(usage(command.program, command.all_options))
        return FAILED
    setproctitle.setproctitle(_title(command.program, given))
    if "help" in given or "version" in given:
        print(_version(command) if "version" in given else _help(command))
        return FAILED
    try:
        client = _client(command, given)
        if client is None:
            print(usage(command.program, command.all_options))
            return FAILED
        return command.run(client, given)
    except RequestRefused as error:
        say(command.program, f"Error: {error}")
    except (JobArrangerError, OSError, ValueError) as error:  # ValueError: a senseless answer
        say(command.program, f"Error: {error}")
    return FAILED


def say(program: str, text: str) -> None:
    """Write one line to the standard error."""
    print(f"{program} [{os.getpid()}]: {text}", file=sys.stderr)


def port(text: str | None, *, zero_is_default: bool) -> int:
    """Convert a port as the original does: leading digits, 16 bits. Pure.

    Raises:
        UsageError: it is a port that only the system may use, or none.
    """
    if text is None:
        return DEFAULT_PORT
    digits = text.strip()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    end = next((i for i, c in enumerate(digits) if not ("0" <= c <= "9")), len(digits))
    value = (sign * int(digits[:end] or 0)) & 0xFFFF
    if value == 0 and zero_is_default:
        return DEFAULT_PORT
    if value < 1024:
        raise UsageError(f"port [{text}] is out of range (1024-65535)")
    return value


def _client(command: Command, given: Mapping[str, str]) -> Client | None:
    """Return the client, or None if a mandatory option is missing."""
    password = _password(given)
    needed = [option.long for option in command.all_options if option.mandatory]
    if password is None or any(name not in given for name in needed):
        return None
    return Client(
        server=given["jobarranger-server"],
        port=port(given.get("port"), zero_is_default=command.port_0_is_default),
        user=given["user-name"],
        password=password,
    )


def _password(given: Mapping[str, str]) -> str | None:
    if "password" in given:
        return given["password"]
    if "password-file" in given:
        try:
            text = Path(given["password-file"]).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{given['password-file']} is not UTF-8 text") from error
        return text.partition("\n")[0].rstrip("\r")
    return os.environ.get("JOBARG_PASSWORD")


def _title(program: str, given: Mapping[str, str]) -> str:
    """Return the command line for process lists, without the password."""
    parts = [program]
    for name, value in given.items():
        parts.append(f"--{name}")
        if value:
            parts.append(_HIDDEN if name == "password" else value)
    return " ".join(parts)


def _help(command: Command) -> str:
    options = command.all_options
    return f"{usage(command.program, options)}\n\n{describe(options)}"


def _version(command: Command) -> str:
    return f"{command.title} v{__version__}\nPython {platform.python_version()}"


def _interrupted(number: int, frame: object) -> None:
    raise SystemExit(FAILED)
