"""An agent that does what the test sets: original or ours, on a real socket.

What it was asked and what it would have run is kept for the test. `behaviour` says what happens to
the next jobruns, one word each, the last one for all that follow:

    take      take the job and answer 0
    refuse    answer 2
    alive     answer 3
    lose      take the job, then reset the connection instead of answering
    reset     reset the connection without taking the job
    close     close the connection without a word
    hang      never answer
    retry     answer that it takes no jobs for now (ours only)

`freeze` stops it altogether, as SIGSTOP does with a real one, until `thaw`.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress

from ipc.frames import encode

VERSION = "jobarranger-py test"


class FakeAgent:
    """Listens on a free port of 127.0.0.1."""

    def __init__(
        self, *behaviour: str, ours: bool = False, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Listen, on a free port unless one is given."""
        self.behaviour = list(behaviour or ("take",))
        self.ours = ours
        self.telegrams: list[dict[str, object]] = []
        self.started: Counter[int] = Counter()  #: how often each job was really begun
        self.journal: dict[tuple[int, int], str] = {}
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._address = address
        self._awake = threading.Event()
        self._awake.set()
        self._listener = socket.create_server((address, port), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._open = True
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Go away; the port is refused from now on."""
        self._open = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in self._held:
            connection.close()

    def reopen(self) -> None:
        """Come back on the same port."""
        self._listener = socket.create_server((self._address, self.port))
        self._open = True
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Take connections and read nothing until `thaw`."""
        self._awake.clear()

    def thaw(self) -> None:
        """Go on, with what came in the meantime first."""
        self._awake.set()

    def runs(self) -> list[dict[str, object]]:
        """Return the data of all jobruns that came."""
        with self._lock:
            return [t["data"] for t in self.telegrams if t["kind"] == "jobrun"]  # type: ignore[misc]

    def queries(self) -> int:
        """Return how often it was asked after a job."""
        with self._lock:
            return sum(t["kind"] == "jobquery" for t in self.telegrams)

    def _accept(self) -> None:
        while self._open:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self._awake.wait()
        try:
            telegram = json.loads(_read(connection))
            with self._lock:
                self.telegrams.append(telegram)
                answer = self._answer(telegram)
            self._give(connection, telegram, answer)
        except (OSError, ValueError):
            connection.close()
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, telegram: dict) -> str | dict[str, object]:
        """Return data to answer with, or what to do with the connection instead."""
        data = telegram["data"]
        job_id = int(data["jobid"])
        if telegram["kind"] == "jobquery":
            if not self.ours:
                return {"result": 2, "message": "kind jobquery is not known"}
            return {"result": 0, "state": self.journal.get((job_id, data["attempt"]), "unknown")}
        word = self.behaviour.pop(0) if len(self.behaviour) > 1 else self.behaviour[0]
        if word in {"take", "lose"}:
            self._take(job_id, data)
        answers: dict[str, dict[str, object]] = {
            "take": {"result": 0},
            "refuse": {"result": 2, "message": "not today"},
            "alive": {"result": 3, "message": "job is alive"},
            "retry": {"result": 2, "retry": 1, "message": "the disk is full"},
        }
        return answers.get(word, word)

    def _take(self, job_id: int, data: dict) -> None:
        if data["method"] == 3:
            return
        if self.ours:
            key = job_id, data["attempt"]
            if key in self.journal:
                return
            self.journal[key] = "running"
        self.started[job_id] += 1

    def _give(self, connection: socket.socket, telegram: dict, answer: str | dict) -> None:
        if isinstance(answer, dict):
            if self.ours:
                answer = {**answer, "agent": VERSION}
            known = telegram["kind"] == "jobquery" and self.ours
            reply = {
                "kind": "jobquery-res" if known else "jobrun-res",
                "version": 1,
                "serverid": telegram["serverid"],
                "hostname": telegram["hostname"],
                "data": answer,
            }
            connection.sendall(encode(json.dumps(reply).encode()))
            connection.close()
        elif answer in {"lose", "reset"}:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        elif answer == "close":
            connection.close()
        else:
            self._held.append(connection)


class AgentProcess:
    """One of our agents that takes everything, in a process of its own."""

    def __init__(self, *, address: str = "127.0.0.1", port: int = 0) -> None:
        """Start it and learn its port."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.fake_agent", address, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def finish(self) -> dict[int, int]:
        """End it; return how often each job was begun."""
        out, _ = self._process.communicate("")
        return {int(job): count for job, count in json.loads(out or "{}").items()}


def main() -> None:
    """Be an agent until the standard input ends, then say what was begun."""
    agent = FakeAgent("take", ours=True, address=sys.argv[1], port=int(sys.argv[2]))
    print(agent.port, flush=True)  # noqa: T201
    sys.stdin.read()
    print(json.dumps(agent.started))  # noqa: T201


def _read(connection: socket.socket) -> bytes:
    """Read one frame: five bytes, the length in eight, the payload."""
    connection.settimeout(10)
    head = _exactly(connection, 13)
    return _exactly(connection, struct.unpack("<Q", head[5:])[0])


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ValueError("closed")
        data += part
    return data


if __name__ == "__main__":
    main()
