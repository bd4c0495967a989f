"""The grammar of worst cases: small requests that become large, and large ones; crowds; forgeries.

Each case is a function of a random source, of what strangers know, and of how far the run is. They
are examples of kinds, with sizes and words at random. What plain protocol 1 cannot keep out is
not in here: orders to the agent from the server's address, results with the right attempt from
the agent's, and wrong passwords for the honest user from the honest user's address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random

import msgspec

from ipc.frames import HEADER, encode
from tests.fuzz.inputs import HOME, Door, Input, Known, Manner
from tests.fuzz.recorded import FAR
from tests.fuzz.shapes import deep

MEBIBYTE = 1 << 20
#: Words in forged results; they must never be seen in a run.
FORGED = "FORGED-RESULT"
#: Ids of icons that are used up before the first input, and while one process sends one, about.
IDS_BEFORE, IDS_PER_INPUT = 260, 4
#: The number of a site's first run.
FIRST_RUN = 1_600_000_000_000_000_000

Case = Callable[[Random, Known, int], Input]
_CASES: list[tuple[int, Case]] = []


def case(random: Random, known: Known, number: int) -> Input:
    """Return one of the cases; `number` of them came before, from this process."""
    weights = [weight for weight, _ in _CASES]
    make = random.choices([make for _, make in _CASES], weights)[0]
    return make(random, known, number)


def kinds() -> set[str]:
    """Return the names of the functions that make cases."""
    return {make.__name__ for _, make in _CASES}


def _case(weight: int) -> Callable[[Case], Case]:
    """Register a case that is taken so often."""

    def register(make: Case) -> Case:
        _CASES.append((weight, make))
        return make

    return register


# -- who asks ------------------------------------------------------------------------------------


def stranger(random: Random) -> str:
    """Return an address that is nobody's."""
    return f"127.0.{random.randrange(4)}.{random.randrange(2, 18)}"


def anybody(random: Random) -> str:
    """Return an address that is nobody's, or now and then the site's own."""
    return HOME if random.random() < 0.3 else stranger(random)


def _person(random: Random, known: Known) -> dict[str, object]:
    """Return a log-in: the guest's right one, or an invented one."""
    if random.random() < 0.4:
        return {"username": known.guest, "password": known.guest_password}
    return {"username": f"nobody-{random.randrange(10**9)}", "password": "x"}


def _ask(kind: str, data: Mapping[str, object]) -> bytes:
    return encode(json.dumps({"kind": kind, "version": 1, "data": data}).encode())


def _start(random: Random, known: Known, **data: object) -> bytes:
    return _ask("jobnetrun", {**_person(random, known), "jobnetid": known.jobnet, **data})


def _raw_start(person: Mapping[str, object], known: Known, env: str) -> bytes:
    """Return a start whose `env` is text as given."""
    head = json.dumps({**person, "jobnetid": known.jobnet})[:-1]
    text = f'{{"kind":"jobnetrun","version":1,"data":{head},"env":{env}}}}}'
    return encode(text.encode("utf-8", "surrogatepass"))


def _size(random: Random) -> int:
    """Return how many bytes a large request has: often some, now and then all that can be."""
    return random.choice([70_000, 300_000, MEBIBYTE, MEBIBYTE, 4 * MEBIBYTE, 15 * MEBIBYTE])


# -- requests that become large ------------------------------------------------------------------


@_case(4)
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
    data = _ask("job.logput", {**_person(random, known), key: text})
    return Input(kind="expression", door=Door.TRAPPER, sends=(data,), source=anybody(random))


