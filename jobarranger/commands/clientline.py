"""What the client commands have in common: their options, lines and exit codes.

As with the original, everything but success exits with 255, also help and version, and lines on
the standard error have the form `<program> [<process id>]: <text>`. What is printed are the bytes
that the server sent, whatever the locale.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import setproctitle

from jobarranger import __version__
from jobarranger.client import (
    DEFAULT_PORT,
    TIMEOUT,
    Client,
    RequestRefused,
    ServerUnreachable,
    read_password,
)
from jobarranger.commands.options import BadValue, Option, UsageError, describe, parse
from jobarranger.errors import JobArrangerError

FAILED = 255
_HIDDEN = "x" * 8
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,4000})")

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
    Option(short="h", long="help", final=True, help="show this help"),
    Option(short="V", long="version", final=True, help="show the version"),
)


def bracketed(message: str) -> str:
    """Return a refusal in the words of `jobarg_exec` and `jobarg_get`. Pure."""
    return str(RequestRefused(message))


def plain(message: str) -> str:
    """Return a refusal in the words of `jobarg_release` and `jobarg_joblogput`. Pure."""
    return f"response message: {message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One client command."""

    program: str
    title: str
    synopsis: str  #: of its own options
    options: Sequence[Option]  #: its own, beside the common ones
    run: Callable[[Client, Mapping[str, str]], int]  #: returns the exit code
    port_0_is_default: bool = False
    refusal: Callable[[str], str] = plain  #: makes the line of the server's words

    @property
    def all_options(self) -> tuple[Option, ...]:
        """Return the options in the order of the help."""
        return (*COMMON, *self.options, *LAST)

    @property
    def usage(self) -> str:
        """Return the usage line, which is the original's."""
        common = "[-hV] -z <server> [-p <port>] -U <user-name> -P <password>"
        return f"usage: {self.program} {common} {self.synopsis}"


def main(command: Command, argv: Sequence[str] | None = None, *, timeout: float = TIMEOUT) -> int:
    """Run a command; return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, _interrupted)
    try:
        code = _main(command, list(sys.argv[1:] if argv is None else argv), timeout)
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:  # nobody reads it, or the disk is full
        _forget_output()
        with contextlib.suppress(OSError):
            say(command.program, f"Error: the output cannot be written: {error.strerror}")
        return FAILED
    return code


def _main(command: Command, arguments: list[str], timeout: float) -> int:
    try:
        given = parse(command.all_options, arguments)
    except BadValue as error:
        say(command.program, f"Error: {error}")
        return FAILED
    except UsageError as error:
        say(command.program, f"Error: {error}")
        put(f"{command.usage}\n")
        return FAILED
    setproctitle.setproctitle(_title(command.program, given))
    if "help" in given or "version" in given:
        put(_help(command) if "help" in given else _version(command))
        return FAILED
    try:
        client = _client(command, given, timeout)
        if client is None:
            put(f"{command.usage}\n")
            return FAILED
        return command.run(client, given)
    except RequestRefused as refused:
        say(command.program, f"Error: {command.refusal(refused.message)}")
    except ServerUnreachable as error:
        say(command.program, f"{'Warning' if error.timed_out else 'Error'}: {error}")
    except JobArrangerError as error:
        say(command.program, f"Error: {error}")
    return FAILED


def put(text: str) -> None:
    """Write to the standard output."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


def report(text: str) -> None:
    """Write to the standard error, if there is one: scripts close it and take the exit code."""
    if sys.stderr is None:
        return
    sys.stderr.buffer.write(text.encode("utf-8", "replace"))
    sys.stderr.buffer.flush()


def say(program: str, text: str) -> None:
    """Write one line in the commands' form to the standard error."""
    report(f"{program} [{os.getpid()}]: {text}\n")


def port(text: str | None, *, zero_is_default: bool) -> int:
    """Convert a port as the original does: leading digits, 16 bits. Pure.

    Raises:
        BadValue: it is a port that only the system may use, or none.
    """
    if text is None:
        return DEFAULT_PORT
    found = _INTEGER.match(text)
    value = int(found[1] if found else 0) & 0xFFFF
    if value == 0 and zero_is_default:
        return DEFAULT_PORT
    if value < 1024:
        raise BadValue(f"port [{text}] is out of range (1024-65535)")
    return value


def _client(command: Command, given: Mapping[str, str], timeout: float) -> Client | None:
    """Return the client, or None if a mandatory option is missing."""
    needed = [option.long for option in command.all_options if option.mandatory]
    if any(name not in given for name in needed):
        return None
    password = _password(given)
    if password is None:
        return None
    return Client(
        server=given["jobarranger-server"],
        port=port(given.get("port"), zero_is_default=command.port_0_is_default),
        user=given["user-name"],
        password=password,
        timeout=timeout,
    )


def _password(given: Mapping[str, str]) -> str | None:
    """Return the password from the first place that has one."""
    if "password" in given:
        return given["password"]
    if "password-file" in given:
        return read_password(given["password-file"])
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
    return f"{command.usage}\n\n{describe(command.all_options)}\n"


def _version(command: Command) -> str:
    return f"{command.title} v{__version__}\nPython {platform.python_version()}\n"


def _forget_output() -> None:
    """Lead what is still to be written nowhere, so that the end of the program does not try."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.flush()
                continue
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupted(number: int, frame: object) -> None:
    raise SystemExit(FAILED)
