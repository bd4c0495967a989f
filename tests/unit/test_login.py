"""Log-in: one answer, one duration, nothing kept of what strangers say, and nobody locked out."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from jobarranger.directory import Group, User, rights
from jobarranger.directory.passwords import hash_password, verify_password
from processes.trapping import authentication
from processes.trapping.authentication import Authenticator
from processes.trapping.callers import lane_of
from processes.trapping.memory import Memory
from processes.trapping.refusals import NOT_AUTHENTICATED, TOO_MANY, Refused
from processes.trapping.throttle import MOST_KEYS, Throttle

GROUPS = (Group(name="g"),)


class Hand:
    """A clock that the test moves; it also moves by itself for whoever waits for it."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        """Return the present."""
        return self.at


class People:
    """A directory that counts what it is asked."""

    def __init__(self, *users: User) -> None:
        self.users = {user.name: user for user in users}
        self.asked: list[str] = []
        self.checked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def user(self, conn: object, name: str) -> User | None:
        """Look up."""
        self.asked.append(name)
        return self.users.get(name)

    def verify(self, user: User, password: str) -> bool:
        """Compare, as slowly as the test wants."""
        self.checked.append(user.name)
        self.gate.wait(10)
        return user.password_hash == password

    def is_enabled(self, user: User) -> bool:
        """Apply the rule."""
        return rights.is_enabled(user)


class Door:
    """A authenticator with its people."""

    def __init__(self, people: Any) -> None:
        self.people = people
        self.clock = Hand()
        self.keeper = Authenticator(people, self._read, cast("Any", self.clock))

    async def _read(self, work: Callable[[Any], User | None]) -> User | None:
        return work(None)

    async def ask(self, name: str, password: str, peer: str = "192.0.2.1") -> str:
        """Return the name of the user, or the words of the refusal."""
        try:
            return (await self.keeper.identify(name, password, peer)).name
        except Refused as refused:
            return str(refused)


def known(name: str = "ann", password: str = "right", **values: Any) -> User:
    """Return a user who may work."""
    return User(name=name, password_hash=password, groups=GROUPS, **values)


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the waiting after failures."""
    monkeypatch.setattr("processes.trapping.throttle.FIRST_DELAY", 0.0)


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End all pools."""
    made: list[Authenticator] = []
    begin = Authenticator.__init__

    def remember(self: Authenticator, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(Authenticator, "__init__", remember)
    yield
    for one in made:
        one.close()


def play(scene: Callable[[Door], Awaitable[None]], people: Any) -> None:
    """Play a scene."""

    async def main() -> None:
        await scene(Door(people))

    asyncio.run(main())


BAD = {
    "unknown": ("nobody", "right"),
    "wrong password": ("ann", "wrong"),
    "disabled": ("off", "right"),
    "without a group": ("lone", "right"),
    "in a disabled group": ("shut", "right"),
}
EVERYBODY = (
    known(),
    known("off", enabled=False),
    User(name="lone", password_hash="right"),
    User(name="shut", password_hash="right", groups=(Group(name="x", enabled=False),)),
)


@pytest.mark.parametrize("reason", BAD)
def test_one_answer_and_one_check(no_delay: None, reason: str) -> None:
    """Whatever is wrong: the same words, one look-up and one slow check each time."""
    name, password = BAD[reason]

    async def scene(door: Door) -> None:
        for count in (1, 2, 3):
            assert await door.ask(name, password) == NOT_AUTHENTICATED
            assert door.people.checked == [name] * count
            assert door.people.asked == [name] * count

    play(scene, People(*EVERYBODY))


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"groups": ()}, {"password_hash": "other"}, None]
)
def test_what_was_right_is_checked_slowly_once_it_is_not(change: dict[str, Any] | None) -> None:
    """A user who is disabled, left without a group, changed or removed within the minute."""

    async def scene(door: Door) -> None:
        assert [await door.ask("ann", "right") for _ in range(3)] == ["ann"] * 3
        assert door.people.checked == ["ann"]
        if change is None:
            del door.people.users["ann"]
        else:
            door.people.users["ann"] = replace(known(), **change)
        door.clock.at += authentication.FRESH
        assert await door.ask("ann", "right") == NOT_AUTHENTICATED
        assert door.people.checked == ["ann"] * 2

    play(scene, People(known()))


def test_a_wrong_password_of_a_remembered_user_costs_as_much_as_any(no_delay: None) -> None:
    """The directory is not asked more often than for a name that nobody has."""

    async def scene(door: Door) -> None:
        await door.ask("ann", "right")
        door.clock.at += authentication.FRESH
        door.people.asked.clear()
        for name in ("ann", "nobody"):
            assert await door.ask(name, "wrong") == NOT_AUTHENTICATED
        assert Counter(door.people.asked) == {"ann": 1, "nobody": 1}

    play(scene, People(known()))


def test_a_remembered_user_never_waits() -> None:
    """Not even when every place is taken and every line is full."""

    async def scene(door: Door) -> None:
        assert await door.ask("ann", "right") == "ann"
        door.people.gate.clear()
        flood = [asyncio.create_task(door.ask(f"x{number}", "y")) for number in range(1_000)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await door.ask("ann", "right") == "ann"
        door.people.gate.set()
        answers = Counter(await asyncio.gather(*flood))
        places = authentication.POOL + authentication.LONGEST_LANE
        assert answers == {NOT_AUTHENTICATED: places, TOO_MANY: 1_000 - places}

    play(scene, People(known()))


def test_a_thousand_starts_reset_at_once() -> None:
    """They cost the checks that were at work, two, and not 111 s of the pool."""

    async def scene(door: Door) -> None:
        door.people.gate.clear()
        flood = [asyncio.create_task(door.ask(f"x{number}", "y")) for number in range(1_000)]
        async with asyncio.timeout(10):
            while len(door.people.checked) < authentication.POOL:  # noqa: ASYNC110 - threads' work
                await asyncio.sleep(0.01)
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        door.people.gate.set()
        assert await door.ask("ann", "right") == "ann"
        assert len(door.people.checked) == authentication.POOL + 1
        assert door.keeper._turns.waiting == 0
        assert not door.keeper._throttle._records

    play(scene, People(known()))


async def waiting(door: Door, count: int) -> None:
    """Wait until all places are taken and so many wait for one."""
    async with asyncio.timeout(10):
        turns, checked = door.keeper._turns, door.people.checked
        while len(checked) < authentication.POOL or turns.waiting < count:  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("peer", ["192.0.2.1", "192.0.2.2"])
def test_a_flood_does_not_keep_out_who_was_right_before(peer: str) -> None:
    """Once the minute is over he has a lane of his own, at the flood's address, too."""

    async def scene(door: Door) -> None:
        assert await door.ask("ann", "right", peer) == "ann"
        door.clock.at += authentication.REMEMBERED
        door.people.checked.clear()
        door.people.gate.clear()
        flood = [asyncio.create_task(door.ask(f"x{number}", "y")) for number in range(1_000)]
        await waiting(door, authentication.LONGEST_LANE)
        right = asyncio.create_task(door.ask("ann", "right", peer))
        await waiting(door, authentication.LONGEST_LANE + 1)
        door.people.gate.set()
        assert await right == "ann"
        assert door.people.checked.index("ann") <= authentication.POOL + 1
        await asyncio.gather(*flood)

    play(scene, People(known()))


