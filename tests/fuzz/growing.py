"""Requests that are large, or become large when they are worked on. Pure."""

from __future__ import annotations

import json
from random import Random

from ipc.frames import HEADER
from tests.fuzz.asking import anybody, ask, order, person, start_with, stranger
from tests.fuzz.inputs import Door, Input, Known, Manner
from tests.fuzz.shapes import deep

MEBIBYTE = 1 << 20


def _size(random: Random) -> int:
    """Return how many bytes a large request has: often some, now and then all that can be."""
    return random.choice([70_000, 300_000, MEBIBYTE, MEBIBYTE, 4 * MEBIBYTE, 15 * MEBIBYTE])


def expression(random: Random, known: Known, number: int) -> Input:
    """Give an expression that grows when it is compiled, or never ends when it is used."""
    depth = random.randint(5, 40)
    text = random.choice(
        [
            "(" * depth + "a" + "+)" * depth,
            "(" * depth + "a" + "{1,})" * depth,
            "(" * depth + "a" + "*)*" * depth,
            "(a|a|aa)*" * depth + "b",
            "(.*)*" * depth + "\\d",
            "(" * depth + "a{1,500}" + "){1,500}" * depth,
            "[" + "a-z" * 1000 + "]*" * depth,
            "(?=" * depth + ")" * depth,
            "a" * 70_000,
        ]
    )
    key = random.choice(["jobnetid", "jobid", "target_user"])
    data = ask("job.logput", {**person(random, known), key: text})
    return Input(kind="expression", door=Door.TRAPPER, sends=(data,), source=anybody(random))


def empty_lists(random: Random, known: Known, number: int) -> Input:
    """Give a variable of very many empty lists."""
    env = '{"a":[' + ",".join(["[]"] * (_size(random) // 3)) + "]}"
    data = start_with(person(random, known), known, env)
    return Input(kind="empty lists", door=Door.TRAPPER, sends=(data,), source=anybody(random))


def deep_variable(random: Random, known: Known, number: int) -> Input:
    """Give a variable that is nested just as deep as readers allow."""
    env = '{"a":' + deep(random.randint(400, 1000), random) + "}"
    data = start_with(person(random, known), known, env)
    return Input(kind="deep variable", door=Door.TRAPPER, sends=(data,), source=anybody(random))


def many_variables(random: Random, known: Known, number: int) -> Input:
    """Give more variables than anybody needs."""
    count = random.choice([1025, 20_000, 200_000])
    env = "{" + ",".join(f'"V{n}":"{n}"' for n in range(count)) + "}"
    data = start_with(person(random, known), known, env)
    return Input(kind="many variables", door=Door.TRAPPER, sends=(data,), source=anybody(random))


def long_user_name(random: Random, known: Known, number: int) -> Input:
    """Give a very long user name; quotation marks become twice as long in SQL."""
    name = random.choice(["'", "a", "\\", "\u3042", "\x00"])
    person = {"username": name * (_size(random) // (len(json.dumps(name)) - 2)), "password": "x"}
    kind = random.choice(["jobnetrun", "jobnetstatusrq", "job.logput", "job.release"])
    data = ask(kind, {**person, "jobnetid": known.jobnet, "registrynumber": "1"})
    return Input(kind="long user name", door=Door.TRAPPER, sends=(data,), source=anybody(random))


def dropped_large_request(random: Random, known: Known, number: int) -> Input:
    """Send a large request and reset the connection at once."""
    env = json.dumps({"a": "x" * _size(random)})
    data = start_with(person(random, known), known, env)
    return Input(
        kind="large request, dropped",
        door=Door.TRAPPER,
        sends=(data,),
        source=anybody(random),
        manner=Manner.RESET,
    )


def large_order(random: Random, known: Known, number: int) -> Input:
    """Send the agent a large order from a stranger's address."""
    env = {"A": "x" * _size(random)}
    return order(random, known, "large order", source=stranger(random), env=env)


def endless_frame(random: Random, known: Known, number: int) -> Input:
    """Announce a long frame, send a little of it, and wait."""
    length = random.choice([MEBIBYTE, 16 * MEBIBYTE])
    data = HEADER + length.to_bytes(8, "little") + b'{"kind":"jobresult","data":"' + b"x" * 50_000
    return Input(
        kind="endless frame",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(data,) * random.randint(1, 10),
        source=anybody(random),
        manner=Manner.IDLE,
    )
