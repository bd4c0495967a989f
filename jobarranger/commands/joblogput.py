"""`jobarg_joblogput`: print the run log as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobarranger.client import Client
from jobarranger.commands import clientline
from jobarranger.commands.options import Option

PROGRAM = "jobarg_joblogput"

OPTIONS = (
    Option(short="s", long="from-time", value="YYYYMMDD[HHMM]", help="first moment"),
    Option(short="e", long="to-time", value="YYYYMMDD[HHMM]", help="last moment"),
    Option(short="n", long="jobnet-id", value="jobnet-id", help="expression for the jobnet id"),
    Option(short="j", long="job-id", value="job-id", help="expression for the job id"),
    Option(short="u", long="target-user", value="target-user", help="expression for the owner"),
    Option(short="r", long="registry-number", value="registry-number", help="one run"),
)


def run(client: Client, given: Mapping[str, str]) -> int:
    """Print the lines."""
    lines = client.job_log_lines(
        from_time=given.get("from-time"),
        to_time=given.get("to-time"),
        jobnet_id=given.get("jobnet-id"),
        job_id=given.get("job-id"),
        target_user=given.get("target-user"),
        number=given.get("registry-number"),
    )
    clientline.put("".join(f"{line}\n" for line in lines))
    return 0


COMMAND = clientline.Command(
    program=PROGRAM,
    title="Job Arranger Job log output",
    synopsis=(
        "[-s <YYYYMMDD>|<YYYYMMDDHHMM>] [-e <YYYYMMDD>|<YYYYMMDDHHMM>] [-n <jobnet-id>]"
        " [-j <job-id>] [-u <target-user>] [-r <registry-number>]"
    ),
    options=OPTIONS,
    run=run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return clientline.main(COMMAND, argv)
