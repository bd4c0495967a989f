"""What strangers can do at the ports of a real server and agent, before anybody knows them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import update

from ipc.blocking import exchange_sync
from ipc.errors import NoAnswer
from ipc.frames import encode
from jobarranger.db import tables as t
from jobarranger.directory.passwords import hash_password
from tests.integration.agent_rig import AgentRig, jobrun
from tests.integration.strangers import (
    Growth,
    Strangers,
    many_addresses,
    many_files,
    report,
    rude,
    timed,
)
from tests.stack import PASSWORD, Stack

JOBNET = """
jobnet: NET
icons:
  START: {type: start}
  END: {type: end}
flows:
  - START -> END
"""
#: Seconds that an honest start may take, whatever strangers do.
PATIENCE = 1.0
#: Mebibytes by which the trapper may grow.
GROWTH = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a running server whose strangers may be silent for a minute."""
    stack = Stack(tmp_path_factory.mktemp("site"), server={"Timeout": 60})
    try:
        stack.define(JOBNET)
        _make_log_in_quick(stack)
        stack.launch("jobarg_server")
        stack.wait_for("jobarg_server")
        with many_files():
            yield stack
        stack.stop()
    finally:
        stack.close()


def _make_log_in_quick(stack: Stack) -> None:
    """Let the honest user's password be checked quickly: what strangers cost is measured here."""
    quick = update(t.ext_user).values(password_hash=hash_password(PASSWORD, rounds=4))
    stack.db.transaction(lambda unit: unit.execute(quick))


def growth(stack: Stack) -> Growth:
    """Begin to watch the trapper."""
    return Growth(stack.children()["trapper #1"], stack.directory / "jobarg_server.log")


def honest_starts(stack: Stack, count: int = 10) -> float:
    """Start the jobnet again and again; return the longest time one took."""
    client = stack.client()
    return max(timed(lambda: client.start_jobnet("NET"))[0] for _ in range(count))


def telegram(kind: str, **data: object) -> bytes:
    """Return a request."""
    return json.dumps({"kind": kind, "version": 1, "data": data}).encode()


def ask(stack: Stack, payload: bytes) -> bytes:
    """Send a request as a stranger; return the reply, or nothing if it is not answered."""
    try:
        return exchange_sync(
            "127.0.0.1", stack.server_port, payload, source="127.0.0.9", timeout=30
        ).payload
    except NoAnswer:
        return b""


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (["127.0.0.1"], b""),
        (["127.0.0.1"], b"{"),
        (["127.0.0.9"], b"ZBXD\x01"),
        (many_addresses(3000), b""),
        (many_addresses(3000), b"{"),
    ],
    ids=["our-silent", "our-slow", "one-slow", "many-silent", "many-slow"],
)
@pytest.mark.alone
def test_idle_strangers_hold_nobody_up(stack: Stack, sources: list[str], words: bytes) -> None:
    """While 3,000 connections wait or trickle, from anywhere, a start takes a second at most."""
    honest_starts(stack, 1)
    grown = growth(stack)
    with Strangers(stack.server_port, 3000, sources, words=words):
        first, longest = honest_starts(stack, 1), honest_starts(stack)
        report(grown, first=first, longest=longest)
        assert longest <= PATIENCE
        assert grown.memory <= GROWTH


@pytest.mark.parametrize(
    "payload",
    [
        b'{"kind":"jobnetrun","version":1,"data":{"env":{"a":[' + b"[]," * 5_592_000 + b"[]]}}}",
        b'{"kind":"jobnetrun","version":1,"data":{"username":"x","password":"y","jobnetid":"z",'
        b'"env":{"a":[' + b"[]," * 1_390_000 + b"[]]}}}",
        b'{"kind":"jobresult","version":1,"data":{"hostname":[' + b"[]," * 690_000 + b"[]]}}",
        telegram("jobnetrun", username="x", password="y", jobnetid="z", env={"a": 0}).replace(
            b"0", b"[" * 490 + b"]" * 490
        ),
        telegram("jobresult", jobid="[" * 5000, hostname="h" * 60_000, result="r" * 1000),
        telegram("x" * 60_000, username="\x00\n" * 1000),
    ],
    ids=["16-MiB-lists", "4-MiB-lists", "result-of-lists", "490-deep", "long-names", "long-kind"],
)
@pytest.mark.alone
def test_a_request_becomes_no_more_than_it_may(stack: Stack, payload: bytes) -> None:
    """Some of the worst take little memory, hold nobody up, and are one short line each."""
    honest_starts(stack, 1)
    ask(stack, payload)
    grown = growth(stack)
    with ThreadPoolExecutor(1) as stranger:
        asked = stranger.submit(lambda: [ask(stack, payload) for _ in range(4)])
        longest = 0.0
        while not asked.done():
            longest = max(longest, honest_starts(stack, 1))
        asked.result()
    log = (stack.directory / "jobarg_server.log").read_text()
    report(grown, longest=longest)
    assert longest <= PATIENCE
    assert grown.memory <= GROWTH
    assert max(len(line) for line in log.splitlines()) <= 600
    assert "Traceback" not in log


