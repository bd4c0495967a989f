"""JSON that goes wrong: values with one fault, as a parsed text cannot hold them. Pure.

An object is a list of pairs here (`Pairs`), so that a key may stand in it twice; `Raw` stands for
text that is written as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any


class Pairs(list):
    """An object: (key, value) in order, keys may be repeated."""


class Raw(str):
    """JSON text, or what pretends to be it."""

    __slots__ = ()


#: A place in a value: what holds it, and where in it.
Place = tuple[list, int]

#: Depths of nesting: usual, many, just below and above what readers of JSON allow.
DEPTHS = (10, 100, 490, 990, 1100, 20_000)
#: Lengths of texts; the last is rare, since it costs as much as all others together.
LENGTHS = (129, 1025, 4096, 65_537, 300_000, 1_000_001)
#: Words that are no numbers, or hardly ones. None is a job's id that could be in use.
NUMBERS = (
    "-1", "0", "-0", "1e308", "1E400000", "-1e999", "9" * 30, "9" * 4301, "1" * 100_000,
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "2147483648",
    "1.5", "0.0000001", "NaN", "Infinity", "-Infinity", "0x10", "1_000", "00012",
)  # fmt: skip
#: Pieces of text that readers, databases, logs and shells may stumble over.
TEXTS = (
    "\\u0000", "\\ud800", "\\udfff\\ud800", "\\ud83d\\ude00", "\\u2028", "\\r\\n2026 [CRIT] forged",
    "%s%n%d", "{0.__class__}", "'", '\\"', "\\\\", "\\u001b[2J", "\\u202e", "é", "😀", "\x00",
    "\x01", "a\\u0000b", "' OR '1'='1", "--", "../../etc", "\ufeff", "\u0130", "ß", "\t", "",
)  # fmt: skip


def parsed(text: bytes) -> Any:
    """Return JSON with `Pairs` for its objects."""
    return json.loads(text, object_pairs_hook=Pairs)


def dumped(value: Any) -> bytes:
    """Return a value as text; half characters become bytes that are not UTF-8."""
    return _text(value).encode("utf-8", "surrogatepass")


def places(value: Any) -> Iterator[Place]:
    """Give every place inside a value, the outermost first."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index
            yield from places(item[1] if isinstance(value, Pairs) else item)


def deep(depth: int, random: Random) -> Raw:
    """Return brackets inside each other."""
    if random.random() < 0.5:
        return Raw("[" * depth + "]" * depth)
    return Raw('{"a":' * depth + "1" + "}" * depth)


def spoilt(value: Any, random: Random) -> tuple[str, bytes]:
    """Put one fault into a value of `parsed`; return its name and the text.

    The value is changed; parse it anew for the next fault.
    """
    holder, index = random.choice(list(places(value)))
    name, fault = random.choice(FAULTS)
    fault(holder, index, random)
    return name, dumped(value)


def _put(place: list, index: int, new: Any) -> None:
    """Replace the value at a place, and leave its key."""
    place[index] = (place[index][0], new) if isinstance(place, Pairs) else new


def _get(place: list, index: int) -> Any:
    return place[index][1] if isinstance(place, Pairs) else place[index]


def _double(place: list, index: int, random: Random) -> None:
    twin = place[index]
    if isinstance(place, Pairs):
        twin = (twin[0], random.choice([twin[1], None, "", Pairs(), [], Raw("1e999")]))
    place.insert(random.randrange(len(place) + 1), twin)


def _retype(place: list, index: int, random: Random) -> None:
    value = _get(place, index)
    others = [None, True, False, [], Pairs(), [value], Pairs([("a", value)]), Raw("0"), "", 0.5]
    _put(place, index, random.choice(others))


def _nest(place: list, index: int, random: Random) -> None:
    _put(place, index, deep(random.choice(DEPTHS), random))


def _number(place: list, index: int, random: Random) -> None:
    word = random.choice(NUMBERS)
    _put(place, index, random.choice([Raw(word), word]))


def _lengthen(place: list, index: int, random: Random) -> None:
    text = random.choice(["a", "'", "\\", "\u3042", "\n", "("])
    _put(place, index, text * (random.choice(LENGTHS) // len(text.encode())))


def _odd_text(place: list, index: int, random: Random) -> None:
    value = _get(place, index)
    base = value if isinstance(value, str) and not isinstance(value, Raw) else ""
    odd = "".join(random.choices(TEXTS, k=random.randint(1, 3)))
    _put(place, index, Raw('"' + json.dumps(base)[1:-1] + odd + '"'))


def _drop(place: list, index: int, random: Random) -> None:
    del place[index]


def _add(place: list, index: int, random: Random) -> None:
    key = random.choice(["attempt", "retry", "env", "extra", "", "a" * 70_000, "\ud800"])
    new: Any = random.choice([None, "x", 1.5, Pairs(), [], -1])
    place.insert(index, (key, new) if isinstance(place, Pairs) else new)


def _rename(place: list, index: int, random: Random) -> None:
    if isinstance(place, Pairs):
        key, value = place[index]
        other = random.choice([key.upper(), key + " ", key[:-1], key + "\x00", "", "\ud800" + key])
        place[index] = (other, value)


def _swap(place: list, index: int, random: Random) -> None:
    other = random.randrange(len(place))
    first, second = _get(place, index), _get(place, other)
    _put(place, index, second)
    _put(place, other, first)


#: The faults, by name.
FAULTS: list[tuple[str, Callable[[list, int, Random], None]]] = [
    ("doubled key", _double),
    ("other type", _retype),
    ("deep", _nest),
    ("number", _number),
    ("long text", _lengthen),
    ("odd text", _odd_text),
    ("missing key", _drop),
    ("unknown key", _add),
    ("renamed key", _rename),
    ("swapped values", _swap),
]


def _text(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{_string(key)}:{_text(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    return json.dumps(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
