"""Who may connect: one host never takes the places of another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from processes.executing.places import LATE, SHARED, ConnectionPlace, ConnectionPlaces


@dataclass
class Hosts:
    """Hosts as a test wants them: sixteen connections each, unless it says otherwise."""

    width: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def connections(self, name: str, now: int) -> int:
        """Return how many connections a host may have."""
        return self.width.get(name, 1 if name in self.silent else 16)

    def is_silent(self, name: str) -> bool:
        """Return whether a host does not answer."""
        return name in self.silent


def places(hosts: Hosts, most: int = 8_192) -> ConnectionPlaces:
    """Return places at an instant that does not matter."""
    return ConnectionPlaces(hosts, lambda: 0, most)


async def now(places: ConnectionPlaces, name: str) -> ConnectionPlace | None:
    """Enter without waiting."""
    async with asyncio.timeout(0.5):
        return await places.enter(name)


async def taken(places: ConnectionPlaces, name: str) -> ConnectionPlace:
    """Enter without waiting, and be let in."""
    place = await now(places, name)
    assert place is not None
    return place


async def fill(places: ConnectionPlaces, busy: int) -> list[ConnectionPlace]:
    """Take sixteen places for each of many hosts."""
    return [await taken(places, f"busy{number}") for number in range(busy) for _ in range(16)]


@pytest.mark.asyncio
async def test_the_first_connection_waits_for_nobody() -> None:
    """Seventeen hosts hold all shared places; every other host connects at once."""
    here = places(Hosts())
    held = await fill(here, 17)
    assert sum(place.shared for place in held) == 255
    await taken(here, "busy0-more")
    waiting = asyncio.create_task(here.enter("last"))
    assert (await waiting) is not None
    assert await now(here, "last")  # the last shared place
    for number in range(900):
        await taken(here, f"first{number}")


@pytest.mark.asyncio
async def test_shared_places_go_round() -> None:
    """One host has a hundred waiting, another one: it comes second, not last."""
    here = places(Hosts(width={"greedy": 1000, "modest": 1000}))
    held = [await taken(here, "greedy") for _ in range(SHARED + 1)]
    await taken(here, "modest")
    order: list[str] = []
    three = asyncio.Event()

    async def enter(name: str) -> None:
        await here.enter(name)
        order.append(name)
        if len(order) == 3:
            three.set()

    tasks = [asyncio.create_task(enter("greedy")) for _ in range(100)]
    tasks.append(asyncio.create_task(enter("modest")))
    await asyncio.sleep(0)
    for place in held[1:4]:
        here.leave(place)
    async with asyncio.timeout(5):
        await three.wait()
    assert sorted(order) == ["greedy", "greedy", "modest"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.asyncio
async def test_what_waits_for_an_answer_holds_up_nobody() -> None:
    """A slow connection gives its shared place back, up to a bound, and ends without one."""
    here = places(Hosts(width={"wide": 10_000}))
    late = [await taken(here, "wide") for _ in range(SHARED + 1)]
    full = asyncio.create_task(here.enter("wide"))
    await asyncio.sleep(0)
    assert not full.done()
    here.let_wait(late[1])
    assert await full
    held = list(late[2:])
    for place in held:
        here.let_wait(place)
    while len(held) < LATE + 100:
        place = await taken(here, "wide")
        here.let_wait(place)
        held.append(place)
        if not place.late:
            break
    assert sum(place.late for place in [late[1], *held]) == LATE
    for place in held:
        here.leave(place)
    for _ in range(SHARED - 2):
        assert (await taken(here, "wide")).shared


@pytest.mark.asyncio
async def test_a_silent_host_gets_one_connection() -> None:
    """The others are turned away at once, as are those who wait when it falls silent."""
    hosts = Hosts(width={"web01": 1})
    here = places(hosts)
    place = await taken(here, "web01")
    waiting = [asyncio.create_task(here.enter("web01")) for _ in range(5)]
    await asyncio.sleep(0)
    hosts.silent.add("web01")
    here.turn_away("web01")
    assert await asyncio.gather(*waiting) == [None] * 5
    assert await now(here, "web01") is None
    here.leave(place)
    probe = await taken(here, "web01")
    assert probe.probe
    assert await now(here, "web01") is None
    hosts.width["web01"] = 0
    here.leave(probe)
    assert await now(here, "web01") is None  # its time has not come


@pytest.mark.asyncio
async def test_silent_hosts_take_half_of_what_the_system_allows() -> None:
    """The other half stays for hosts that answer, or may."""
    hosts = Hosts(silent={f"dead{number}" for number in range(10)})
    here = places(hosts, most=10)
    probes = [await now(here, f"dead{number}") for number in range(10)]
    assert [probe is not None for probe in probes] == [True] * 5 + [False] * 5
    assert here.probes_left == 0
    for number in range(5):
        await taken(here, f"live{number}")
    last = asyncio.create_task(here.enter("live5"))
    await asyncio.sleep(0)
    assert not last.done()
    assert probes[0] is not None
    here.leave(probes[0])
    assert await last


@pytest.mark.asyncio
async def test_one_who_waits_no_more_costs_no_place() -> None:
    """Cancelled before or just after it was let in: the next one gets the place."""
    here = places(Hosts(width={"web01": 1}))
    place = await taken(here, "web01")
    first, second, third = (asyncio.create_task(here.enter("web01")) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    here.leave(place)  # lets the second in, which does not know yet
    second.cancel()
    async with asyncio.timeout(5):
        assert await third
    assert await asyncio.gather(first, second, return_exceptions=True)
