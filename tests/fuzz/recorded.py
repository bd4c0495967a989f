"""The recorded telegrams, made to fit the site and to do no harm in it.

Jobs that strangers get into the agent must not do anything: the scripts are gone, and the ids are
far beyond those that the site gives out, so that no kill hits a job of ours. Users and jobnets are
those of the site, so that mutations come further than the log-in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.inputs import Door, Known

RECORDED = Path(__file__).parents[1] / "data" / "telegrams.jsonl"
#: Added to the ids of recorded jobs.
FAR = 9_000_000_000_000_000


@cache
def telegrams(door: Door, known: Known) -> tuple[bytes, ...]:
    """Return the distinct requests to a port, as payloads without frames."""
    found: dict[bytes, None] = {}
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        if exchange["to"] == door.value:
            message = json.loads(exchange["request"][0]["frame"])
            found[json.dumps(_adapted(message, known)).encode()] = None
    return tuple(found)


def _adapted(message: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """Return a recorded message with this site's names and without its sting."""
    data: dict[str, Any] = dict(message["data"])
    changes = {
        "username": known.guest,
        "password": known.guest_password,
        "jobnetid": known.jobnet,
        "hostname": known.host,
        "script": ":",
    }
    data |= {key: value for key, value in changes.items() if key in data}
    if "jobid" in data and str(data["jobid"]).isdigit():
        data["jobid"] = str(FAR + int(str(data["jobid"])))
    whole = {**message, "data": data}
    if "hostname" in message:
        whole["hostname"] = known.host
    return whole
