"""Sends one input, in its manner, and shows how the other side took it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from enum import Enum
from pathlib import Path

import zmq

from tests.fuzz.inputs import HOME, Door, Input, Known, Manner

#: Seconds that one connection is given at most, and that an idle or dripping one is held.
PATIENCE, HOLD = 8.0, 4.0
#: Seconds between two bytes of a drip, and between the pieces of a split request.
DRIP_PAUSE, SPLIT_PAUSE = 0.05, 0.05
#: The longest answer that is read to its end, in bytes.
ANSWER_LIMIT = 32 << 20
_RESET = struct.pack("ii", 1, 0)


class Outcome(Enum):
    """What became of one connection."""

    ANSWERED = "answered"
    CLOSED = "closed"  #: in good order, without a word
    RESET = "reset"
    REFUSED = "not let in"
    LEFT = "left"  #: by us: reset, held long enough, or nobody answers there
    SILENT = "silent"  #: no answer as long as patience lasted


async def speak(one: Input, known: Known, patience: float = PATIENCE) -> Counter[Outcome]:
    """Send an input; every connection of it is over when this returns."""
    if one.door is Door.QUEUE:
        return await asyncio.to_thread(_to_queue, one, Path(known.runtime_dir) / one.queue)
    port = known.trapper_port if one.door is Door.TRAPPER else known.agent_port
    talks = (_talk(one, data, port, patience) for data in one.sends)
    return Counter(await asyncio.gather(*talks))


async def _talk(one: Input, data: bytes, port: int, patience: float) -> Outcome:
    """Have one connection."""
    loop = asyncio.get_running_loop()
    with contextlib.closing(socket.socket()) as sock:
        sock.setblocking(False)
        try:
            sock.bind((one.source, 0))
            async with asyncio.timeout(patience):
                await loop.sock_connect(sock, (HOME, port))
        except OSError:
            return Outcome.REFUSED
        try:
            async with asyncio.timeout(patience):
                return await _said(sock, data, one.manner)
        except TimeoutError:
            return Outcome.SILENT
        except OSError:
            return Outcome.RESET


async def _said(sock: socket.socket, data: bytes, manner: Manner) -> Outcome:
    """Send the bytes in their manner and look at the answer."""
    loop = asyncio.get_running_loop()
    if manner is Manner.DRIP:
        return await _dripped(sock, data)
    if manner is Manner.SPLIT:
        await loop.sock_sendall(sock, data[:7])
        await asyncio.sleep(SPLIT_PAUSE)
        data = data[7:]
    await loop.sock_sendall(sock, data)
    if manner is Manner.RESET:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return Outcome.LEFT
    if manner is Manner.IDLE:
        await asyncio.sleep(HOLD)
        return Outcome.LEFT
    if manner is Manner.HALF_CLOSE:
        sock.shutdown(socket.SHUT_WR)
    return await _answer(sock)


async def _dripped(sock: socket.socket, data: bytes) -> Outcome:
    """Send byte by byte, as long as a connection is held."""
    loop = asyncio.get_running_loop()
    for place in range(min(len(data), round(HOLD / DRIP_PAUSE))):
        await loop.sock_sendall(sock, data[place : place + 1])
        await asyncio.sleep(DRIP_PAUSE)
    return Outcome.LEFT


async def _answer(sock: socket.socket) -> Outcome:
    loop = asyncio.get_running_loop()
    got = 0
    while chunk := await loop.sock_recv(sock, 65536):
        got += len(chunk)
        if got > ANSWER_LIMIT:
            return Outcome.LEFT
    return Outcome.ANSWERED if got else Outcome.CLOSED


def _to_queue(one: Input, path: Path) -> Counter[Outcome]:
    """Send messages to a queue, or bytes past ZeroMQ; there is never an answer."""
    if one.manner is Manner.RAW:
        return Counter(_raw(data, path) for data in one.sends)
    with zmq.Context() as context, context.socket(zmq.PUSH) as sender:
        sender.linger = 500
        sender.sndtimeo = 200
        sender.connect(f"ipc://{path}")
        return Counter(_pushed(sender, data) for data in one.sends)


def _pushed(sender: zmq.Socket[bytes], data: bytes) -> Outcome:
    try:
        sender.send(data)
    except zmq.Again:
        return Outcome.SILENT
    return Outcome.LEFT


def _raw(data: bytes, path: Path) -> Outcome:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1.0)
        try:
            sock.connect(str(path))
            sock.sendall(data)
        except OSError:
            return Outcome.REFUSED
    return Outcome.LEFT
