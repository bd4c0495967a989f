"""Messages to the queues between processes. Pure."""

from __future__ import annotations

from random import Random

import msgspec

from tests.fuzz.inputs import Door, Input, Known, Manner
from tests.fuzz.recorded import FAR


def queue(random: Random, known: Known, number: int) -> Input:
    """Send what is no hint, or a hint at what is not there, to a queue."""
    kind, sends, manner = random.choice(
        [
            ("noise", tuple(random.randbytes(50) for _ in range(20)), Manner.WHOLE),
            ("empty", (b"",) * 50, Manner.WHOLE),
            ("huge noise", (random.randbytes(1024) * 8192,), Manner.WHOLE),
            ("flood", (_hint([1, 2, 3]),) * 2000, Manner.WHOLE),
            ("many ids", (_hint(list(range(FAR, FAR + 100_000))),), Manner.WHOLE),
            ("odd ids", (_hint([-1, 0, -(2**63)]), _hint([2**64 - 1])), Manner.WHOLE),
            ("odd types", (_hint("a", [1.5], {"ids": []}), _hint([None])), Manner.WHOLE),
            ("deep", (b"\x91" * 100_000,), Manner.WHOLE),
            ("past ZeroMQ", (random.randbytes(100), b"\xff" + b"\x00" * 70), Manner.RAW),
        ]
    )
    name = random.choice(known.queues)
    return Input(kind=f"queue, {kind}", door=Door.QUEUE, sends=sends, manner=manner, queue=name)


def _hint(*fields: object) -> bytes:
    """Return a message in the form of a hint."""
    return msgspec.msgpack.encode(fields)
