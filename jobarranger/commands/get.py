"""`jobarg_get`: show the state of a run, for people or as shell variables.

The exit code tells the state: 0 not begun, 1 ready, 2 running (21 late, 22 with an error), 3 ended,
4 and 5 failed; 255 for anything that went wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from ipc.telegrams import RunStatus
from jobarranger.commands import clientline
from jobarranger.commands.client import Client, ClientError
from jobarranger.commands.options import Option, UsageError

PROGRAM = "jobarg_get"

OPTIONS = (
    Option(
        short="r",
        long="registry-number",
        value="registry-number",
        mandatory=True,
        help="number that jobarg_exec printed",
    ),
    Option(short="e", long="variable-format", help="print shell variables on standard output"),
)

RUN_TYPES = ("NORMAL", "IMMEDIATE", "WAIT", "TEST", "TIME", "JOB")
STATES = ("BEGIN", "READY", "RUN", "END", "RUNERR", "ENDERR", "ABORT")
JOB_STATES = ("NORMAL", "TIMEOUT", "ERROR")
RUN = 2

_LABELS = (
    "jobnetid",
    "jobnetname",
    "Time of a schedule",
    "Time of a start",
    "Time of a end",
    "The run type of a jobnet",
    "Status of a jobnet",
    "Status of a job",
    "Last job return value",
    "Last job standard output",
    "Last job standard error",
)
_NAMES = (
    "JOBNETID",
    "JOBNETNAME",
    "SCHEDULEDTIME",
    "STARTTIME",
    "ENDTIME",
    "JOBNETRUNTYPE",
    "JOBNETSTATUS",
    "JOBSTATUS",
    "LASTEXITCD",
    "LASTSTDOUT",
    "LASTSTDERR",
)
#: What the shell would act on between double quotes.
_QUOTED = str.maketrans({character: f"\\{character}" for character in '\\"$`'})


def fields(status: RunStatus) -> tuple[str, ...]:
    """Return the values in the order of both formats. Pure.

    Raises:
        ClientError: the server sent a state that is not known.
    """
    return (
        status.jobnetid,
        status.jobnetname,
        str(status.scheduled_time),
        str(status.start_time),
        str(status.end_time),
        _word(RUN_TYPES, status.jobnetruntype),
        _word(STATES, status.jobentstatus),
        _word(JOB_STATES, status.jobstatus),
        status.lastexitcd,
        status.laststdout,
        status.laststderr,
    )


def exit_code(status: RunStatus) -> int:
    """Return the exit code for a state. Pure."""
    if status.jobentstatus == RUN and status.jobstatus:
        return RUN * 10 + status.jobstatus
    return status.jobentstatus


def readable(values: Sequence[str]) -> str:
    """Return the lines for people. Pure."""
    pairs = zip(_LABELS, values, strict=True)
    return "\n\n" + "\n".join(f"{label:<24} : {value}" for label, value in pairs)


def assignments(values: Sequence[str]) -> str:
    """Return the lines for a shell's `eval`; nothing in a value can be executed. Pure."""
    pairs = zip(_NAMES, values, strict=True)
    return "\n".join(f'export JA_{name}="{value.translate(_QUOTED)}"' for name, value in pairs)


def run(client: Client, given: Mapping[str, str]) -> int:
    """Ask and print."""
    number = given["registry-number"]
    if not (number.isascii() and number.isdigit()) and number:
        raise UsageError(f"registry number [{number}] is not a number")
    status = client.status(number)
    values = fields(status)
    if "variable-format" in given:
        print(assignments(values))
    else:
        print(readable(values), file=sys.stderr)
    return exit_code(status)


def _word(words: Sequence[str], value: int) -> str:
    if not 0 <= value < len(words):
        raise ClientError(f"the server sent a state that is not known: {value}")
    return words[value]


COMMAND = clientline.Command(
    program=PROGRAM,
    title="Job Arranger Jobnet status get",
    options=OPTIONS,
    run=run,
    port_0_is_default=True,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return clientline.main(COMMAND, argv)
