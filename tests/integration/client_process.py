"""The four client commands as processes: what they print, byte for byte, and their exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

EXEC, GET, RELEASE, LOG = "exec", "get", "release", "joblogput"
ALL = (EXEC, GET, RELEASE, LOG)
#: What each needs beside server and user.
NEEDED = {EXEC: ["-j", "NET"], GET: ["-r", "42"], RELEASE: ["-j", "NET/J"], LOG: ["-r", "42"]}
SECONDS = 30


@dataclass(frozen=True)
class Done:
    """How a command ended; PID in the texts stands for its process id, all that varies."""

    code: int
    out: str
    err: str  #: with PID for the process id


def call(command: str, *, limit: float | None = None) -> list[str]:
    """Return how a command is called; with a time limit of its own if one is given."""
    module = f"jobarranger.commands.{command}"
    if limit is None:
        code = f"import sys; from {module} import main; sys.exit(main())"
    else:
        code = (
            f"import sys; from {module} import COMMAND, clientline;"
            f"sys.exit(clientline.main(COMMAND, timeout={limit}))"
        )
    return [sys.executable, "-c", code]


def run(
    command: str,
    *arguments: str,
    port: int | None = None,
    environment: dict[str, str] | None = None,
    limit: float | None = None,
) -> Done:
    """Run a command; with a port it asks the server there as oper."""
    common = [] if port is None else ["-z", "127.0.0.1", f"-p{port}", "-U", "oper", "-P", "secret"]
    process = subprocess.Popen(
        [*call(command, limit=limit), *common, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LC_ALL": "C"} | (environment or {}),
        cwd=Path(__file__).parents[2],
    )
    out, err = process.communicate(timeout=SECONDS)
    reported = err.decode().replace(f"[{process.pid}]", "[PID]")
    return Done(process.returncode, out.decode(), reported)


def failure(command: str, text: str) -> Done:
    """Return the end with one line on the standard error and 255."""
    return Done(255, "", f"jobarg_{command} [PID]: {text}\n")
