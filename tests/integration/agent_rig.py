"""A real agent process, and a small server of results to play against it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ipc.blocking import exchange_sync
from ipc.frames import FrameReader, encode

DEADLINE = 15.0
ACCEPT = '{ "data": { "result": 0 }, "kind": "response", "version": 1, "serverid": "1" }'
REFUSE = '{ "data": { "result": -1, "message": "no" }, "kind": "response", "version": 1 }'
LATER = '{ "data": { "result": -1, "message": "not now", "retry": 1 }, "kind": "response" }'
#: Instead of a reply: close in good order.
NOTHING = ""


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of `condition`."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        threading.Event().wait(0.01)
    raise AssertionError(f"never: {what}")


class ResultServer:
    """Takes results; answers with the texts in `answers` first, then accepts."""

    def __init__(self, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        self.results: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.answers: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def of(self, job_id: int) -> list[dict[str, Any]]:
        """Return the `data` of all results of one job so far."""
        return [each["data"] for each in self.results if each["data"]["jobid"] == str(job_id)]

    def close(self) -> None:
        """Answer no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        reader = FrameReader(plain=False)
        while (payload := reader.next()) is None:
            data = connection.recv(65536)
            if not data:
                return
            reader.feed(data)
        answer = self.answers.pop(0) if self.answers else ACCEPT
        if answer:
            connection.sendall(encode(answer.encode()))
        self.raw.append(payload)
        self.results.append(json.loads(payload))


class AgentRig:
    """One agent with its directory; may be killed and started again."""

    def __init__(self, directory: Path, **parameters: object) -> None:
        """Write the configuration; `start` starts the agent."""
        self.directory = directory
        self.ledger = directory / "ledger"
        self.server = ResultServer()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        (directory / "tmp").mkdir()
        (directory / "ext").mkdir()
        directory.chmod(0o755)
        self.config = directory / "agent.conf"
        settings: dict[str, object] = {
            "Server": "127.0.0.1",
            "Hostname": "agent1",
            "ListenIP": "127.0.0.1",
            "JaListenPort": self.port,
            "JaServerPort": self.server.port,
            "TmpDir": directory / "tmp",
            "JaDatabaseFile": directory / "agent.db",
            "JaPidFile": directory / "agent.pid",
            "JaExtjobPath": directory / "ext",
            "JaLogFile": directory / "agent.log",
            "AllowRoot": 1,
            "JaResultRetryMax": 1,
            "DebugLevel": 4,
            **parameters,
        }
        self.config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, failpoints: str = "", **env: str) -> AgentRig:
        """Start the agent in the foreground and wait until it listens or has died."""
        words = [sys.executable, "-m", "jobarranger.agent.main", "-f", "-c", str(self.config)]
        once = self.directory / "points"
        once.mkdir(exist_ok=True)
        more = {"JOBARG_FAILPOINTS": failpoints, "JOBARG_FAILPOINT_DIR": str(once), **env}
        self.process = subprocess.Popen(words, env=os.environ | more)
        wait_for(lambda: self._listens() or self.dead, "the agent listens")
        return self

    @property
    def dead(self) -> bool:
        """Return whether the agent has ended."""
        return self.process is None or self.process.poll() is not None

    def ask(self, job_id: int, script: str = "true", **more: Any) -> dict[str, Any]:
        """Send a jobrun and return its whole reply."""
        reply: dict[str, Any] = json.loads(self.send(jobrun(job_id, script, **more)))
        return reply

    def query(self, job_id: int, attempt: int) -> dict[str, Any]:
        """Ask how far a job is; return `data` of the reply."""
        text = json.dumps(
            {
                "kind": "jobquery",
                "version": 1,
                "serverid": "1",
                "hostname": "agent1",
                "data": {"jobid": str(job_id), "attempt": attempt},
            }
        )
        data: dict[str, Any] = json.loads(self.send(text))["data"]
        return data

    def send(self, text: str) -> bytes:
        """Send any text and return the reply's."""
        return exchange_sync("127.0.0.1", self.port, text.encode(), timeout=DEADLINE).payload

    def result(self, job_id: int) -> dict[str, Any]:
        """Wait for the first result of a job and return its `data`."""
        data: dict[str, Any] = wait_for(lambda: self.server.of(job_id), f"result of {job_id}")[0]
        return data

    def run(self, job_id: int, script: str, **more: Any) -> dict[str, Any]:
        """Run a job to its result."""
        assert self.ask(job_id, script, **more)["data"]["result"] == 0
        return self.result(job_id)

    def runs(self) -> int:
        """Return how often jobs have written into the ledger."""
        return len(self.ledger.read_text().splitlines()) if self.ledger.exists() else 0

    def kill(self) -> None:
        """End the agent as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End the agent in good order and return its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        """End what is left."""
        if not self.dead:
            self.kill()
        pid_file = self.directory / "agent.pid"
        if pid_file.exists() and not self._is_ours(int(pid_file.read_text() or 0)):
            with suppress(ProcessLookupError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)
        self.server.close()

    def _is_ours(self, pid: int) -> bool:
        """Return whether the pid file is that of the foreground agent, which has ended."""
        return pid == 0 or (self.process is not None and self.process.pid == pid)

    def left_overs(self) -> list[str]:
        """Return the job directories that are still there."""
        return os.listdir(self.directory / "tmp" / "jobs")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


def jobrun(job_id: int, script: str = "true", **more: Any) -> str:
    """Return the text of a jobrun; `more` replaces or adds members of `data`."""
    data = {
        "jobid": str(job_id),
        "type": "command",
        "method": 0,
        "script": script,
        "argument": {},
        "env": {},
        "run_user": "",
        "run_user_password": "",
    } | more
    return json.dumps(
        {"kind": "jobrun", "version": 1, "serverid": "1", "hostname": "agent1", "data": data}
    )