def test_wrong_guesses_lock_nobody_else_out() -> None:
    """Neither another user of the address nor the same name from elsewhere waits for them."""

    async def scene(door: Door) -> None:
        guesses = [asyncio.create_task(door.ask("ann", f"guess {n}")) for n in range(10)]
        async with asyncio.timeout(10):
            while not door.people.checked:  # noqa: ASYNC110 - a thread's work
                await asyncio.sleep(0.01)
        async with asyncio.timeout(2):
            assert await door.ask("bob", "right") == "bob"
            assert await door.ask("ann", "right", "192.0.2.2") == "ann"
        for task in guesses:
            task.cancel()
        await asyncio.gather(*guesses, return_exceptions=True)

    play(scene, People(known(), known("bob")))


@pytest.mark.parametrize(
    "name", ["'" * 15_000_000, "a" * 101, "", "a\0b", "a\ud800"], ids=["15 MB", *"ABCD"]
)
def test_a_name_that_nobody_can_have_reaches_no_database(name: str) -> None:
    """It is refused as any other, and costs neither a look-up nor a check nor memory."""

    async def scene(door: Door) -> None:
        assert await door.ask(name, "x") == NOT_AUTHENTICATED
        assert not door.people.asked
        assert not door.people.checked
        assert not door.keeper._throttle._records

    play(scene, People())


