"""What strangers can do at the open port of a real server, before anybody knows who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from ipc.blocking import exchange_sync
from ipc.errors import NoAnswer
from ipc.frames import encode
from jobarranger.db import tables as t
from jobarranger.directory.passwords import hash_password
from tests.integration.strangers import (
    Growth,
    Strangers,
    many_addresses,
    many_files,
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
def test_idle_strangers_hold_nobody_up(stack: Stack, sources: list[str], words: bytes) -> None:
    """While 3,000 connections wait or trickle, from anywhere, a start takes a second at most."""
    honest_starts(stack, 1)
    grown = growth(stack)
    with Strangers(stack.server_port, 3000, sources, words=words):
        first, longest = honest_starts(stack, 1), honest_starts(stack)
        print(f"first {first:.3f} s, longest {longest:.3f} s, {grown.memory:.1f} MiB")
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
    print(f"longest {longest:.3f} s, {grown.memory:.1f} MiB, {grown.log_bytes} bytes of log")
    assert longest <= PATIENCE
    assert grown.memory <= GROWTH
    assert max(len(line) for line in log.splitlines()) <= 600
    assert "Traceback" not in log


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
    print(f"longest {longest:.3f} s, {grown.memory:.1f} MiB, {grown.log_bytes} bytes of log")
    assert longest <= PATIENCE
    assert grown.memory <= GROWTH


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
    print(f"longest {longest:.3f} s, {grown.memory:.1f} MiB, {grown.log_bytes} bytes of log")
    assert longest <= PATIENCE
    assert grown.memory <= GROWTH


def test_a_large_start_is_read_after_the_log_in(stack: Stack) -> None:
    """A thousand variables of 3,000 characters are taken from somebody who may start the jobnet."""
    variables = {f"V{number}": "é" * 1500 for number in range(1000)}
    assert stack.client().start_jobnet("NET", env=variables)
