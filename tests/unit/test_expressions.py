"""Expressions of IF icons are POSIX extended ones, and none can take more than its share."""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobarranger import expressions
from jobarranger.errors import TryAgain
from jobarranger.expressions import Fit, fit, matcher, shape
from jobarranger.expressions.matcher import Matcher

#: The input that took 979 MiB in the C library, and doubled with each level.
NESTED = "(" * 20 + "a" + "+)" * 20


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Matcher]:
    """Give a matcher of the test's own, which ends with it."""
    made = Matcher()
    monkeypatch.setattr(matcher, "_matcher", made)
    yield made
    made._end()


def pid(own: Matcher) -> int:
    """Return the process id of the program that matches."""
    assert own._program is not None
    return own._program._pid


def limit(own: Matcher) -> int:
    """Return the bytes of address space beyond which the kernel gives the program none."""
    text = Path(f"/proc/{pid(own)}/limits").read_text()
    return int(text.partition("Max address space")[2].split()[0])


def most_held(own: Matcher) -> int:
    """Return the most bytes of memory that the program has held so far."""
    text = Path(f"/proc/{pid(own)}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.parametrize(
    ("pattern", "text", "hit"),
    [
        ("b", "abc", True),
        ("B", "abc", False),
        ("^a.c$", "abc", True),
        ("^b$", "a\nb\nc", True),
        ("a.b", "a\nb", False),
        ("a[^x]b", "a\nb", False),
        ("[[:digit:]]{2}", "x12", True),
        ("(ok|done)", "all done", True),
        (r"\.", "abc", False),
        ("^$", "", True),
        ("gr.n", "grün", True),
        ("日本", "日本語", True),
        ("", "anything", True),
        ("a)", "ba)", True),
        (r"(.)x\1", "axa", True),
        (r"(.)x\1", "axb", False),
        ("b", "a\0b", False),
    ],
)
def test_search(pattern: str, text: str, hit: bool) -> None:
    """Searched anywhere, by case; `.` and `[^x]` stop at a line's end, `^` and `$` stand there."""
    assert fit(pattern, text) is (Fit.YES if hit else Fit.NO)


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "*(" * 3, "(" * 9])
def test_a_pattern_that_does_not_compile_is_invalid(pattern: str) -> None:
    """It differs from one that is only not found."""
    assert fit(pattern, "a") is Fit.INVALID


def test_nested_repetitions_of_61_bytes(own: Matcher) -> None:
    """They took 979 MiB; now they are refused from their text, before any program is started."""
    assert len(NESTED) == 61
    began = time.monotonic()
    assert fit(NESTED, "a") is Fit.TOO_MUCH
    assert time.monotonic() - began < 0.1
    assert own._program is None


def test_nested_repetitions_that_reach_the_library(own: Matcher) -> None:
    """If the check of the text missed them, the program would still not grow beyond its limit."""
    raw = NESTED.encode()
    assert own.ask(b"a", b"a", b"a") is Fit.YES
    assert matcher.MEMORY < limit(own) < matcher.MEMORY + (64 << 20)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert own.ask(raw, raw, b"a") is Fit.TOO_MUCH
    own._end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < matcher.SECONDS + 1.0


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{1,255}){1,255}",  # 65,025 copies
        "a{1000}" * 9_000,  # nine million copies, none of them nested
        "(" * 32_000 + ")" * 32_000,  # overflows the library's stack
        "(a?){999}" * 50,
        "x" * 65_536,
        "a" + "+" * 10,
        "(a{1,}){501}",
    ],
)
def test_too_large_to_compile(own: Matcher, pattern: str) -> None:
    """Whatever makes an expression large, it is refused and the next one is served."""
    assert fit(pattern, "a") is Fit.TOO_MUCH
    assert fit("a", "a") is Fit.YES


def test_an_expression_that_takes_too_long_is_refused(own: Matcher) -> None:
    """The library would be at this one for 22 s; half a second ends it."""
    text = ('{"key": "value", "other": [1,2,3]}, ' * 2_000)[:64_000].encode()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert own.ask(b"(.*,){20}Z", b"(.*,){20}Z", text) is Fit.TOO_MUCH
    own._end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert matcher.SECONDS / 2 < used < matcher.SECONDS + 1.0


def test_matching_that_takes_too_much_memory_is_refused(own: Matcher) -> None:
    """The library keeps a state for each place of a long text, 293 MiB for 2,000 characters."""
    letters = random.Random(1)
    text = "".join(letters.choice("ab") for _ in range(64_000))
    assert fit("(a|b)*a(a|b){15}c", text) is Fit.TOO_MUCH
    assert fit("a", "a") is Fit.YES
    assert most_held(own) < matcher.MEMORY + (32 << 20)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(.*,){20}Z", ('{"key": "value", "other": [1,2,3]}, ' * 2_000)[:64_000]),
        ("[a-z]+ [a-z]+ [a-z]+X", "a" * 64_000),
        ("a*b|zz", "a" * 64_000),
        ("(a+)+$x", "a" * 64_000),
    ],
)
def test_a_long_text_is_gone_through_once(pattern: str, text: str) -> None:
    """The library alone tries each place anew: 9 to 35 s for each of these."""
    assert fit(pattern, text) is Fit.NO