@pytest.mark.alone
def test_handlers_end_with_their_connections(stack: Stack) -> None:
    """A thousand starts that are reset at once leave no work, no memory and no waiting behind."""
    honest_starts(stack, 1)
    grown = growth(stack)
    padding = "x" * 20_000
    for number in range(1000):
        rude(
            stack.server_port,
            telegram("jobnetrun", username=f"nobody-{number}", password="p", jobnetid=padding),
        )
    longest = honest_starts(stack)
    report(grown, longest=longest)
    assert longest <= PATIENCE
    assert grown.memory <= GROWTH


@pytest.mark.alone
def test_large_requests_that_are_dropped_give_their_memory_back(stack: Stack) -> None:
    """Sixty-four starts of 4 MiB, reset at once, leave the trapper as it was."""
    honest_starts(stack, 1)
    payload = telegram(
        "jobnetrun", username="n", password="p", jobnetid="z", env={"A": "x" * (4 << 20)}
    )[: (4 << 20)]
    grown = growth(stack)
    for _ in range(64):
        rude(stack.server_port, encode(payload))
    longest = honest_starts(stack)
    report(grown, longest=longest)
    assert longest <= PATIENCE
    assert grown.memory <= GROWTH


def test_a_large_start_is_read_after_the_log_in(stack: Stack) -> None:
    """A thousand variables of 3,000 characters are taken from somebody who may start the jobnet."""
    variables = {f"V{number}": "é" * 1500 for number in range(1000)}
    assert stack.client().start_jobnet("NET", env=variables)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentRig]:
    """Give a running agent that only takes orders from 127.0.0.1."""
    rig = AgentRig(tmp_path, Timeout=60, DebugLevel=3)
    try:
        with many_files():
            yield rig.start()
    finally:
        rig.close()


def longest_job(agent: AgentRig) -> float:
    """Let the server send some jobs; return the longest time until one was accepted."""
    return max(timed(partial(agent.ask, 100 + number))[0] for number in range(10))


def watch(agent: AgentRig) -> Growth:
    """Begin to watch the agent."""
    assert agent.process is not None
    return Growth(psutil.Process(agent.process.pid), agent.directory / "agent.log")


@pytest.mark.parametrize(
    ("source", "words"),
    [("127.0.0.9", b""), ("127.0.0.9", b"{"), ("127.0.0.1", b""), ("127.0.0.1", b"{")],
    ids=["stranger-silent", "stranger-slow", "server-silent", "server-slow"],
)
@pytest.mark.alone
def test_idle_connections_hold_no_job_up(agent: AgentRig, source: str, words: bytes) -> None:
    """With 2,500 of them, from a stranger or from the server's address, a job is taken at once."""
    agent.ask(1)
    grown = watch(agent)
    with Strangers(agent.port, 2500, [source], words=words):
        first, longest = timed(lambda: agent.ask(2))[0], longest_job(agent)
        report(grown, first=first, longest=longest)
        assert longest <= PATIENCE
        assert grown.memory <= GROWTH


def test_a_stranger_is_closed_before_it_speaks(agent: AgentRig) -> None:
    """In good order, whether it has sent something or not, and with one short line of log."""
    grown = watch(agent)
    for words in (b"", encode(jobrun(5).encode())):
        with socket.create_connection(("127.0.0.1", agent.port), 10, ("127.0.0.9", 0)) as one:
            one.sendall(words)
            one.settimeout(10)
            assert one.recv(100) == b""
    lines = (agent.directory / "agent.log").read_text().splitlines()
    refused = [line for line in lines if "connection from 127.0.0.9 refused" in line]
    assert len(refused) == 2
    assert grown.log_bytes < 2000


@pytest.mark.parametrize(
    "member",
    [{"env": {"a": 424242}}, {"type": "extjob", "script": "x", "argument": 424242}],
    ids=["env", "argument"],
)
@pytest.mark.parametrize(
    "value", ["[" * 490 + "]" * 490, "[" + "[]," * 5_000_000 + "[]]"], ids=["deep", "many"]
)
def test_a_large_shape_is_refused_by_the_agent(
    agent: AgentRig, member: dict[str, Any], value: str
) -> None:
    """Deep or numerous structures are one refusal, little memory and one line of log."""
    agent.ask(1)
    grown = watch(agent)
    text = jobrun(3, **member).replace("424242", value)
    took, reply = timed(lambda: json.loads(agent.send(text)))
    report(grown, took=took)
    assert reply["data"]["result"] == 2
    assert "too large" in reply["data"]["message"]
    assert grown.memory <= GROWTH
    assert grown.log_bytes < 1000


def test_the_agent_warns_of_local_users(agent: AgentRig) -> None:
    """As root, with a loopback address in `Server`: once at start."""
    agent.ask(1)
    text = (agent.directory / "agent.log").read_text()
    assert text.count("every local user can send jobs") == (os.geteuid() == 0)
