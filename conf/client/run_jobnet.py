"""Run a jobnet and wait for its end: run_jobnet.py SERVER PORT USER PASSWORD_FILE JOBNET.

Exit code 0: it ended well; 1: it did not; 2: the server would not or could not do it.
"""

import sys

from jobarranger.client import Client, ClientError, RequestRefused, StillRunning


def main() -> int:
    """Run the jobnet; return the exit code."""
    server, port, user, password_file, jobnet = sys.argv[1:]
    try:
        client = Client.with_password_file(password_file, server=server, port=int(port), user=user)
        number = client.start_jobnet(jobnet, env={"DAY": "31"})
        print(f"{jobnet} runs as {number}")
        status = client.wait(number, timeout=60)
    except RequestRefused as refused:
        print(f"the server says: {refused.message}", file=sys.stderr)
        return 2
    except StillRunning as running:
        print(running, file=sys.stderr)
        return 1
    except ClientError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{status.state.name}, exit code {status.exit_code}")
    print(status.stdout, end="")
    for entry in client.job_log(number=number):
        if entry.return_code:
            print(f"{entry.job_id} ended with {entry.return_code}")
    return 0 if status.ended_well else 1


if __name__ == "__main__":
    sys.exit(main())
