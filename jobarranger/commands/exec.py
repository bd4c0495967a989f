"""`jobarg_exec`: start a jobnet and print its registry number."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobarranger.client import Client
from jobarranger.commands import clientline
from jobarranger.commands.options import BadValue, Option

PROGRAM = "jobarg_exec"

OPTIONS = (
    Option(short="j", long="jobnet-id", value="jobnet-id", mandatory=True, help="which jobnet"),
    Option(
        short="t",
        long="start-time",
        value="YYYYMMDDHHMM",
        help="start it then, in the server's time; at least a minute ahead",
    ),
    Option(
        short="E",
        long="environment-variables",
        value="name,...",
        help="variables of this environment to hand to the jobnet",
    ),
    Option(
        short="D",
        long="deterrence",
        help="with -t: refuse a second registration for the same time",
    ),
)


def start_time(text: str) -> str:
    """Return a valid start time as it is. Pure.

    Raises:
        BadValue: it is none.
    """
    try:
        if len(text) != 12 or not (text.isascii() and text.isdigit()):
            raise ValueError(text)
        datetime.strptime(text, "%Y%m%d%H%M")  # noqa: DTZ007 - the server knows the zone
    except ValueError:
        raise BadValue(f"start time [{text}] is not a time of the form YYYYMMDDHHMM") from None
    return text


def chosen(names: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the named variables; empty names are skipped. Pure.

    Raises:
        BadValue: one does not exist, or its value is not UTF-8 text.
    """
    values = {}
    for name in filter(None, names.split(",")):
        if name not in environment:
            raise BadValue(f"environment variable [{name}] does not exist")
        values[name] = environment[name]
        try:
            values[name].encode()
        except UnicodeEncodeError:
            raise BadValue(f"environment variable [{name}] is not UTF-8 text") from None
    return values


def run(client: Client, given: Mapping[str, str]) -> int:
    """Start the jobnet; the server's line goes to the standard error."""
    env = None
    if "environment-variables" in given:
        env = chosen(given["environment-variables"], os.environ) or None
    line = client.start_line(
        given["jobnet-id"],
        start_time=start_time(given["start-time"]) if "start-time" in given else None,
        deterrence="deterrence" in given,
        env=env,
    )
    clientline.say(PROGRAM, line)
    return 0


COMMAND = clientline.Command(
    program=PROGRAM,
    title="Job Arranger Jobnet execution",
    synopsis="-j <jobnet-id> [-t <YYYYMMDDHHMM>] [-E <environment-variables>,...] [-D]",
    options=OPTIONS,
    run=run,
    port_0_is_default=True,
    refusal=clientline.bracketed,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return clientline.main(COMMAND, argv)
