"""Client and server against each other on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from ipc.blocking import exchange_sync
from ipc.client import exchange
from ipc.crowds import KnownAddresses
from ipc.errors import NoAnswer, NotConnected
from ipc.exchange import reset_on_close
from ipc.frames import FrameLimits, encode
from ipc.pool import Pool
from ipc.server import Answer, Ending, Handler, Peer, ServerSettings, TelegramServer, plain_address


async def echo(payload: bytes, peer: Peer) -> Answer:
    """Answer with the request and the peer's address."""
    return payload + peer.address.encode()


def listen(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """Return a listening socket on a free local port."""
    listener = socket.socket(family)
    listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    listener.listen(64)
    return listener


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, settings: ServerSettings | None = None, listener: socket.socket | None = None
) -> AsyncIterator[tuple[TelegramServer, int]]:
    """Run a server and give it with its port."""
    own = listener or listen()
    server = TelegramServer(handler, settings)
    server.start([own])
    try:
        yield server, own.getsockname()[1]
    finally:
        await server.stop(5)
        own.close()


def test_one_exchange() -> None:
    """A request gets its reply and the handler knows who asked."""

    async def main() -> None:
        async with serving(echo) as (_, port):
            reply = await exchange("127.0.0.1", port, b"hello ", source="127.0.0.2")
            assert reply.payload == b"hello 127.0.0.2"
            assert reply.address == "127.0.0.1"

    asyncio.run(main())


def test_ipv6() -> None:
    """IPv6 addresses work like the others."""

    async def main() -> None:
        async with serving(echo, listener=listen(socket.AF_INET6)) as (_, port):
            assert (await exchange("::1", port, b"x")).payload == b"x::1"

    asyncio.run(main())


def test_sync_client() -> None:
    """Commands use the same exchange without a loop."""

    async def main() -> None:
        async with serving(echo) as (_, port):
            reply = await asyncio.to_thread(exchange_sync, "127.0.0.1", port, b"x")
            assert reply.payload == b"x127.0.0.1"

    asyncio.run(main())


def test_many_at_once_within_the_limit() -> None:
    """A hundred clients are all served although only three connections may be open."""
    most = 0

    async def main() -> None:
        async def slow(payload: bytes, peer: Peer) -> Answer:
            nonlocal most
            most = max(most, server.connections)
            await asyncio.sleep(0)
            return payload

        async with serving(slow, ServerSettings(connections=3)) as (server, port):
            asked = [exchange("127.0.0.1", port, b"%d" % n) for n in range(100)]
            replies = await asyncio.gather(*asked)
            assert [reply.payload for reply in replies] == [b"%d" % n for n in range(100)]
            assert server.served == 100 - server.connections

    asyncio.run(main())
    assert most <= 3


def test_nobody_listens() -> None:
    """A refused connection is known to have sent nothing."""
    listener = listen()
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(NotConnected):
        asyncio.run(exchange("127.0.0.1", port, b"x"))
    with pytest.raises(NotConnected):
        exchange_sync("127.0.0.1", port, b"x")


@pytest.mark.parametrize(("ending", "closed"), [(Ending.CLOSE, True), (Ending.RESET, False)])
def test_endings_without_a_reply(ending: Ending, closed: bool) -> None:
    """A clean close and a reset are distinguished; both are no answer."""

    async def end(payload: bytes, peer: Peer) -> Answer:
        return ending

    async def main() -> None:
        async with serving(end) as (_, port):
            with pytest.raises(NoAnswer) as caught:
                await exchange("127.0.0.1", port, b"x")
            assert caught.value.closed is closed
            with pytest.raises(NoAnswer) as caught:
                await asyncio.to_thread(exchange_sync, "127.0.0.1", port, b"x")
            assert caught.value.closed is closed

    asyncio.run(main())


def test_failing_handler_resets(caplog: pytest.LogCaptureFixture) -> None:
    """A bug in the handler must not look like a delivery to an agent."""

    async def broken(payload: bytes, peer: Peer) -> Answer:
        raise LookupError("bug")

    async def main() -> None:
        async with serving(broken) as (_, port):
            with pytest.raises(NoAnswer) as caught:
                await exchange("127.0.0.1", port, b"secret")
            assert not caught.value.closed

    asyncio.run(main())
    assert "bug" in caplog.text
    assert "secret" not in caplog.messages[0]


