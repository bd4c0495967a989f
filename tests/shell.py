"""Runs the operators' commands as real processes on a test's database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jobarranger.db.engine import Database
from jobarranger.states import DatabaseType

ROOT = Path(__file__).parents[1]
COMMANDS = {"jobarg_ctl": "ctl", "jobarg_def": "definition"}


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
        done = subprocess.run(
            self.command(line, *more),
            input=given, env=environment, cwd=ROOT,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done
        return done.stdout + done.stderr
