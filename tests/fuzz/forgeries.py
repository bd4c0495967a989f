"""Requests in somebody else's name, and for what is somebody else's. Pure."""

from __future__ import annotations

import json
from random import Random

from ipc.frames import encode
from tests.fuzz.asking import anybody, ask, order, stranger
from tests.fuzz.inputs import HOME, Door, Input, Known

#: Words in forged results; they must never be seen in a run.
FORGED = "FORGED-RESULT"
#: Ids of icons that are used up before the first input, and while one process sends one, about.
IDS_BEFORE, IDS_PER_INPUT = 260, 4
#: The number of a site's first run.
FIRST_RUN = 1_600_000_000_000_000_000


def _near_id(random: Random, number: int) -> int:
    """Return the id of an icon that may be at work about now, or was."""
    newest = IDS_BEFORE + number * IDS_PER_INPUT
    return newest - random.randrange(random.choice([200, newest]))


def forged_result(random: Random, known: Known, number: int) -> Input:
    """Report the end of somebody's job: from elsewhere, or from the agent's host, no attempt."""
    home = random.random() < 0.4
    data: dict[str, object] = {
        "jobid": str(_near_id(random, number)),
        "hostname": random.choice([known.host, known.host, "elsewhere"]),
        "method": 0,
        "result": random.choice([0, 0, 1]),
        "std_out": FORGED,
        "std_err": FORGED,
        "return_code": 99,
        "signal": 0,
    }
    if not home:
        data["attempt"] = random.choice([None, 1, 1, 2, 0, -1])
    whole = {"kind": "jobresult", "version": 1, "hostname": known.host, "data": data}
    return Input(
        kind="forged result",
        door=Door.TRAPPER,
        sends=(encode(json.dumps({**whole, "serverid": "1"}).encode()),),
        source=HOME if home else stranger(random),
    )


def strangers_order(random: Random, known: Known, number: int) -> Input:
    """Order a job from an address that is not the server's."""
    return order(random, known, "stranger's order", source=stranger(random))


def strangers_kill(random: Random, known: Known, number: int) -> Input:
    """Order the end of somebody's job from an address that is not the server's."""
    victim = str(_near_id(random, number))
    return order(random, known, "stranger's kill", source=stranger(random), jobid=victim, method=3)


def strangers_questions(random: Random, known: Known, number: int) -> Input:
    """Ask the agent many times how far a job is."""
    data = {"jobid": str(_near_id(random, number)), "attempt": random.choice([1, None, 2])}
    whole = {"kind": "jobquery", "version": 1, "serverid": "1", "hostname": known.host}
    sends = (encode(json.dumps({**whole, "data": data}).encode()),) * 20
    return Input(kind="jobquery flood", door=Door.AGENT, sends=sends, source=anybody(random))


def curious_guest(random: Random, known: Known, number: int) -> Input:
    """Ask as a known user for what is not his."""
    me = {"username": known.guest, "password": known.guest_password}
    run = str(FIRST_RUN + random.randrange(60 + number))
    kind, request = random.choice(
        [
            ("jobnetstatusrq", {"registrynumber": run}),
            ("job.release", {"jobid": "CRASH/JOB-1", "inner_jobnet_id": run}),
            ("job.logput", {"registry_number": run}),
            ("jobnetrun", {"jobnetid": "CRASH"}),
        ]
    )
    data = ask(kind, {**me, **request})
    return Input(kind="curious guest", door=Door.TRAPPER, sends=(data,), source=anybody(random))
