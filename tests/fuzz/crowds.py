"""Many connections at once, of which each alone would be nothing. Pure."""

from __future__ import annotations

from random import Random

from ipc.frames import encode
from tests.fuzz.asking import anybody, ask, start, stranger
from tests.fuzz.inputs import Door, Input, Known, Manner


def dropped_starts(random: Random, known: Known, number: int) -> Input:
    """Make starts by invented users, each reset at once."""
    people = [{"username": f"ghost-{random.randrange(10**9)}", "password": "x"} for _ in range(20)]
    sends = tuple(ask("jobnetrun", {**one, "jobnetid": known.jobnet}) for one in people)
    return Input(
        kind="dropped starts",
        door=Door.TRAPPER,
        sends=sends,
        source=anybody(random),
        manner=Manner.RESET,
    )


def idle_crowd(random: Random, known: Known, number: int) -> Input:
    """Connect many times and say nothing."""
    return Input(
        kind="idle crowd",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(b"",) * random.randint(10, 30),
        source=anybody(random),
        manner=Manner.IDLE,
    )


def dripping_crowd(random: Random, known: Known, number: int) -> Input:
    """Connect several times and send one byte after the other."""
    return Input(
        kind="dripping crowd",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(start(random, known),) * random.randint(3, 10),
        source=anybody(random),
        manner=Manner.DRIP,
    )


def guessed_passwords(random: Random, known: Known, number: int) -> Input:
    """Try passwords: of invented users from anywhere, of the honest user from elsewhere."""
    real = random.random() < 0.5
    names = [known.honest if real else f"invented-{random.randrange(10**9)}" for _ in range(10)]
    sends = tuple(
        ask(
            random.choice(["jobnetrun", "jobnetstatusrq", "job.logput", "job.release"]),
            {
                "username": name,
                "password": f"guess-{random.randrange(10**9)}",
                "jobnetid": known.jobnet,
                "registrynumber": "1",
            },
        )
        for name in names
    )
    where = stranger(random) if real else anybody(random)
    kind = "guesses, real user" if real else "guesses, invented users"
    return Input(kind=kind, door=Door.TRAPPER, sends=sends, source=where)


def nonsense_crowd(random: Random, known: Known, number: int) -> Input:
    """Send the same nonsense many times at once: each of them would be a line of the log."""
    data = random.choice([b"GET / HTTP/1.0\r\n\r\n", encode(b"{}"), encode(b"["), b"\x00" * 100])
    return Input(
        kind="nonsense crowd",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(data,) * random.randint(10, 30),
        source=anybody(random),
    )
