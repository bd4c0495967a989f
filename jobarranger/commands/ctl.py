"""jobarg_ctl: hosts, users, groups and runs, on the server's database (docs/commands.md)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from jobarranger.commands import (
    ctl_calendars,
    ctl_directory,
    ctl_icons,
    ctl_jobnets,
    ctl_operations,
    ctl_pauses,
    ctl_plan,
    ctl_purge,
    ctl_starts,
    operate,
)

NAME = "jobarg_ctl"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return operate.run(NAME, _main, argv)


def _main(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    with operate.session(arguments.config, NAME) as session:
        code: int = arguments.work(session, arguments)
        return code


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = operate.top_parser(
        prog=NAME, description="Look after hosts, users, groups and runs of the job server."
    )
    objects = top.add_subparsers(dest="object", required=True, metavar="OBJECT")
    ctl_directory.add_parsers(objects)
    ctl_plan.add_parsers(objects)
    ctl_calendars.add_parsers(objects)
    jobnets = ctl_jobnets.add_parsers(objects)
    ctl_starts.add_parsers(jobnets)
    ctl_operations.add_parsers(jobnets, ctl_icons.add_parsers(objects))
    ctl_pauses.add_parsers(objects)
    ctl_purge.add_parsers(objects)
    return top


if __name__ == "__main__":
    raise SystemExit(main())
