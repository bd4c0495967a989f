"""The inputs themselves: repeatable, of every kind, and harmless where they get through."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from jobarranger.states import Method
from tests.fuzz import shapes, wire, worst
from tests.fuzz.choice import chosen
from tests.fuzz.inputs import HOME, Door, Input, Known, Manner, read_inputs, write_inputs
from tests.fuzz.recorded import FAR, telegrams

#: Inputs that are looked at: enough for the rarest kind to be among them.
LOOKED_AT = 1_500
#: Bytes of the longest request that a port may take at all.
LONGEST = 16 << 20

KNOWN = Known(
    trapper_port=1,
    agent_port=2,
    runtime_dir="/run",
    queues=("run-1.q",),
    host="here",
    honest="tester",
    guest="guest",
    guest_password="known",
    jobnet="GUESTS",
    trace_file="/trace",
)


@pytest.fixture(scope="module")
def looked_at() -> tuple[Input, ...]:
    """Return the first inputs of a process."""
    return tuple(chosen(1, 0, number, KNOWN) for number in range(LOOKED_AT))


def test_the_same_seed_gives_the_same_inputs() -> None:
    """An input is known by seed, process and number."""
    assert chosen(5, 3, 8, KNOWN) == chosen(5, 3, 8, KNOWN)
    others = [chosen(6, 3, 8, KNOWN), chosen(5, 4, 8, KNOWN), chosen(5, 3, 9, KNOWN)]
    assert chosen(5, 3, 8, KNOWN) not in others


def test_every_kind_is_among_them(looked_at: tuple[Input, ...]) -> None:
    """Each fault, each worst case, each manner and each door comes up."""
    kinds = Counter(one.kind for one in looked_at)
    faults = [name for name, _ in [*shapes.FAULTS, *wire.DAMAGES, *wire.FRAMES]]
    assert [name for name in faults if not kinds[f"mutation, {name}"]] == []
    cases = {one.kind for one in looked_at if not one.kind.startswith("mutation")}
    assert len(cases) >= len(worst.CASES)
    assert {one.manner for one in looked_at} == set(Manner)
    assert {one.door for one in looked_at} == set(Door)


def test_sizes_go_up_to_the_limit_and_not_far_beyond(looked_at: tuple[Input, ...]) -> None:
    """Requests are as long as a port takes; none is so long that only the sender suffers."""
    sizes = [len(data) for one in looked_at for data in one.sends]
    assert LONGEST * 0.8 < max(sizes) < LONGEST * 1.2


def test_strangers_never_speak_as_the_site_itself(looked_at: tuple[Input, ...]) -> None:
    """What plain protocol 1 cannot distinguish is not tried; all addresses are loopback ones."""
    for one in looked_at:
        assert one.source.startswith("127."), one
        if one.source == HOME:
            whole = b"".join(one.sends)
            assert b"guess-" not in whole or KNOWN.honest.encode() not in whole, one
            assert one.door is not Door.AGENT or KNOWN.trace_file.encode() not in whole, one


def test_recorded_jobs_do_nothing_and_are_nobodys() -> None:
    """What is recorded and gets through runs no command and ends no job of the site."""
    orders = [shapes.parsed(text) for text in telegrams(Door.AGENT, KNOWN)]
    assert {dict(dict(order)["data"]).get("script") for order in orders} == {":"}
    assert all(int(dict(dict(order)["data"])["jobid"]) >= FAR for order in orders)
    assert Method.KILL in {dict(dict(order)["data"])["method"] for order in orders}


def test_inputs_survive_a_file(looked_at: tuple[Input, ...], tmp_path: Path) -> None:
    """What was written for a replay is read back as it was."""
    some = looked_at[:100]
    assert write_inputs(tmp_path / "inputs", some) == len(some)
    assert tuple(read_inputs(tmp_path / "inputs")) == some


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (shapes.Pairs([("a", 1), ("a", None)]), b'{"a":1,"a":null}'),
        (["\ud800", shapes.Raw("1e999")], b'["\xed\xa0\x80",1e999]'),
        (shapes.deep(3, Random(1)), b"[[[]]]"),
    ],
)
def test_faults_that_no_parsed_value_can_hold_are_written(value: object, text: bytes) -> None:
    """A key may stand twice, half a character and a number too large are written as they are."""
    assert shapes.dumped(value) == text
