"""Runs the operators' commands as real processes on a test's database.

Each process is forked by a server that has the commands imported already, which saves it a second;
`Shell.command` shows how one is called from nothing.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobarranger.db.engine import Database
from jobarranger.states import DatabaseType

ROOT = Path(__file__).parents[1]
COMMANDS = {"jobarg_ctl": "ctl", "jobarg_def": "definition"}
PATIENCE = 60

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.shell",
        *(f"jobarranger.commands.{module}" for module in COMMANDS.values()),
        "sqlalchemy.dialects.mysql.pymysql",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlalchemy.dialects.sqlite.pysqlite",
    ]
)


class Shell:
    """Runs our commands on the test's database."""

    def __init__(self, db: Database, directory: Path) -> None:
        self.db = db
        self.config = directory / "jobarg_server.conf"
        settings = db.settings
        lines = [
            f"DBType={settings.kind.value}", "AllowRoot=1", f"JaRuntimeDir={directory / 'run'}",
            "JaTimeZone=UTC",
        ]  # fmt: skip
        if settings.kind is DatabaseType.SQLITE:
            lines.append(f"DBFile={settings.file}")
        else:
            lines += [
                f"DBHost={settings.host}", f"DBPort={settings.port}", f"DBName={settings.name}",
                f"DBUser={settings.user}", f"DBPassword={settings.password}",
            ]  # fmt: skip
        self.config.write_text("\n".join(lines) + "\n")

    def command(self, line: str, *more: object) -> list[str]:
        """Return what is to be executed for a command line."""
        name, *words = line.split()
        command = [sys.executable, "-m", f"jobarranger.commands.{COMMANDS[name]}"]
        config = ["-c", str(self.config)]
        command += [*config, *words] if name == "jobarg_ctl" else [*words, *config]
        return [*command, *map(str, more)]

    def __call__(
        self, line: str, *more: object, code: int = 0, given: str = "", **environment: str
    ) -> str:
        """Run a command line; check its exit code; return both outputs."""
        environment = {
            **{k: v for k, v in os.environ.items() if k != "JOBARG_PASSWORD"},
            **environment,
        }
        _, _, module, *arguments = self.command(line, *more)
        files = [self.config.with_name(name) for name in ("shell.in", "shell.out", "shell.err")]
        files[0].write_text(given)
        process = _FORKS.Process(target=_run, args=(module, arguments, files, environment))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode is not None, f"{line}: not over after {PATIENCE} s"
        out, err = (file.read_text() for file in files[1:])
        assert process.exitcode == code, f"{line}: {process.exitcode}: {out}{err}"
        return out + err


def _run(
    module: str, arguments: Sequence[str], files: Sequence[Path], environment: Mapping[str, str]
) -> None:
    """Be a command: with inputs and outputs of its own, and its exit code."""
    modes = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_TRUNC] * 2)
    for number, (file, mode) in enumerate(zip(files, modes, strict=True)):
        os.dup2(os.open(file, mode, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False)  # noqa: SIM115 - as long as the process lives
        for number, mode in enumerate("rww")
    )
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    code: object = 1
    try:
        code = importlib.import_module(module).main(arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - the interpreter would show it, too
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
