"""Who comes in, and who has to make room."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from ipc.admission import Admission, Places, Ruling
from ipc.crowds import AddressTurns, Crowd, KnownAddresses

ROOM = Places(total=8, per_address=6, reserve=2, door=20)


def known(*addresses: str) -> KnownAddresses:
    """Return addresses that have shown who they are."""
    made = KnownAddresses()
    for address in addresses:
        made.add(address)
    return made


def arrive(admission: Admission, address: str) -> int:
    """Let a connection to the door that must be let in without harm to others."""
    number, ruling = admission.arrives(address)
    assert ruling == Ruling(enters=True)
    return number


def speak(admission: Admission, address: str) -> int:
    """Let a connection arrive and take a place."""
    number = arrive(admission, address)
    assert admission.speaks(number).enters
    return number


def work(admission: Admission, addresses: Iterable[str]) -> list[int]:
    """Let connections take places for good."""
    numbers = [speak(admission, address) for address in addresses]
    for number in numbers:
        admission.works(number)
    return numbers


def test_the_silent_take_no_place() -> None:
    """However many stand at the door, whoever speaks has a place."""
    admission = Admission(ROOM, KnownAddresses())
    for _ in range(19):
        arrive(admission, "silent")
    assert (admission.placed, admission.at_door) == (0, 19)
    speak(admission, "honest")
    assert admission.placed == 1


def test_at_a_full_door_the_oldest_of_the_most_goes() -> None:
    """Not the newcomer, and not somebody who came once."""
    admission = Admission(ROOM, KnownAddresses())
    once = arrive(admission, "once")
    many = [arrive(admission, "many") for _ in range(19)]
    number, ruling = admission.arrives("honest")
    assert ruling == Ruling(enters=True, refused=many[0])
    assert admission.arrives("many")[1].refused == many[1]
    assert admission.speaks(once).enters
    assert admission.speaks(number).enters


def test_the_slow_make_room() -> None:
    """Whoever trickles loses the place, the oldest of the address with most of them first."""
    admission = Admission(ROOM, KnownAddresses())
    slow = [speak(admission, address) for address in ["a", "b", "b", "c", "b", "d"]]
    for number in slow:
        admission.is_slow(number)
    ruling = admission.speaks(arrive(admission, "honest"))
    assert ruling == Ruling(enters=True, refused=slow[1])


def test_whoever_is_at_work_keeps_the_place() -> None:
    """Others wait at the door, and take turns when one is done: fewest places first."""
    admission = Admission(ROOM, KnownAddresses())
    busy = work(admission, ["a"] * 6)
    waiting = [arrive(admission, address) for address in ("a", "a", "b", "a")]
    for number in waiting:
        assert admission.speaks(number) == Ruling(enters=False)
    assert admission.leaves(busy[0]) == waiting[2]
    assert admission.leaves(busy[1]) == waiting[0]


def test_known_addresses_have_a_reserve() -> None:
    """Strangers at work do not get all places, and known ones that wait come first."""
    admission = Admission(ROOM, known("agent", "client"))
    busy = work(admission, [f"s{number}" for number in range(6)])
    stranger = arrive(admission, "s7")
    assert not admission.speaks(stranger).enters
    work(admission, ["agent", "client"])
    late = arrive(admission, "agent")
    assert not admission.speaks(late).enters
    assert admission.leaves(busy[0]) == late
    assert admission.leaves(busy[1]) == stranger


def test_the_known_do_not_make_room_for_strangers() -> None:
    """As long as they are modest; one that holds more than the reserve is like any other."""
    admission = Admission(ROOM, known("agent"))
    agents = [speak(admission, "agent") for _ in range(2)]
    strangers = [speak(admission, "s") for _ in range(6)]
    for number in agents + strangers:
        admission.is_slow(number)
    assert admission.speaks(arrive(admission, "t")).refused == strangers[0]
    greedy = Admission(ROOM, known("agent"))
    agents = [speak(greedy, "agent") for _ in range(6)]
    for number in agents:
        greedy.is_slow(number)
    work(greedy, ["s", "s"])
    assert greedy.speaks(arrive(greedy, "t")).refused == agents[0]


def test_the_limit_of_an_address_holds_when_places_are_short() -> None:
    """A thousand agents behind one address have all places while nobody else needs them."""
    places = Places(total=8, per_address=4, reserve=2, door=20)
    admission = Admission(places, known("nat"))
    busy = work(admission, ["nat"] * 6)
    late = arrive(admission, "nat")
    assert admission.speaks(late) == Ruling(enters=False)
    work(admission, ["other", "other"])
    assert [admission.leaves(number) for number in busy[:3]] == [None, None, late]


def test_a_door_full_of_those_who_wait() -> None:
    """A stranger's newest goes for others; when all are known nobody more is let in."""
    places = Places(total=1, per_address=1, reserve=0, door=3)
    admission = Admission(places, known("k"))
    work(admission, ["k"])
    waiting = [arrive(admission, address) for address in ("s", "s", "k")]
    for number in waiting:
        admission.speaks(number)
    assert not admission.arrives("s")[1].enters
    number, ruling = admission.arrives("k")
    assert ruling == Ruling(enters=True, refused=waiting[1])
    admission.speaks(number)
    assert not admission.is_full
    admission.speaks(admission.arrives("k")[0])
    assert admission.is_full
    assert not admission.arrives("t")[1].enters