def test_silent_peer_is_unknown_in_time() -> None:
    """A peer that takes the request and says nothing gives NoAnswer after the limit."""
    listener = listen()
    port = listener.getsockname()[1]
    with pytest.raises(NoAnswer) as caught:
        asyncio.run(exchange("127.0.0.1", port, b"x", reply_timeout=0.05))
    assert not caught.value.closed
    with pytest.raises(NoAnswer):
        exchange_sync("127.0.0.1", port, b"x", timeout=0.05)
    listener.close()


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that refuses or does not answer leaves time for the next."""
    dead, deaf, live = listen(), listen(), listen()
    addresses = [one.getsockname() for one in (dead, deaf, live)]
    dead.close()
    crowd = [socket.socket() for _ in range(200)]  # fills the queue of the deaf one
    deaf.listen(0)
    for one in crowd:
        one.setblocking(False)
        one.connect_ex(addresses[1])

    def answers(host: str, port: int, *, flags: int = 0, **_: object) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror("a name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr("ipc.blocking.socket.getaddrinfo", answers)

    def serve() -> None:
        connection, _ = live.accept()
        with connection:
            connection.recv(100)
            connection.sendall(encode(b"here"))

    thread = threading.Thread(target=serve)
    thread.start()
    assert exchange_sync("name", 1, b"x", timeout=2).payload == b"here"
    thread.join(5)
    for one in (*crowd, deaf, live):
        one.close()


def test_a_resolver_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking a name up counts into the time of the exchange."""
    let_go = threading.Event()

    def hang(*_: object, flags: int = 0, **__: object) -> list[object]:
        if not flags & socket.AI_NUMERICHOST:
            let_go.wait(10)
        raise socket.gaierror("a name")

    monkeypatch.setattr("ipc.blocking.socket.getaddrinfo", hang)
    with pytest.raises(NotConnected, match="name could not be resolved in time") as caught:
        exchange_sync("name", 1, b"x", timeout=0.1)
    let_go.set()
    assert caught.value.timed_out


async def raw(port: int, data: bytes, *, eof: bool = False) -> bytes:
    """Send bytes and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if eof:
        writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()


def test_what_peers_may_send() -> None:
    """Unframed JSON, a half-closed request and bytes behind the frame are all served."""

    async def main() -> None:
        async with serving(echo) as (_, port):
            for data, eof in [(b'{"a":1}', False), (encode(b"x"), True), (encode(b"x") * 2, False)]:
                answer = await raw(port, data, eof=eof)
                assert answer.startswith(b"ZBXD\x01")
                assert answer.endswith(b"127.0.0.1")

    asyncio.run(main())


def test_time_limit_of_a_request() -> None:
    """An idle connection is closed; an incomplete request is reset."""

    async def main() -> None:
        async with serving(echo, ServerSettings(request_timeout=0.05)) as (_, port):
            assert await raw(port, b"") == b""
            with pytest.raises(ConnectionResetError):
                await raw(port, encode(b"xyz")[:-1])

    asyncio.run(main())


def test_too_long_a_request() -> None:
    """A length over the limit is refused before its bytes are read."""

    async def main() -> None:
        async with serving(echo, ServerSettings(limits=FrameLimits(frame=10))) as (_, port):
            with pytest.raises(ConnectionResetError):
                await raw(port, encode(b"x" * 11)[:13])

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)


def test_all_requests_together_have_a_limit() -> None:
    """Many peers, each within its own limit, cannot fill the memory; others are still served."""

    async def main() -> None:
        async with serving(echo, ServerSettings(memory=100_000)) as (server, port):
            held = encode(b"x" * 60_000)[:-1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(held)
            await until(lambda: server.held == len(held))
            with pytest.raises(NoAnswer):
                await exchange("127.0.0.1", port, b"y" * 60_000)
            assert (await exchange("127.0.0.1", port, b"z")).payload == b"z127.0.0.1"
            writer.write(b"x")
            assert len(await reader.read()) > 60_000
            writer.close()
            await writer.wait_closed()
            await until(lambda: server.held == 0)

    asyncio.run(main())


async def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    reset_on_close(writer.get_extra_info("socket"))
    writer.transport.abort()


@contextlib.asynccontextmanager
async def asked(port: int, request: bytes) -> AsyncIterator[asyncio.StreamWriter]:
    """Give a connection on which a request has been sent."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(encode(request))
    yield writer
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def test_a_handler_ends_with_its_connection() -> None:
    """A reset cancels it, and its place and its memory are free again."""

    async def main() -> None:
        ended = asyncio.Event()

        async def endless(payload: bytes, peer: Peer) -> Answer:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return payload

        async with serving(endless) as (server, port), asked(port, b"x" * 1000) as writer:
            await until(lambda: server.held == 1000)
            await reset(writer)
            async with asyncio.timeout(5):
                await ended.wait()
            await until(lambda: (server.held, server.connections) == (0, 0))

    asyncio.run(main())


def test_a_peer_that_has_closed_keeps_its_place() -> None:
    """A full close looks like a half-close: it is served, and nothing is won by it."""

    async def main() -> None:
        release = asyncio.Event()

        async def waiting(payload: bytes, peer: Peer) -> Answer:
            await release.wait()
            return payload

        async with serving(waiting) as (server, port):
            async with asked(port, b"x"):
                await until(lambda: server.held == 1)
            assert (server.held, server.connections) == (1, 1)
            release.set()
            await until(lambda: (server.held, server.connections) == (0, 0))

    asyncio.run(main())


