"""Which input comes next: the same seed, process and number always give the same one. Pure."""

from __future__ import annotations

from random import Random

from ipc.frames import encode
from tests.fuzz import shapes, wire, worst
from tests.fuzz.asking import anybody
from tests.fuzz.inputs import Door, Input, Known, Manner
from tests.fuzz.recorded import telegrams

#: How often each manner is taken for a mutation.
MANNERS = {
    Manner.WHOLE: 12,
    Manner.SPLIT: 3,
    Manner.HALF_CLOSE: 3,
    Manner.RESET: 3,
    Manner.IDLE: 1,
    Manner.DRIP: 1,
}


def chosen(seed: int, process: int, number: int, known: Known) -> Input:
    """Return the input `number` of a process."""
    random = Random(f"{seed}/{process}/{number}")
    if random.random() < 0.55:
        return mutation(random, known)
    return worst.case(random, known, number)


def mutation(random: Random, known: Known) -> Input:
    """Return a recorded telegram with one or two faults."""
    door = random.choice([Door.TRAPPER, Door.TRAPPER, Door.AGENT])
    payload = random.choice(telegrams(door, known))
    level = random.choice(["shape", "shape", "shape", "bytes", "frame"])
    if level == "shape":
        name, payload = shapes.spoilt(shapes.parsed(payload), random)
        data = encode(payload)
    elif level == "bytes":
        name, payload = wire.damaged(payload, random)
        data = encode(payload)
    else:
        name, data = wire.framed(payload, random)
    manner = random.choices(list(MANNERS), list(MANNERS.values()))[0]
    return Input(
        kind=f"mutation, {name}", door=door, sends=(data,), source=anybody(random), manner=manner
    )
