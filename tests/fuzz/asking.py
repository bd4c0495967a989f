"""Requests as strangers make them: from where, as whom, in which form. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random

from ipc.frames import encode
from tests.fuzz.inputs import HOME, Door, Input, Known
from tests.fuzz.recorded import FAR

#: How often an address is the site's own.
_AT_HOME = 0.3


def stranger(random: Random) -> str:
    """Return an address that is nobody's."""
    return f"127.0.{random.randrange(4)}.{random.randrange(2, 18)}"


def anybody(random: Random) -> str:
    """Return an address that is nobody's, or now and then the site's own."""
    return HOME if random.random() < _AT_HOME else stranger(random)


def person(random: Random, known: Known) -> dict[str, object]:
    """Return a log-in: the guest's right one, or an invented one."""
    if random.random() < 0.4:
        return {"username": known.guest, "password": known.guest_password}
    return {"username": f"nobody-{random.randrange(10**9)}", "password": "x"}


def ask(kind: str, data: Mapping[str, object]) -> bytes:
    """Return a request to the trapper, in its frame."""
    return encode(json.dumps({"kind": kind, "version": 1, "data": data}).encode())


def start(random: Random, known: Known, **data: object) -> bytes:
    """Return a start of the guest's jobnet."""
    return ask("jobnetrun", {**person(random, known), "jobnetid": known.jobnet, **data})


def start_with(person: Mapping[str, object], known: Known, env: str) -> bytes:
    """Return a start whose `env` is text as given."""
    head = json.dumps({**person, "jobnetid": known.jobnet})[:-1]
    text = f'{{"kind":"jobnetrun","version":1,"data":{head},"env":{env}}}}}'
    return encode(text.encode("utf-8", "surrogatepass"))


def order(
    random: Random, known: Known, kind: str, *, source: str, times: int = 1, **data: object
) -> Input:
    """Return an order to the agent; unless set otherwise it would leave a trace."""
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