def test_memory_is_held_until_the_work_is_over() -> None:
    """What a handler has handed to a thread counts on when its connection is gone."""

    async def main() -> None:
        begun, go_on = threading.Event(), threading.Event()
        pool = Pool(1, "slow")

        def work() -> None:
            begun.set()
            go_on.wait(10)

        async def handing_on(payload: bytes, peer: Peer) -> Answer:
            await pool.run(work)
            return payload

        async with serving(handing_on) as (server, port), asked(port, b"x" * 1000) as writer:
            await until(begun.is_set)
            async with asked(port, b"y" * 500) as second:
                await until(lambda: server.held == 1500)
                await reset(second)
                await reset(writer)
            await until(lambda: server.connections == 0)
            assert server.held == 1000  # the second one had not begun
            go_on.set()
            await until(lambda: server.held == 0)
        pool.close()

    asyncio.run(main())


def test_what_a_request_becomes_is_counted() -> None:
    """It is refused where its decoded form would be too much."""

    async def main() -> None:
        settings = ServerSettings(memory=10_000, becomes=lambda size: 20 * size)
        async with serving(echo, settings) as (_, port):
            assert (await exchange("127.0.0.1", port, b"x" * 300)).payload
            with pytest.raises(NoAnswer) as caught:
                await exchange("127.0.0.1", port, b"x" * 600)
            assert not caught.value.closed

    asyncio.run(main())


def test_large_requests_of_strangers_shut_out_no_others() -> None:
    """Strangers' large requests have a quarter of the memory; known addresses are free of it."""

    async def main() -> None:
        known = KnownAddresses()
        own = listen()
        server = TelegramServer(echo, ServerSettings(memory=1 << 20), known)
        server.start([own])
        port = own.getsockname()[1]
        large = b"x" * (150 << 10)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(encode(large)[:-1])
        await until(lambda: server.held > len(large))
        with pytest.raises(NoAnswer):
            await exchange("127.0.0.1", port, large)
        assert (await exchange("127.0.0.1", port, b"small")).payload
        known.add("127.0.0.2")
        assert (await exchange("127.0.0.1", port, large, source="127.0.0.2")).payload
        writer.close()
        await server.stop(1)
        own.close()

    asyncio.run(main())


def test_bytes_behind_a_request_end_the_patience() -> None:
    """Whoever goes on sending while the answer is made is reset, and the handler ends."""

    async def main() -> None:
        async def endless(payload: bytes, peer: Peer) -> Answer:
            await asyncio.Event().wait()
            return payload

        async with serving(endless) as (server, port), asked(port, b"x") as writer:
            await until(lambda: server.held == 1)
            writer.write(b"y" * 200_000)
            await until(lambda: server.connections == 0)

    asyncio.run(main())


def test_who_is_not_welcome_sees_a_clean_close() -> None:
    """Before its request is read, and even if it has sent one."""

    async def main() -> None:
        settings = ServerSettings(welcome=lambda address: address == "127.0.0.2")
        async with serving(echo, settings) as (server, port):
            assert (await exchange("127.0.0.1", port, b"x", source="127.0.0.2")).payload
            with pytest.raises(NoAnswer) as caught:
                await exchange("127.0.0.1", port, b"x" * 10_000)
            assert caught.value.closed
            assert await raw(port, b"") == b""
            assert server.served == 1

    asyncio.run(main())


def test_the_silent_and_the_slow_hold_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """More of them than places: they make room with a reset, and that is one line of log."""

    async def main() -> None:
        async with serving(echo, ServerSettings(connections=4)) as (server, port):
            readers = []
            for number in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                readers.append((reader, writer))
                if number % 2:
                    writer.write(b"ZB")
            await until(lambda: server.turned_out == 6)
            assert (await exchange("127.0.0.1", port, b"x")).payload
            assert server.turned_out == 7
            with pytest.raises(ConnectionResetError):
                await readers[1][0].read()
            for _, writer in readers:
                writer.close()

    asyncio.run(main())
    assert [line for line in caplog.messages if "7 silent or slow ones" in line] == caplog.messages


def test_stop_lets_the_exchange_in_hand_end() -> None:
    """Stopping waits for handlers and resets connections that ask for nothing."""

    async def main() -> None:
        entered, release = asyncio.Event(), asyncio.Event()

        async def waiting(payload: bytes, peer: Peer) -> Answer:
            entered.set()
            await release.wait()
            return payload

        async with serving(waiting) as (server, port):
            idle = asyncio.ensure_future(raw(port, b""))
            asked = asyncio.ensure_future(exchange("127.0.0.1", port, b"x"))
            await entered.wait()
            stopped = asyncio.ensure_future(server.stop(5))
            with pytest.raises(ConnectionResetError):
                await idle
            release.set()
            assert (await asked).payload == b"x"
            await stopped

    asyncio.run(main())


def test_mapped_addresses_are_plain() -> None:
    """The peer check compares IPv4 with IPv4."""
    assert plain_address("::ffff:10.0.0.1") == "10.0.0.1"
    assert plain_address("fe80::1%eth0") == "fe80::1"
    assert plain_address("10.0.0.1") == "10.0.0.1"
