"""`jobarg_release`: take the hold off an icon in running jobnets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ipc.dialects import dump_job
from jobarranger.client import Client
from jobarranger.commands import clientline
from jobarranger.commands.options import Option

PROGRAM = "jobarg_release"

OPTIONS = (
    Option(
        short="j",
        long="job-id",
        value="jobnet-id/job-id",
        mandatory=True,
        help="path of the held icon",
    ),
    Option(
        short="t",
        long="start-time",
        value="YYYYMMDD[HHMM]",
        help="only in runs that started then",
    ),
    Option(short="r", long="registry-number", value="registry-number", help="only in this run"),
)


def run(client: Client, given: Mapping[str, str]) -> int:
    """Release and print the numbers of the runs."""
    numbers = client.release(
        given["job-id"], start_time=given.get("start-time"), number=given.get("registry-number")
    )
    listed = dump_job([str(number) for number in numbers]).decode()
    clientline.say(PROGRAM, f"inner_jobnet_id: {listed}")
    return 0


COMMAND = clientline.Command(
    program=PROGRAM,
    title="Job Arranger Job hold release",
    synopsis="-j <jobnet-id/job-id> [-t <YYYYMMDD>|<YYYYMMDDHHMM>] [-r <registry-number>]",
    options=OPTIONS,
    run=run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return clientline.main(COMMAND, argv)
