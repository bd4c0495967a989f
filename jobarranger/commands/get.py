"""`jobarg_get`: show the state of a run, for people or as shell variables.

The exit code shows the state: 0 not begun, 1 ready, 2 running (21 late, 22 with an error), 3 ended,
4 and 5 failed; 255 for anything that went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobarranger.client import Client, JobStatus, RunState, RunStatus
from jobarranger.commands import clientline
from jobarranger.commands.options import BadValue, Option

PROGRAM = "jobarg_get"


def check_number(text: str) -> None:
    """Accept digits only, or nothing, which the server refuses. Pure.

    Raises:
        BadValue: there is something else.
    """
    if text and not (text.isascii() and text.isdigit()):
        raise BadValue(f"registry number [{text}] is not a number")


OPTIONS = (
    Option(
        short="r",
        long="registry-number",
        value="registry-number",
        mandatory=True,
        check=check_number,
        help="number that jobarg_exec printed",
    ),
    Option(short="e", long="variable-format", help="print shell variables on standard output"),
)

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
    """Return the values in the order of both formats. Pure."""
    return (
        status.jobnet_id,
        status.jobnet_name,
        str(status.scheduled_time),
        str(status.start_time),
        str(status.end_time),
        status.run_type.name,
        status.state.name,
        status.job_status.name,
        status.exit_code,
        status.stdout,
        status.stderr,
    )


def exit_code(status: RunStatus) -> int:
    """Return the exit code for a state. Pure."""
    if status.state is RunState.RUN and status.job_status is not JobStatus.NORMAL:
        return status.state * 10 + status.job_status
    return status.state.value


def readable(values: Sequence[str]) -> str:
    """Return the lines for people. Pure."""
    pairs = zip(_LABELS, values, strict=True)
    return "\n\n" + "".join(f"{label:<24} : {value}\n" for label, value in pairs)


def assignments(values: Sequence[str]) -> str:
    """Return the lines for a shell's `eval`; nothing in a value can be executed. Pure."""
    pairs = zip(_NAMES, values, strict=True)
    return "".join(f'export JA_{name}="{value.translate(_QUOTED)}"\n' for name, value in pairs)


def run(client: Client, given: Mapping[str, str]) -> int:
    """Ask and print."""
    status = client.status(given["registry-number"])
    values = fields(status)
    if "variable-format" in given:
        clientline.put(assignments(values))
    else:
        clientline.report(readable(values))
    return exit_code(status)


COMMAND = clientline.Command(
    program=PROGRAM,
    title="Job Arranger Jobnet status get",
    synopsis="-r <registry-number> [-e]",
    options=OPTIONS,
    run=run,
    port_0_is_default=True,
    refusal=clientline.bracketed,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return clientline.main(COMMAND, argv)