@pytest.mark.parametrize(
    ("pattern", "repeats", "joins"),
    [
        ("abc", 1, True),
        ("a{3}b{4}", 4, True),
        ("(a{3}b){4}", 12, True),
        ("(a+)+", 4, True),
        ("a{2,}", 3, True),
        ("a{,7}", 7, True),
        ("a{0}", 1, True),
        ("[{]{9}[+)(]", 9, True),
        ("[]{5]x", 1, True),
        ("[[:alpha:]{9}]", 1, True),
        (r"\(\{5}\+", 1, True),
        ("a)", 1, False),
        (r"(a)\1", 1, False),
        (r"\\1", 1, True),
    ],
)
def test_shape(pattern: str, repeats: int, joins: bool) -> None:
    """Nested repetitions multiply, others do not; brackets and escapes hide what is in them."""
    assert (shape(pattern).repeats, shape(pattern).joins) == (repeats, joins)


def test_the_shape_of_the_longest_pattern_is_reported_at_once() -> None:
    """Also of brackets that are never closed: looking costs as many steps as characters."""
    for part in ("[[:", "[[:a", "(", "a{1", "[", "\\"):
        began = time.monotonic()
        shape((part * expressions.LONGEST)[: expressions.LONGEST])
        assert time.monotonic() - began < 2.0


PIECES = st.sampled_from(
    [*"ab.*+?()[]^$|{},9\\é日", "{2}", "{1,}", "{,3}", r"\1", r"\b", r"\<", r"\w", r"\`"]
) | st.sampled_from(["[^a]", "[[:space:]]"])


@settings(max_examples=150, deadline=None)
@given(
    pattern=st.lists(PIECES, max_size=255).map(lambda some: "".join(some)[:255]),
    text=st.text("ab\n é日(", max_size=60),
)
@example(pattern=NESTED, text="a")
@example(pattern="(" * 9 + "a" + "+)" * 9, text="a" * 60)
@example(pattern="((a{5}){5}){5}" * 18, text="a" * 60)
@example(pattern="(.*){999}" * 28, text="ab" * 30)
def test_no_pattern_passes_the_limits(pattern: str, text: str) -> None:
    """Up to 255 bytes, nested as it may be: an answer, within the limits of memory and time."""
    before = time.monotonic()
    assert fit(pattern, text) in Fit
    assert time.monotonic() - before < matcher.PATIENCE
    if matcher._matcher._program is not None:
        assert limit(matcher._matcher) < matcher.MEMORY + (64 << 20)
        assert most_held(matcher._matcher) < matcher.MEMORY + (32 << 20)


@settings(max_examples=300, deadline=None)
@given(pattern=st.lists(PIECES, max_size=7).map("".join), text=st.text("ab\n é日(", max_size=8))
def test_one_pass_finds_what_the_library_finds(pattern: str, text: str) -> None:
    """The form that is searched for means the same as the expression itself."""
    raw = pattern.encode()
    assert fit(pattern, text) is matcher.ask(raw, raw, text.encode())


def test_nothing_is_kept_of_an_expression(own: Matcher) -> None:
    """There is no cache: the program is as small after many expressions as after the first."""
    fit("a", "a")
    first = pid(own)
    size = Path(f"/proc/{first}/statm").read_text().split()[1]
    for number in range(300):
        fit(f"(x{{100}}y|{number}){{2}}", "x" * 5_000)
    assert pid(own) == first
    grown = int(Path(f"/proc/{first}/statm").read_text().split()[1]) - int(size)
    assert grown * resource.getpagesize() < 8 << 20


def test_a_program_that_was_ended_is_replaced(own: Matcher) -> None:
    """Whoever ends it, nobody's expression is blamed."""
    for number in (signal.SIGKILL, signal.SIGTERM):
        assert fit("a", "a") is Fit.YES
        os.kill(pid(own), number)
    assert fit("a", "a") is Fit.YES


def test_a_program_that_does_not_answer_is_passing_trouble(
    own: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended, and the icon or the question is tried again later."""
    assert own.ask(b"a", b"a", b"a") is Fit.YES
    monkeypatch.setattr(matcher, "PATIENCE", 0.2)
    os.kill(pid(own), signal.SIGSTOP)
    with pytest.raises(TryAgain):
        own.ask(b"a", b"a", b"a" * 200_000)  # more than a pipe holds
    monkeypatch.undo()
    assert own.ask(b"a", b"a", b"a") is Fit.YES


def test_a_program_that_cannot_be_started_is_passing_trouble(
    own: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves no descriptor behind."""
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(TryAgain, match="cannot be compared now"):
        own.ask(b"a", b"a", b"a")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_forked_process_has_a_program_of_its_own() -> None:
    """Parent and child would take each other's answers from one."""
    assert fit("a", "a") is Fit.YES
    child = os.fork()
    if not child:
        fresh = matcher._matcher._program is None
        os._exit(0 if fresh and fit("b", "b") is Fit.YES else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert fit("a", "a") is Fit.YES
