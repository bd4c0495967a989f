"""What a stranger does once: which door, from where, which bytes, in which manner.

An input is a value. It can be written to a file as one line and read back, so that what broke
something can be sent again.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self

#: The address of the site's own people: the agent, the server, the honest client.
HOME = "127.0.0.1"
#: Bytes of inputs, packed, that one file may hold.
FILE_LIMIT = 64 << 20


class Door(Enum):
    """Where an input goes."""

    TRAPPER = "trapper"  #: the server's port
    AGENT = "agent"  #: the agent's port
    QUEUE = "queue"  #: the Unix sockets in JaRuntimeDir


class Manner(Enum):
    """How the bytes are sent, and what follows."""

    WHOLE = "whole"  #: at once, then the answer is awaited
    SPLIT = "split"  #: in two pieces, the first shorter than a header
    HALF_CLOSE = "half close"  #: at once, then "no more from me", then the answer is awaited
    RESET = "reset"  #: at once, then the connection is reset
    DRIP = "drip"  #: byte by byte, as long as patience lasts
    IDLE = "idle"  #: at once, then silence, nothing is read
    RAW = "raw"  #: queues only: past ZeroMQ, straight to the Unix socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing a stranger does; each of `sends` has a connection of its own, all at once."""

    kind: str  #: what it is an example of, for figures and reports
    door: Door
    sends: tuple[bytes, ...]
    source: str = HOME  #: address that the connections come from
    manner: Manner = Manner.WHOLE
    queue: str = ""  #: name of the queue's file; queues only

    def to_line(self) -> str:
        """Return the input as one line of text."""
        fields = asdict(self) | {"door": self.door.value, "manner": self.manner.value}
        fields["sends"] = [_packed(data) for data in self.sends]
        return json.dumps(fields)

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Return the input that `to_line` wrote."""
        fields = json.loads(line)
        fields["door"], fields["manner"] = Door(fields["door"]), Manner(fields["manner"])
        fields["sends"] = tuple(_unpacked(text) for text in fields["sends"])
        return cls(**fields)

    def __str__(self) -> str:
        """Return one line for people."""
        total = sum(map(len, self.sends))
        where = self.queue or f"{self.door.value} from {self.source}"
        return f"{self.kind}: {len(self.sends)} x to {where}, {self.manner.value}, {total} bytes"


def write_inputs(path: Path, inputs: Iterable[Input]) -> int:
    """Write inputs to a file, as many as fit; return how many there are."""
    room, count = FILE_LIMIT, 0
    with path.open("w") as file:
        for one in inputs:
            line = one.to_line() + "\n"
            room -= len(line)
            if room < 0:
                break
            file.write(line)
            count += 1
    return count


def read_inputs(path: Path) -> Iterator[Input]:
    """Give back what `write_inputs` wrote."""
    with path.open() as file:
        for line in file:
            yield Input.from_line(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What strangers know of the site; enough to be unpleasant."""

    trapper_port: int
    agent_port: int
    runtime_dir: str
    queues: tuple[str, ...]
    host: str  #: the agent's name
    honest: str  #: name of the user who starts jobnets; his password is not known
    guest: str  #: a user whose password is known, with a jobnet of his own
    guest_password: str
    jobnet: str  #: the guest's
    trace_file: str  #: what a job that a stranger gets to run would make

    def to_json(self) -> str:
        """Return everything as text, for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, "queues": tuple(fields["queues"])})


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
