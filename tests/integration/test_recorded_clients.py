"""Our client library against the recorded replies of an original server.

For each exchange that an original client had, ours asks for the same: the bytes of its request
must be the recorded ones, and the recorded reply must be understood.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipc.frames import encode
from jobarranger.client import Client, RequestRefused

RECORDED = Path(__file__).parent.parent / "data" / "telegrams.jsonl"
KINDS = ("jobnetrun", "jobnetstatusrq", "job.release", "job.logput")


def exchanges() -> list[Any]:
    """Return the recorded exchanges of clients, with the parsed request."""
    found = []
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["to"] != "trapper" or not one["reply"]:
            continue
        request = json.loads(one["request"][0]["frame"])
        if request["kind"] in KINDS:
            found.append(pytest.param(one, request, id=f"{request['kind']}-{one['conn']}"))
    return found


def call(client: Client, request: dict[str, Any]) -> Callable[[], object]:
    """Return the call of our library that asks for the same as the recorded request."""
    data = request["data"]
    match request["kind"]:
        case "jobnetrun":
            return lambda: client.start_jobnet(
                data["jobnetid"],
                start_time=data.get("start_time"),
                deterrence=data.get("deterrence") == "1",
                env=data.get("env"),
            )
        case "jobnetstatusrq":
            return lambda: client.status(data["registrynumber"])
        case "job.release":
            return lambda: client.release(
                data["jobid"], start_time=data.get("start_time"), number=data.get("inner_jobnet_id")
            )
        case _:
            return lambda: client.job_log_lines(
                from_time=data.get("from_time"),
                to_time=data.get("to_time"),
                jobnet_id=data.get("jobnetid"),
                job_id=data.get("jobid"),
                target_user=data.get("target_user"),
                number=data.get("registry_number"),
            )


@pytest.mark.parametrize(("recorded", "request_"), exchanges())
def test_client_speaks_as_recorded(recorded: dict[str, Any], request_: dict[str, Any]) -> None:
    """The request is the recorded one, byte for byte; the reply is taken or refused as it says."""
    expected = encode(recorded["request"][0]["frame"].encode())
    reply = recorded["reply"][0]["frame"]
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(10)
                while len(received) < len(expected) and (part := connection.recv(65536)):
                    received.extend(part)
                connection.sendall(encode(reply.encode()))

        thread = threading.Thread(target=serve)
        thread.start()
        data = request_["data"]
        client = Client(
            server="127.0.0.1",
            port=server.getsockname()[1],
            user=data["username"],
            password=data["password"],
            timeout=10,
        )
        ask = call(client, request_)
        if json.loads(reply)["data"].get("result") in {None, 0}:
            assert ask() is not None
        else:
            with pytest.raises(RequestRefused):
                ask()
        thread.join(10)
    assert bytes(received) == expected