def test_a_password_that_nobody_can_have_is_not_worked_on() -> None:
    """Its length is bounded before it is hashed."""

    async def scene(door: Door) -> None:
        assert await door.ask("ann", "x" * 1_025) == NOT_AUTHENTICATED
        assert not door.people.checked

    play(scene, People(known()))


def test_what_is_kept_of_strangers_has_a_bound_in_bytes(no_delay: None) -> None:
    """Failures are kept under digests: 10,000 of them take less than 8 MiB, whatever the names."""
    throttle = Throttle(lambda: 0.0)

    async def fail(number: int) -> None:
        async with throttle.attempt(number.to_bytes(32, "big")) as attempt:
            attempt.failed()

    async def main() -> None:
        for number in range(MOST_KEYS + 100):
            await fail(number)

    asyncio.run(main())
    assert len(throttle._records) == MOST_KEYS
    record = next(iter(throttle._records.values()))
    one = sys.getsizeof(record) + sys.getsizeof(record.lock) + sys.getsizeof(b"x" * 32) + 250
    assert one * MOST_KEYS < 8 << 20


def test_attempts_that_were_right_or_given_up_leave_nothing() -> None:
    """Only failures are remembered."""
    throttle = Throttle(lambda: 0.0)

    async def main() -> None:
        async with throttle.attempt(b"a" * 32) as attempt:
            attempt.succeeded()
        async with throttle.attempt(b"b" * 32):
            pass

    asyncio.run(main())
    assert not throttle._records


def test_memory_is_bounded_and_fades() -> None:
    """The longest unused makes room; what is old is gone."""
    clock = Hand()
    memory: Memory[int] = Memory(clock.monotonic, 10.0, 3)
    for number in range(5):
        memory.put(bytes([number]), number)
    assert [memory.get(bytes([number])) for number in range(5)] == [None, None, 2, 3, 4]
    assert len(memory) == 3
    clock.at += 10.0
    assert memory.get(b"\4") is None


@pytest.mark.parametrize(
    ("peer", "lane"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("nonsense", "?"),
    ],
)
def test_lane_of_a_peer(peer: str, lane: str) -> None:
    """An address, or the network that belongs to one IPv6 customer."""
    assert lane_of(peer) == lane


def test_log_lines_show_names_cut_and_escaped(caplog: pytest.LogCaptureFixture) -> None:
    """A name cannot begin a line of its own, nor fill the log."""
    from processes.trapping.refusals import report

    name = "x\n2026 [JASERVER000001] forged\x1b[31m"

    async def scene(door: Door) -> None:
        with pytest.raises(Refused) as caught:
            await door.keeper.identify(name, "right", "192.0.2.1")
        with caplog.at_level(logging.DEBUG):
            report(caught.value, "192.0.2.1")

    play(scene, People(known(name, enabled=False)))
    shown = [record.getMessage() for record in caplog.records]
    assert any("x\\n2026" in line for line in shown)
    assert not any("\n" in line or "\x1b" in line for line in shown)


class Real(People):
    """A directory with the real, slow check."""

    def verify(self, user: User, password: str) -> bool:
        """Compare with bcrypt."""
        return verify_password(password, user.password_hash)


@pytest.mark.alone
def test_answers_take_equally_long(no_delay: None) -> None:
    """In real time, with a wide margin: the quickest refusal against the slowest."""
    stored = hash_password("right")
    people = Real(*(replace(user, password_hash=stored) for user in EVERYBODY))
    people.users["torn"] = known("torn", "ja1$2b$11$short")
    quickest = {}

    async def scene(door: Door) -> None:
        for name, password in [*BAD.values(), ("torn", "right")]:
            times = []
            for _ in range(2):
                began = time.perf_counter()
                assert await door.ask(name, password) == NOT_AUTHENTICATED
                times.append(time.perf_counter() - began)
            quickest[name] = min(times)

    play(scene, people)
    assert max(quickest.values()) < 2 * min(quickest.values()), quickest