@_case(1)
def empty_lists(random: Random, known: Known, number: int) -> Input:
    """Give a variable of very many empty lists."""
    env = '{"a":[' + ",".join(["[]"] * (_size(random) // 3)) + "]}"
    data = _raw_start(_person(random, known), known, env)
    return Input(kind="empty lists", door=Door.TRAPPER, sends=(data,), source=anybody(random))


@_case(4)
def deep_variable(random: Random, known: Known, number: int) -> Input:
    """Give a variable that is nested just as deep as readers allow."""
    env = '{"a":' + deep(random.randint(400, 1000), random) + "}"
    data = _raw_start(_person(random, known), known, env)
    return Input(kind="deep variable", door=Door.TRAPPER, sends=(data,), source=anybody(random))


@_case(1)
def many_variables(random: Random, known: Known, number: int) -> Input:
    """Give more variables than anybody needs."""
    count = random.choice([1025, 20_000, 200_000])
    env = "{" + ",".join(f'"V{n}":"{n}"' for n in range(count)) + "}"
    data = _raw_start(_person(random, known), known, env)
    return Input(kind="many variables", door=Door.TRAPPER, sends=(data,), source=anybody(random))


# -- large requests ------------------------------------------------------------------------------


@_case(1)
def long_user_name(random: Random, known: Known, number: int) -> Input:
    """Give a very long user name; quotation marks become twice as long in SQL."""
    name = random.choice(["'", "a", "\\", "\u3042", "\x00"])
    person = {"username": name * (_size(random) // len(json.dumps(name))), "password": "x"}
    kind = random.choice(["jobnetrun", "jobnetstatusrq", "job.logput", "job.release"])
    data = _ask(kind, {**person, "jobnetid": known.jobnet, "registrynumber": "1"})
    return Input(kind="long user name", door=Door.TRAPPER, sends=(data,), source=anybody(random))


@_case(1)
def dropped_large_request(random: Random, known: Known, number: int) -> Input:
    """Send a large request and reset the connection at once."""
    env = json.dumps({"a": "x" * _size(random)})
    data = _raw_start(_person(random, known), known, env)
    return Input(
        kind="large request, dropped",
        door=Door.TRAPPER,
        sends=(data,),
        source=anybody(random),
        manner=Manner.RESET,
    )


@_case(1)
def large_order(random: Random, known: Known, number: int) -> Input:
    """Send the agent a large order from a stranger's address."""
    env = {"A": "x" * _size(random)}
    return _order(random, known, "large order", source=stranger(random), env=env)


@_case(2)
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


# -- crowds --------------------------------------------------------------------------------------


@_case(3)
def dropped_starts(random: Random, known: Known, number: int) -> Input:
    """Make starts by invented users, each reset at once."""
    people = [{"username": f"ghost-{random.randrange(10**9)}", "password": "x"} for _ in range(20)]
    sends = tuple(_ask("jobnetrun", {**one, "jobnetid": known.jobnet}) for one in people)
    return Input(
        kind="dropped starts",
        door=Door.TRAPPER,
        sends=sends,
        source=anybody(random),
        manner=Manner.RESET,
    )


@_case(2)
def idle_crowd(random: Random, known: Known, number: int) -> Input:
    """Connect many times and say nothing."""
    return Input(
        kind="idle crowd",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(b"",) * random.randint(10, 30),
        source=anybody(random),
        manner=Manner.IDLE,
    )


@_case(2)
def dripping_crowd(random: Random, known: Known, number: int) -> Input:
    """Connect several times and send one byte after the other."""
    return Input(
        kind="dripping crowd",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(_start(random, known),) * random.randint(3, 10),
        source=anybody(random),
        manner=Manner.DRIP,
    )


@_case(3)
def guessed_passwords(random: Random, known: Known, number: int) -> Input:
    """Try passwords: of invented users from anywhere, of the honest user from elsewhere."""
    real = random.random() < 0.5
    names = [known.honest if real else f"invented-{random.randrange(10**9)}" for _ in range(10)]
    sends = tuple(
        _ask(
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


@_case(2)
def nonsense_crowd(random: Random, known: Known, number: int) -> Input:
    """Send the same nonsense many times at once: each of them would be a line of the log."""
    data = random.choice([b"GET / HTTP/1.0\r\n\r\n", encode(b"{}"), encode(b"["), b"\x00" * 100])
    return Input(
        kind="nonsense crowd",
        door=random.choice([Door.TRAPPER, Door.AGENT]),
        sends=(data,) * random.randint(10, 30),
        source=anybody(random),
    )


# -- forgeries -----------------------------------------------------------------------------------


def _near_id(random: Random, number: int) -> int:
    """Return the id of an icon that may be at work about now, or was."""
    newest = IDS_BEFORE + number * IDS_PER_INPUT
    return newest - random.randrange(random.choice([200, newest]))


@_case(5)
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


def _order(
    random: Random, known: Known, kind: str, *, source: str, times: int = 1, **data: object
) -> Input:
    """Return an order to the agent; unless told otherwise it would leave a trace."""
    base = {
        "jobid": str(FAR + random.randrange(10**9)),
        "type": "command",
        "method": 0,
        "script": f"touch {known.trace_file}",
        "argument": {},
        "env": {},
        "run_user": "",
        "run_user_password": "",
    }
    whole = {"kind": "jobrun", "version": 1, "serverid": "1", "hostname": known.host}
    sends = (encode(json.dumps({**whole, "data": {**base, **data}}).encode()),) * times
    return Input(kind=kind, door=Door.AGENT, sends=sends, source=source)


@_case(3)
def strangers_order(random: Random, known: Known, number: int) -> Input:
    """Order a job from an address that is not the server's."""
    return _order(random, known, "stranger's order", source=stranger(random))


@_case(3)
def strangers_kill(random: Random, known: Known, number: int) -> Input:
    """Order the end of somebody's job from an address that is not the server's."""
    victim = str(_near_id(random, number))
    return _order(
        random, known, "stranger's kill", source=stranger(random), jobid=victim, method=3
    )


@_case(2)
def strangers_questions(random: Random, known: Known, number: int) -> Input:
    """Ask the agent many times how far a job is."""
    data = {"jobid": str(_near_id(random, number)), "attempt": random.choice([1, None, 2])}
    whole = {"kind": "jobquery", "version": 1, "serverid": "1", "hostname": known.host}
    sends = (encode(json.dumps({**whole, "data": data}).encode()),) * 20
    return Input(kind="jobquery flood", door=Door.AGENT, sends=sends, source=anybody(random))


@_case(2)
def curious_guest(random: Random, known: Known, number: int) -> Input:
    """Ask as a known user for what is not his."""
    me = {"username": known.guest, "password": known.guest_password}
    run = str(FIRST_RUN + random.randrange(60 + number))
    kind, wish = random.choice(
        [
            ("jobnetstatusrq", {"registrynumber": run}),
            ("job.release", {"jobid": "CRASH/JOB-1", "inner_jobnet_id": run}),
            ("job.logput", {"registry_number": run}),
            ("jobnetrun", {"jobnetid": "CRASH"}),
        ]
    )
    data = _ask(kind, {**me, **wish})
    return Input(kind="curious guest", door=Door.TRAPPER, sends=(data,), source=anybody(random))


# -- queues --------------------------------------------------------------------------------------


@_case(6)
def queue(random: Random, known: Known, number: int) -> Input:
    """Send what is no hint, or a hint at what is not there, to a queue."""
    pack = msgspec.msgpack.Encoder().encode
    kind, sends, manner = random.choice(
        [
            ("queue, noise", tuple(random.randbytes(50) for _ in range(20)), Manner.WHOLE),
            ("queue, empty", (b"",) * 50, Manner.WHOLE),
            ("queue, huge noise", (random.randbytes(1024) * 8192,), Manner.WHOLE),
            ("queue, flood", (pack([[1, 2, 3]]),) * 2000, Manner.WHOLE),
            ("queue, many ids", (pack([list(range(FAR, FAR + 100_000))]),), Manner.WHOLE),
            ("queue, odd ids", (pack([[-1, 0, 2**63 - 1, -(2**63)]]), pack([[2**64 - 1]])), Manner.WHOLE),
            ("queue, odd types", (pack(["a", [1.5], {"ids": []}]), pack([[None]])), Manner.WHOLE),
            ("queue, deep", (b"\x91" * 100_000,), Manner.WHOLE),
            ("queue, past ZeroMQ", (random.randbytes(100), b"\xff" + b"\x00" * 70), Manner.RAW),
        ]
    )  # fmt: skip
    name = random.choice(known.queues)
    return Input(kind=kind, door=Door.QUEUE, sends=sends, manner=manner, queue=name)