def test_known_addresses_are_few() -> None:
    """The oldest is forgotten, not the one that came again."""
    addresses = KnownAddresses(most=2)
    for address in ("a", "b", "a", "c"):
        addresses.add(address)
    assert [address in addresses for address in "abc"] == [True, False, True]


def test_turns_go_round_the_addresses() -> None:
    """A long line holds no other up."""
    turns = AddressTurns()
    for number, address in enumerate("aaab"):
        turns.add(number, address)
    assert [turns.take() for _ in range(4)] == [0, 3, 1, 2]
    assert not turns


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.sampled_from("abcd"))))
def test_the_largest_crowd(steps: list[tuple[bool, int, str]]) -> None:
    """It is that of a plain count, whatever came and went."""
    crowd = Crowd()
    here: dict[int, str] = {}
    for comes, number, address in steps:
        if comes and number not in here:
            here[number] = address
            crowd.add(number, address)
        elif not comes:
            crowd.discard(number, here.pop(number, address))
    counts = [list(here.values()).count(address) for address in "abcd"]
    largest = crowd.largest(lambda _: True)
    assert len(crowd) == len(here)
    assert (crowd.of(largest) if largest else 0) == max(counts)


class Visitors:
    """Takes steps with an admission and keeps count beside it."""

    places = Places(total=5, per_address=3, reserve=2, door=6)

    def __init__(self) -> None:
        """Begin with nobody but one known address."""
        self.known = known("a")
        self.admission = Admission(self.places, self.known)
        self.silent: list[int] = []
        self.placed: list[int] = []
        self.waiting: list[int] = []

    def arrive(self, pick: int, address: str) -> None:
        """Let one come to the door, if anybody may."""
        if not self.admission.is_full:
            number, ruling = self.admission.arrives(address)
            self._gone(ruling.refused)
            self.silent.extend([number] if ruling.enters else [])

    def speak(self, pick: int, address: str) -> None:
        """Let a silent one say something."""
        if self.silent:
            number = self.silent.pop(pick % len(self.silent))
            ruling = self.admission.speaks(number)
            self._gone(ruling.refused)
            (self.placed if ruling.enters else self.waiting).append(number)

    def slow(self, pick: int, address: str) -> None:
        """Let a placed one be slow."""
        if self.placed:
            self.admission.is_slow(self.placed[pick % len(self.placed)])

    def work(self, pick: int, address: str) -> None:
        """Let a placed one's request be complete."""
        if self.placed:
            self.admission.works(self.placed[pick % len(self.placed)])

    def leave(self, pick: int, address: str) -> None:
        """Let one go; somebody who waited may follow."""
        if everybody := self.silent + self.placed + self.waiting:
            number = everybody[pick % len(everybody)]
            self._gone(number)
            following = self.admission.leaves(number)
            if following is not None:
                self.waiting.remove(following)
                self.placed.append(following)

    def vouch(self, pick: int, address: str) -> None:
        """Make an address known."""
        self.known.add(address)

    def check(self) -> None:
        """See that both counts agree and the limits hold."""
        assert self.admission.placed == len(self.placed) <= self.places.total
        assert self.admission.at_door == len(self.silent) + len(self.waiting)
        assert self.admission.at_door <= self.places.door + 1

    def _gone(self, number: int | None) -> None:
        for group in (self.silent, self.placed, self.waiting):
            if number in group:
                group.remove(number)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "speak", "slow", "work", "leave", "vouch"]),
        st.integers(0, 50),
        st.sampled_from("abcdef"),
    ),
    max_size=200,
)


@given(STEPS)
def test_the_bounds_hold_whatever_happens(steps: list[tuple[str, int, str]]) -> None:
    """Nobody is lost or counted twice, and everything is free again when all have left."""
    visitors = Visitors()
    for what, pick, address in steps:
        getattr(visitors, what)(pick, address)
        visitors.check()
    for _ in range(len(visitors.silent + visitors.placed + visitors.waiting)):
        visitors.leave(0, "")
    assert (visitors.admission.placed, visitors.admission.at_door) == (0, 0)
