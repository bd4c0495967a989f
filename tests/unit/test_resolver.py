"""Names are looked up side by side; one that hangs holds up nobody."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from ipc import resolver
from ipc.client import exchange
from ipc.errors import NotConnected
from ipc.resolver import Found, Resolver


@dataclass
class Names:
    """A resolver of the system in which some names hang until they are let go."""

    hanging: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)
    asked: Counter[str] = field(default_factory=Counter)

    def ask(self, name: str, port: int) -> Sequence[Found]:
        """Look up."""
        self.asked[name] += 1
        if name.startswith("dead") or self.hanging:
            self.let_go.wait(20)
        if name.startswith("no"):
            raise socket.gaierror("not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def names() -> Iterator[Names]:
    """Give a system whose threads end with the test."""
    made = Names()
    yield made
    made.let_go.set()


@pytest.mark.asyncio
async def test_names_that_hang_hold_up_nobody(names: Names) -> None:
    """With 200 names that hang, another one is found at once; nobody who waits has to go on."""
    here = Resolver(names.ask)
    waiting = [asyncio.ensure_future(here.addresses(f"dead{n}", 1)) for n in range(200)]
    await asyncio.sleep(0)
    began = time.monotonic()
    ((*_, target),) = await here.addresses("live", 7)
    print(f"beside 200 names that hang: {time.monotonic() - began:.3f} s")  # noqa: T201
    assert target == ("127.0.0.1", 7)
    assert time.monotonic() - began < 1
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_name_is_not_looked_up_twice_at_once(names: Names) -> None:
    """Whoever asks meanwhile shares the answer, also after the first gave up."""
    here = Resolver(names.ask)
    first = asyncio.ensure_future(here.addresses("dead", 1))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(here.addresses("dead", 1)) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    names.let_go.set()
    async with asyncio.timeout(5):
        assert len(await asyncio.gather(*others)) == 5
    assert names.asked["dead"] == 1


@pytest.mark.asyncio
async def test_names_known_to_hang_leave_half_of_the_threads(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were slow once, and are asked for again all together: a new name finds a thread."""
    monkeypatch.setattr(resolver, "SLOW", 0.01)
    here = Resolver(names.ask, most=8)
    slow = [f"dead{number}" for number in range(8)]
    first = [asyncio.ensure_future(here.addresses(name, 1)) for name in slow]
    await asyncio.wait(first, timeout=0.1)
    names.let_go.set()
    await asyncio.gather(*first)
    names.let_go.clear()
    again = [asyncio.ensure_future(here.addresses(name, 1)) for name in slow]
    for one in first:
        assert one.done()
    async with asyncio.timeout(5):
        assert await here.addresses("live", 1)
    names.let_go.set()
    await asyncio.gather(*again)


@pytest.mark.asyncio
async def test_a_name_that_was_known_stands_in(names: Names) -> None:
    """When the resolver stops answering, the addresses of a moment ago are used."""
    here = Resolver(names.ask)
    before = await here.addresses("live", 1)
    names.hanging = True
    async with asyncio.timeout(5):
        assert await here.addresses("live", 1) == before


@pytest.mark.asyncio
async def test_a_name_that_is_not_known(names: Names) -> None:
    """The error is the system's; a numeric address is no name."""
    here = Resolver(names.ask)
    with pytest.raises(socket.gaierror, match="not known"):
        await here.addresses("nobody", 1)
    with pytest.raises(OSError, match="empty"):
        await here.addresses("", 1)
    assert [target[0] for *_, target in await here.addresses("127.0.0.7", 1)] == ["127.0.0.7"]
    assert names.asked == {"nobody": 1}


def test_a_stop_does_not_wait_for_a_name(names: Names) -> None:
    """The look-up counts into the time of the exchange, and the loop ends without it."""
    began = time.monotonic()
    with pytest.raises(NotConnected) as caught:
        asyncio.run(ask_for_dead(names))
    assert caught.value.timed_out
    assert time.monotonic() - began < 5


async def ask_for_dead(names: Names) -> None:
    """Try an exchange with a name that hangs."""
    here = Resolver(names.ask)
    await exchange("dead", 1, b"x", connect_timeout=0.1, resolver=here)
