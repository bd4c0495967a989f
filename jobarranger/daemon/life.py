"""From the command line to a running daemon, alike for server, agent and monitor.

The order of a start: read the configuration (errors still go to the terminal), go to the
background, then whatever the program itself needs, and a word to whoever started it.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from jobarranger import __version__, logs
from jobarranger.clock import zone_named
from jobarranger.daemon import output
from jobarranger.daemon.launch import Foreground, Launch, complain, detach
from jobarranger.errors import ConfigError, JobArrangerError

#: Of files and directories that a daemon makes.
UMASK = 0o027

Config = TypeVar("Config")


def no_options(parser: argparse.ArgumentParser) -> None:
    """Add no option; the default of programs that have the common ones only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStart(Generic[Config]):
    """What a program is given to run with."""

    config: Config
    warnings: Sequence[str]  #: of the configuration, for the log
    options: argparse.Namespace
    launch: Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Generic[Config]):
    """What a daemon is beside its life."""

    name: str
    description: str
    load: Callable[[Path], tuple[Config, Sequence[str]]]  #: reads the configuration file
    run: Callable[[DaemonStart[Config]], int]  #: serves until the end; returns the exit code
    add_options: Callable[[argparse.ArgumentParser], None] = no_options

    @property
    def config_file(self) -> Path:
        """Return the configuration file that is read unless another is named."""
        return Path(f"/etc/jobarranger/{self.name}.conf")


def main(program: Program[Any], argv: Sequence[str] | None = None) -> int:
    """Run a daemon's command; return its exit code."""
    options = parser(program).parse_args(argv)
    try:
        config, warnings = program.load(options.config.absolute())
    except JobArrangerError as error:
        complain(program.name, str(error))
        return 1
    except OSError as error:
        complain(program.name, f"cannot read {options.config}: {error.strerror}")
        return 1
    if options.test:
        for warning in warnings:
            complain(program.name, f"warning: {warning}")
        complain(program.name, f"{options.config}: the configuration is correct")
        return 0
    launch = Foreground(program.name) if options.foreground else detach(program.name)
    _settle()
    return program.run(
        DaemonStart(config=config, warnings=warnings, options=options, launch=launch)
    )


def parser(program: Program[Any]) -> argparse.ArgumentParser:
    """Return the command line of a daemon."""
    made = argparse.ArgumentParser(
        prog=program.name, description=program.description, allow_abbrev=False
    )
    made.add_argument(
        "-c", "--config", type=Path, default=program.config_file, metavar="FILE",
        help="configuration file (default: %(default)s)",
    )  # fmt: skip
    made.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")
    made.add_argument(
        "-t", "--test", action="store_true", help="check the configuration file and exit"
    )
    program.add_options(made)
    made.add_argument(
        "-V", "--version", action="version", version=f"{program.name} (Job Arranger) {__version__}"
    )
    return made


def open_log(
    launch: Launch, *, file: str | None, level: int, ident: str, zone: str | None = None
) -> None:
    """Send the log, and a background daemon's standard output and error, to the log file.

    Raises:
        ConfigError: the file cannot be opened.
    """
    try:
        logs.setup(file=file, level=level, ident=ident, zone=zone_named(zone))
    except OSError as error:
        raise ConfigError(f"cannot open JaLogFile {file}: {error.strerror}") from error
    if not isinstance(launch, Foreground):
        output.redirect(file)


def give_up(launch: Launch, text: str, write: Callable[[str], object], *, code: int = 1) -> int:
    """Report to whoever started the daemon why it does not work; return the exit code.

    Args:
        launch: who started it.
        text: the reason, one line.
        write: writes it to the log; called if that is open.
        code: the exit code.
    """
    if logging.getLogger().handlers:
        write(text)
    launch.fail(text, code)
    return code


def _settle() -> None:
    """Set what every daemon has: directory `/`, its umask, `/dev/null` as standard input."""
    os.chdir("/")
    os.umask(UMASK)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
